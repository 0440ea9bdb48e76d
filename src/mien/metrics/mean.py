"""A mean that can be gathered in parts: over batches, files or processes."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Mean:
    """Sum and count; two of them add up to the one of all their values."""

    sum: float = 0.0
    count: int = 0

    @classmethod
    def of(cls, values: Float[Tensor, " values"]) -> "Mean":
        return cls(float(values.sum(dtype=torch.float64)), len(values))

    def __add__(self, other: "Mean") -> "Mean":
        return Mean(self.sum + other.sum, self.count + other.count)

    @property
    def value(self) -> float:
        if self.count == 0:
            raise ValueError("the mean of no values: nothing was measured")
        return self.sum / self.count
