"""Additive white Gaussian noise, of each picture's own strength."""

import torch
from jaxtyping import Float
from torch import Tensor

from mien.types import Images


def uniform(generator: torch.Generator, *shape: int) -> Float[Tensor, "*shape"]:
    """Evenly between 0 and 1, in float64 on the generator's device."""
    return torch.rand(shape, generator=generator, device=generator.device, dtype=torch.float64)


def normal(generator: torch.Generator, *shape: int) -> Float[Tensor, "*shape"]:
    """Standard normal, through the inverse distribution: `torch.randn` depends on the vector width."""
    return torch.special.ndtri(uniform(generator, *shape).clamp(min=2.0**-53))


def add_noise(
    images: Images,
    deviation: Float[Tensor, " batch"],
    generator: torch.Generator,
    mean: Float[Tensor, " batch"] | None = None,
) -> Images:
    """Independent in every pixel and channel; 1 is the span from black to white. Does not clip."""
    noise = torch.randn(images.shape, generator=generator, device=generator.device, dtype=images.dtype).to(
        images.device
    )
    noisy = torch.addcmul(images, noise, deviation.to(images)[:, None, None, None])
    return noisy if mean is None else noisy + mean.to(images)[:, None, None, None]
