"""How well maps of classes agree: intersection over union, class by class."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Overlaps:
    """Pixels counted over any number of pictures; counts add up over batches and processes."""

    shared: Int[Tensor, " classes"]
    """That both maps call by a class."""
    either: Int[Tensor, " classes"]
    """That at least one of them does."""

    @classmethod
    def of(
        cls,
        found: Int[Tensor, "batch height width"],
        truth: Int[Tensor, "batch height width"],
        num_classes: int,
    ) -> "Overlaps":
        pairs = torch.bincount((truth * num_classes + found).flatten(), minlength=num_classes**2)
        table = pairs.view(num_classes, num_classes)
        shared = table.diagonal()
        return cls(shared, table.sum(0) + table.sum(1) - shared)

    def __add__(self, other: "Overlaps") -> "Overlaps":
        return Overlaps(self.shared + other.shared, self.either + other.either)

    @property
    def per_class(self) -> Float[Tensor, " classes"]:
        """Not a number for a class that neither map has."""
        return self.shared.double() / self.either.double()

    @property
    def mean(self) -> float:
        """Over the classes that there are."""
        return float(self.per_class.nanmean())
