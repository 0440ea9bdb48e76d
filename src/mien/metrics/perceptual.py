"""LPIPS: how different two pictures look to a network (Zhang et al., The unreasonable effectiveness, 2018).

Published figures need the published backbone and heads, which `backbones.py` reads from a user's files.
With any other network it is a stand-in that goes by that network's name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.types import Images

FeatureMap = Float[Tensor, "batch _ _ _"]
Head = Float[Tensor, " _"]


@dataclass(frozen=True)
class Perception:
    """A network's features at several depths, and how much each of them counts."""

    name: str
    """Network, weights, and whether it is LPIPS as published or a stand-in."""
    extract: Callable[[Images], list[FeatureMap]]
    """Pictures in [0, 1] to feature maps, fine to coarse."""
    heads: tuple[Head, ...] = ()
    """One weight per channel and map; none at all: every channel counts the same."""
    is_stand_in: bool = False
    """Whether another network than LPIPS's looks, so that its numbers compare with no published ones."""

    def __post_init__(self) -> None:
        if any(bool((head < 0).any()) for head in self.heads):
            raise ValueError(f"{self.name}: a head is negative, which no distance can be")


def perceptual_distance(
    images: Images, truths: Float[Tensor, "#batch 3 height width"], perception: Perception
) -> Float[Tensor, " batch"]:
    """Squares between unit-normalised features, weighted, mean over pixels, sum over maps (equation 1).

    One truth may serve all pictures.
    """
    found, wanted = perception.extract(images), perception.extract(truths)
    heads = perception.heads or tuple(repeat(None, len(found)))
    if len(heads) != len(found):
        raise ValueError(f"{perception.name}: {len(heads)} heads for {len(found)} feature maps")
    distances = [
        _map_distance(image, truth, head) for image, truth, head in zip(found, wanted, heads, strict=True)
    ]
    return torch.stack(distances).sum(dim=0)


def _map_distance(
    image: FeatureMap, truth: Float[Tensor, "#batch _ _ _"], head: Head | None
) -> Float[Tensor, " batch"]:
    # the published code's guard; it matters where a pixel has no features at all
    image, truth = (F.normalize(features, dim=1, eps=1e-10) for features in (image, truth))
    squares = (image - truth).square()
    if head is not None:
        squares = squares * head.to(squares)[:, None, None]
    return squares.sum(dim=1).mean(dim=(1, 2))
