"""Pairs of pictures, of one person and of two: made inside a folder, or as a list says."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from mien.evaluate.portraits import Portrait
from mien.evaluate.sheets import EvaluationError
from mien.metrics.verification import contiguous_folds

NUM_FOLDS = 10


@dataclass(frozen=True)
class Pair:
    """Two pictures by path, whether they show one person, and the fold they belong to."""

    first: Path
    second: Path
    is_same: bool
    fold: int


@dataclass(frozen=True)
class PairList:
    """Pictures, and which of them are compared."""

    name: str
    portraits: tuple[Portrait, ...]
    first: Int[Tensor, " pairs"]
    second: Int[Tensor, " pairs"]
    same: Bool[Tensor, " pairs"]
    folds: Int[Tensor, " pairs"]
    people: tuple[str, ...] = ()
    """Of each portrait, where it is known."""

    def __len__(self) -> int:
        return len(self.same)


def pair_list(name: str, root: Path, pairs: Sequence[Pair]) -> PairList:
    """Of pictures below a folder; every one of them must be there."""
    if not pairs:
        raise EvaluationError(f"{name} holds no pairs")
    paths = sorted({path for pair in pairs for path in (pair.first, pair.second)})
    need_pictures(name, root, paths)
    number = {path: index for index, path in enumerate(paths)}
    return PairList(
        name=name,
        portraits=tuple(Portrait(path.as_posix(), root / path) for path in paths),
        first=torch.tensor([number[pair.first] for pair in pairs]),
        second=torch.tensor([number[pair.second] for pair in pairs]),
        same=torch.tensor([pair.is_same for pair in pairs]),
        folds=torch.tensor([pair.fold for pair in pairs]),
    )


def need_pictures(name: str, root: Path, paths: Sequence[Path]) -> None:
    """A list whose pictures are not all there would be another protocol."""
    missing = [path for path in paths if not (root / path).is_file()]
    if missing:
        shown = ", ".join(str(path) for path in missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise EvaluationError(
            f"{name} names {len(paths)} pictures, of which {len(missing)} are missing below {root}: {shown}"
        )


def made_pairs(photos: Sequence[Path], seed: int = 0, name: str = "made pairs") -> PairList:
    """All pairs of one person, and as many of two people, drawn; the folder of a picture is its person.

    The pairs of each kind are dealt out to ten folds, so a person may come in several of them: what the
    folds share out is one threshold, which hardly knows anybody.
    """
    ordered = sorted(photos)
    people = [path.parent.name for path in ordered]
    generator = torch.Generator().manual_seed(seed)
    same = same_pairs(people)
    if len(same) < NUM_FOLDS:
        raise EvaluationError(
            f"{name}: {len(ordered)} pictures of {len(set(people))} people make {len(same)} pairs of one "
            f"person, wanted {NUM_FOLDS} or more: one folder for each person, with several pictures"
        )
    same = [same[index] for index in torch.randperm(len(same), generator=generator).tolist()]
    different = different_pairs(people, len(same), generator)
    folds = contiguous_folds(len(same), NUM_FOLDS)
    numbers = torch.tensor(same + different)
    return PairList(
        name=name,
        portraits=tuple(Portrait(f"{path.parent.name}/{path.name}", path) for path in ordered),
        first=numbers[:, 0],
        second=numbers[:, 1],
        same=torch.arange(2 * len(same)) < len(same),
        folds=torch.cat((folds, folds)),
        people=tuple(people),
    )


def same_pairs(people: Sequence[str]) -> list[tuple[int, int]]:
    members: dict[str, list[int]] = {}
    for number, person in enumerate(people):
        members.setdefault(person, []).append(number)
    return [pair for numbers in members.values() for pair in combinations(numbers, 2)]


def different_pairs(people: Sequence[str], num: int, generator: torch.Generator) -> list[tuple[int, int]]:
    """So many, none twice."""
    total = len(people) * (len(people) - 1) // 2 - len(same_pairs(people))
    if total < num:
        raise EvaluationError(f"{len(set(people))} people make {total} pairs of two people, wanted {num}")
    found: dict[tuple[int, int], None] = {}
    while len(found) < num:
        first, second = sorted(torch.randint(len(people), (2,), generator=generator).tolist())
        if people[first] != people[second]:
            found[first, second] = None
    return list(found)
