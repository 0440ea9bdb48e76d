"""Fréchet distance between two sets of pictures (Heusel et al., GANs trained by a two time-scale rule, 2017).

It is biased upwards by few pictures, in leading order as 1 / count, so it is told with both counts,
with what equal sets of that size would show, and extrapolated to infinitely many.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mien.metrics.samples import Samples, need_pictures, need_same_embedder

Vector = Float[Tensor, " features"]
Matrix = Float[Tensor, "features features"]


@dataclass(frozen=True)
class Moments:
    """Sums over embeddings and over their outer products, in float64; states add up."""

    embedder: str
    count: int
    sum: Vector
    outer: Matrix

    @classmethod
    def of(cls, samples: Samples) -> "Moments":
        values = samples.embeddings.double()
        return cls(samples.embedder, len(values), values.sum(0), values.mT @ values)

    def __add__(self, other: "Moments") -> "Moments":
        need_same_embedder(self.embedder, other.embedder)
        return Moments(
            self.embedder, self.count + other.count, self.sum + other.sum, self.outer + other.outer
        )

    @property
    def gaussian(self) -> "Gaussian":
        """Mean and covariance, the latter divided by count - 1."""
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 pictures, here are {self.count}")
        mean = self.sum / self.count
        covariance = (self.outer - self.count * torch.outer(mean, mean)) / (self.count - 1)
        return Gaussian(self.embedder, self.count, mean, covariance)


@dataclass(frozen=True)
class Gaussian:
    """What the distance sees of a set."""

    embedder: str
    count: int
    mean: Vector
    covariance: Matrix


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) (Heusel et al., equation 6)."""
    need_same_embedder(first.embedder, second.embedder)
    means = (first.mean - second.mean).square().sum()
    traces = first.covariance.trace() + second.covariance.trace()
    # the eigenvalues of C1 C2 are the squared singular values of C1^(1/2) C2^(1/2), which needs no root
    # of a matrix that is not symmetric and stays sound where there are fewer pictures than features
    roots = torch.linalg.svdvals(_root(first.covariance) @ _root(second.covariance))
    return max(0.0, float(means + traces - 2 * roots.sum()))


def distance_of_equals(gaussian: Gaussian, first_count: int, second_count: int) -> float:
    """What two sets drawn from this very distribution are expected to show, in leading order of 1 / count.

    The means differ by tr(C) / n. The covariances differ as Wishart matrices do, by variances
    of (l_i l_j + [i = j] l_i^2) / n in the eigenbasis, and the distance's second derivative there is
    1 / (l_i + l_j). Tells little where n is smaller than the number of features.
    """
    values = torch.linalg.eigvalsh(gaussian.covariance).clamp(min=0)
    product, total = values[:, None] * values, values[:, None] + values
    spread = torch.where(total > 0, product / total, 0.0)
    covariances = (spread.sum() + spread.diagonal().sum()) / 2
    return float(values.sum() + covariances) * (1 / first_count + 1 / second_count)


def extrapolated_frechet(
    samples: Samples, reference: Gaussian, generator: torch.Generator, num_sizes: int = 10
) -> float:
    """The distance that infinitely many pictures would show: a straight line over 1 / count, at 0.

    Chong and Forsyth, Effectively unbiased FID, 2020, with plain random subsets of evenly spaced sizes
    from half of the pictures to all of them. The reference keeps its own bias.
    """
    need_pictures(samples, 2 * num_sizes, "an extrapolated Fréchet distance")
    sizes = torch.linspace(len(samples) / 2, len(samples), num_sizes).round().long().tolist()
    distances = []
    for size in sizes:
        chosen = torch.randperm(len(samples), generator=generator)[:size]
        part = Samples(samples.embedder, samples.embeddings[chosen])
        distances.append(frechet_distance(Moments.of(part).gaussian, reference))
    inverse = 1 / torch.tensor(sizes, dtype=torch.float64)
    line = torch.stack((torch.ones_like(inverse), inverse), dim=1)
    fit = torch.linalg.lstsq(line, torch.tensor(distances, dtype=torch.float64)[:, None]).solution
    return float(fit[0, 0])


def write_gaussian(path: Path, gaussian: Gaussian) -> None:
    """Keep a reference set's statistics (.npz), so that its pictures need not be there."""
    np.savez(
        path,
        embedder=np.array(gaussian.embedder),
        count=np.array(gaussian.count),
        mu=gaussian.mean.numpy(),
        sigma=gaussian.covariance.numpy(),
    )


def read_gaussian(path: Path, embedder: str = "", count: int = 0) -> Gaussian:
    """Statistics of `write_gaussian`, or published ones: an .npz with `mu` and `sigma`.

    Published files say neither the embedder nor the count; both must be given for those.
    """
    with np.load(path, allow_pickle=False) as file:
        if not {"mu", "sigma"} <= set(file.files):
            raise ValueError(f"{path} holds {', '.join(file.files)}, not mu and sigma")
        arrays: dict[str, np.ndarray] = {name: file[name] for name in file.files}
    embedder = str(arrays["embedder"]) if "embedder" in arrays else embedder
    count = int(arrays["count"]) if "count" in arrays else count
    if not embedder or count < 2:
        raise ValueError(f"{path} does not say by which embedder and from how many pictures it is: say both")
    mean, covariance = (torch.from_numpy(arrays[name]).double() for name in ("mu", "sigma"))
    if covariance.shape != (len(mean), len(mean)):
        raise ValueError(f"{path}: a covariance of {tuple(covariance.shape)} for {len(mean)} features")
    return Gaussian(embedder, count, mean, covariance)


def _root(covariance: Matrix) -> Matrix:
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.mT
