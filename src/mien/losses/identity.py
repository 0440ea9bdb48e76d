"""Keeping the person: distance between embeddings of a face recogniser."""

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.types import Images

Embed = Callable[[Images], Float[Tensor, "batch features"]]


EMBEDDED_SIZE = 256
"""Side of the crops that embedders take, as `tools/export_embedder.py` makes them."""


def identity_distance(
    result: Float[Tensor, "batch features"], truth: Float[Tensor, "batch features"]
) -> Float[Tensor, ""]:
    """Squared distance of normalised embeddings (MDFR, equation 6), mean over the batch: 2 - 2 cosine."""
    difference = F.normalize(result, dim=1) - F.normalize(truth, dim=1)  # (B, features)
    return difference.square().sum(dim=1).mean()


def load_embedder(path: Path, device: torch.device) -> Embed:
    """A recogniser from a file of `torch.export` (.pt2): aligned crops in [0, 1] to embeddings.

    Crops of another side are brought to the 256 px that such a file takes. It computes in float32 whatever
    the training's precision: a cosine near 1 has no digits to lose.
    """
    recognise = torch.export.load(path).module().to(device)

    def embed(images: Images) -> Float[Tensor, "batch features"]:
        with torch.autocast(images.device.type, enabled=False):
            return recognise(of_side(images.float(), EMBEDDED_SIZE))

    return embed


def of_side(images: Images, side: int) -> Float[Tensor, "batch 3 {side} {side}"]:
    """Bilinear, and nothing at all for crops that have it."""
    if images.shape[-2:] == (side, side):
        return images
    return F.interpolate(images, size=(side, side), mode="bilinear", align_corners=False)
