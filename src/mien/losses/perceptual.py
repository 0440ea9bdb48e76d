"""Several layers of a frozen network compared: VGG-19's for CFR-GAN, relu1_1 to relu5_1."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from mien.types import Images

Map = Float[Tensor, "batch _ _ _"]
Layers = Callable[[Images], Sequence[Map]]
"""Pictures in [0, 1] to feature maps, fine to coarse."""
Norm = Literal["absolute", "squared"]

VGG_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
"""Of relu1_1, ..., relu5_1 in CFR-GAN's code; its paper adds them up as they are."""


def perceptual_loss(
    made: Sequence[Map],
    truth: Sequence[Map],
    weights: tuple[float, ...] = VGG_WEIGHTS,
    norm: Norm = "absolute",
) -> Float[Tensor, ""]:
    """CFR-GAN, equation 12 (`absolute`), each map's mean; its code squares."""
    if not len(made) == len(truth) == len(weights):
        raise ValueError(f"{len(made)} and {len(truth)} layers cannot be compared by {len(weights)} weights")
    terms = []
    for weight, one, other in zip(weights, made, truth, strict=True):
        difference = one - other.detach()
        terms.append(weight * (difference.abs() if norm == "absolute" else difference.square()).mean())
    return torch.stack(terms).sum()


def load_layers(path: Path, device: torch.device) -> Layers:
    """A network of `torch.export` (.pt2) that returns its layers: pictures in [0, 1] in, float32."""
    network = torch.export.load(path).module().to(device)

    def describe(images: Images) -> Sequence[Map]:
        with torch.autocast(images.device.type, enabled=False):
            found = network(images.float())
        return (found,) if isinstance(found, Tensor) else tuple(found)

    return describe
