"""Are these two pictures the same person? Accuracy over folds, ROC, AUC, TAR at a FAR, EER (protocol C2).

Similarities are cosines of embeddings. The published scripts threshold the squared distance of
normalised embeddings, which is 2 - 2 cosine.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

Embeddings = Float[Tensor, "pictures features"]

ACCURACY_GRID = torch.arange(0, 400, dtype=torch.float64) / 100
"""Squared distances tried for accuracy: 0 to 4 in steps of 0.01, as LFW figures are made."""
RATE_GRID = torch.arange(0, 4000, dtype=torch.float64) / 1000
"""The finer ones tried for a TAR at a FAR."""


def flip_summed(plain: Embeddings, mirrored: Embeddings) -> Embeddings:
    """One embedding of unit length per picture from those of it and of its mirror image."""
    return F.normalize(plain + mirrored, dim=1)


def contiguous_folds(num_pairs: int, num_folds: int = 10) -> Int[Tensor, " pairs"]:
    """Which fold each pair of an ordered list belongs to; what is left over goes to the first ones."""
    if not 2 <= num_folds <= num_pairs:
        raise ValueError(f"{num_pairs} pairs cannot make {num_folds} folds")
    sizes = torch.tensor([len(part) for part in torch.arange(num_pairs).tensor_split(num_folds)])
    return torch.repeat_interleave(torch.arange(num_folds), sizes)


@dataclass(frozen=True)
class Comparisons:
    """Pairs compared; two of them add up to all their pairs."""

    similarities: Float[Tensor, " pairs"]
    """Larger for the same person."""
    same: Bool[Tensor, " pairs"]
    folds: Int[Tensor, " pairs"]
    """Numbers of the folds, from 0; all 0 where there are none."""

    def __post_init__(self) -> None:
        if not bool(self.similarities.isfinite().all()):
            raise ValueError("a similarity is not a finite number: an embedding is broken")

    @classmethod
    def of(
        cls,
        first: Float[Tensor, "pairs features"],
        second: Float[Tensor, "pairs features"],
        same: Bool[Tensor, " pairs"],
        folds: Int[Tensor, " pairs"] | None = None,
    ) -> "Comparisons":
        """Cosines of embeddings of any length."""
        similarities = (F.normalize(first.double(), dim=1) * F.normalize(second.double(), dim=1)).sum(1)
        return cls(similarities, same, torch.zeros(len(same), dtype=torch.int64) if folds is None else folds)

    def __add__(self, other: "Comparisons") -> "Comparisons":
        return Comparisons(
            torch.cat((self.similarities, other.similarities)),
            torch.cat((self.same, other.same)),
            torch.cat((self.folds, other.folds)),
        )

    def __len__(self) -> int:
        return len(self.same)

    @property
    def num_same(self) -> int:
        return int(self.same.sum())

    @property
    def num_different(self) -> int:
        return len(self) - self.num_same


@dataclass(frozen=True)
class Folded:
    """One value per fold, each at a threshold that the other folds chose."""

    values: tuple[float, ...]
    thresholds: tuple[float, ...]
    """Squared distances of normalised embeddings."""

    @property
    def mean(self) -> float:
        return sum(self.values) / len(self.values)

    @property
    def deviation(self) -> float:
        """Over the folds, dividing by their number, as published."""
        return (sum((value - self.mean) ** 2 for value in self.values) / len(self.values)) ** 0.5


@dataclass(frozen=True)
class RocCurve:
    """Every trade between false and true accepts, strict to loose; from (0, 0) to (1, 1)."""

    thresholds: Float[Tensor, " points"]
    """Similarities; a pair at or above one is accepted."""
    false_accepts: Float[Tensor, " points"]
    """FAR: share of different pairs accepted."""
    true_accepts: Float[Tensor, " points"]
    """TAR: share of same pairs accepted."""
    num_different: int

    @property
    def area(self) -> float:
        """AUC: the chance that a same pair is more alike than a different one; ties count half."""
        return float(torch.trapezoid(self.true_accepts, self.false_accepts))

    @property
    def equal_error_rate(self) -> float:
        """EER: where as many different pairs are accepted as same ones are refused, interpolated."""
        after = int((self.false_accepts >= 1 - self.true_accepts).nonzero()[0])
        far, tar = self.false_accepts[after - 1], self.true_accepts[after - 1]
        step, climb = self.false_accepts[after] - far, self.true_accepts[after] - tar
        return float(far + step * (1 - tar - far) / (step + climb))

    def tar_at(self, far: float) -> float:
        """TAR at the loosest threshold whose FAR does not exceed `far`."""
        return float(self.true_accepts[self._loosest(far)])

    def threshold_at(self, far: float) -> float:
        """That threshold, a similarity."""
        return float(self.thresholds[self._loosest(far)])

    def _loosest(self, far: float) -> int:
        if far * self.num_different < 1:
            raise ValueError(f"a FAR of {far:g} cannot be seen with {self.num_different} different pairs")
        return int((self.false_accepts <= far).sum()) - 1


def roc_curve(comparisons: Comparisons) -> RocCurve:
    """One point per distinct similarity."""
    _need_both(comparisons)
    order = comparisons.similarities.argsort(descending=True)
    similarities, same = comparisons.similarities[order], comparisons.same[order]
    last_of_its_value = torch.ones(len(same), dtype=torch.bool, device=same.device)
    last_of_its_value[:-1] = similarities[1:] != similarities[:-1]
    accepted_same = same.cumsum(0)[last_of_its_value].double()
    accepted_different = (~same).cumsum(0)[last_of_its_value].double()
    start = accepted_same.new_zeros(1)
    return RocCurve(
        thresholds=torch.cat((start + torch.inf, similarities[last_of_its_value].double())),
        false_accepts=torch.cat((start, accepted_different / comparisons.num_different)),
        true_accepts=torch.cat((start, accepted_same / comparisons.num_same)),
        num_different=comparisons.num_different,
    )


def fold_accuracy(comparisons: Comparisons) -> Folded:
    """Share of right answers per fold, at the first best threshold of `ACCURACY_GRID` on the other folds."""
    counts = _FoldCounts.of(comparisons, ACCURACY_GRID)
    right = counts.accepted_same + counts.num_different - counts.accepted_different
    sizes = counts.num_same + counts.num_different
    elsewhere = (right.sum(1, keepdim=True) - right) / (sizes.sum() - sizes)
    return _at(elsewhere.argmax(0), right / sizes, ACCURACY_GRID)


def accuracy_at(comparisons: Comparisons, threshold: float) -> float:
    """Share of right answers at a squared distance chosen elsewhere: on undamaged pictures, say."""
    accepted = 2 - 2 * comparisons.similarities < threshold
    return float((accepted == comparisons.same).double().mean())


def fold_tar(comparisons: Comparisons, far: float) -> Folded:
    """TAR per fold ("VAL@FAR"), at the loosest of `RATE_GRID` that keeps the FAR on the other folds.

    The published script interpolates the threshold between two of the grid, less than 0.001 away.
    """
    counts = _FoldCounts.of(comparisons, RATE_GRID)
    if not bool(((counts.num_same > 0) & (counts.num_different > 0)).all()):
        raise ValueError("every fold needs pairs of the same person and of different people")
    false, num_different = counts.accepted_different, counts.num_different
    elsewhere = (false.sum(1, keepdim=True) - false) / (num_different.sum() - num_different)
    chosen = ((elsewhere <= far).sum(0) - 1).clamp(min=0)
    return _at(chosen, counts.accepted_same / counts.num_same, RATE_GRID)


@dataclass(frozen=True)
class _FoldCounts:
    """How many pairs of each kind and fold lie below each threshold, and how many there are."""

    accepted_same: Float[Tensor, "thresholds folds"]
    accepted_different: Float[Tensor, "thresholds folds"]
    num_same: Float[Tensor, " folds"]
    num_different: Float[Tensor, " folds"]

    @classmethod
    def of(cls, comparisons: Comparisons, grid: Float[Tensor, " thresholds"]) -> "_FoldCounts":
        _need_both(comparisons)
        folds = comparisons.folds.cpu()
        sizes = torch.bincount(folds)
        if len(sizes) < 2 or not bool((sizes > 0).all()):
            raise ValueError(
                f"folds need numbers 0, 1, ... without gaps, these are {folds.unique().tolist()}"
            )
        distances = 2 - 2 * comparisons.similarities.cpu().double()
        first = torch.searchsorted(grid, distances, right=True)  # the first threshold above each distance

        def count(chosen: Bool[Tensor, " pairs"]) -> Float[Tensor, "thresholds folds"]:
            found = torch.zeros(len(grid) + 1, len(sizes), dtype=torch.float64)
            return found.index_put_((first, folds), chosen.double(), accumulate=True).cumsum(0)

        same, different = count(comparisons.same.cpu()), count(~comparisons.same.cpu())
        return cls(same[:-1], different[:-1], same[-1], different[-1])


def _at(
    chosen: Int[Tensor, " folds"],
    values: Float[Tensor, "thresholds folds"],
    grid: Float[Tensor, " thresholds"],
) -> Folded:
    each = values.gather(0, chosen[None])[0]
    return Folded(tuple(each.tolist()), tuple(grid[chosen.cpu()].tolist()))


def _need_both(comparisons: Comparisons) -> None:
    if comparisons.num_same == 0 or comparisons.num_different == 0:
        raise ValueError(
            "verification needs pairs of the same person and of different people, "
            f"there are {comparisons.num_same} and {comparisons.num_different}"
        )
