"""Keeping the person: distance between embeddings of a face recogniser."""

from collections.abc import Callable

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.types import Images

Embed = Callable[[Images], Float[Tensor, "batch features"]]


def identity_distance(
    result: Float[Tensor, "batch features"], truth: Float[Tensor, "batch features"]
) -> Float[Tensor, ""]:
    """Squared distance of normalised embeddings (MDFR, equation 6), mean over the batch: 2 - 2 cosine."""
    difference = F.normalize(result, dim=1) - F.normalize(truth, dim=1)  # (B, features)
    return difference.square().sum(dim=1).mean()
