"""Pictures as an embedder sees them: what distances between sets of pictures are measured on."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mien.types import Images

Embeddings = Float[Tensor, "pictures features"]


@dataclass(frozen=True)
class Embedder:
    """A function with a name, as distances by different embedders must never meet."""

    name: str
    """Network, weights and input size: all that makes its numbers what they are."""
    embed: Callable[[Images], Embeddings]

    def __call__(self, images: Images) -> "Samples":
        with torch.no_grad():
            return Samples(self.name, self.embed(images).double().cpu())


@dataclass(frozen=True)
class Samples:
    """Embeddings of a set of pictures; states add up."""

    embedder: str
    embeddings: Embeddings

    def __post_init__(self) -> None:
        if not bool(self.embeddings.isfinite().all()):
            raise ValueError(f"an embedding by {self.embedder} is not finite")

    def __add__(self, other: "Samples") -> "Samples":
        need_same_embedder(self.embedder, other.embedder)
        return Samples(self.embedder, torch.cat((self.embeddings, other.embeddings)))

    def __len__(self) -> int:
        return len(self.embeddings)


@dataclass(frozen=True)
class Spread:
    """A mean over subsets, and their standard deviation."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Float[Tensor, " subsets"]) -> "Spread":
        return cls(float(values.mean()), float(values.std(correction=0)))


def need_same_embedder(first: str, second: str) -> None:
    if first != second:
        raise ValueError(f"embeddings by {first} cannot be compared with embeddings by {second}")


def need_pictures(samples: Samples, least: int, what: str) -> None:
    if len(samples) < least:
        raise ValueError(f"{what} needs at least {least} pictures in each set, here are {len(samples)}")
