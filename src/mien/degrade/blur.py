"""Blur with a kernel per picture: Gaussian of any shape, box, and straight motion.

The kernels are (batch, side, side) with sum 1, for `mien.image.filter.filter_per_sample`.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mien.degrade.parameters import GAUSSIAN, Damage
from mien.image.filter import TRUNCATE, filter_per_sample
from mien.types import Images

SIDE = 41
"""The kernel side of MMRB-GAN, section 4.1; no kernel here is larger."""
HALF_TURN = math.pi
"""Directions of a blur repeat after half a turn."""
_LEAST = 0.1
"""Below this standard deviation in pixels a sampled Gaussian is a single tap anyway."""


def separable_sigma(parameters: Damage) -> Float[Tensor, " batch"]:
    """Of round Gaussians that fit into SIDE, which are cheaper together with the shrinking; else 0."""
    return torch.where(_is_separable(parameters), parameters.blur_size, 0.0)


def blur_by_kernel(images: Images, parameters: Damage) -> Images:
    """All blurs but those that `separable_sigma` tells."""
    chosen = (~_is_separable(parameters)).nonzero()[:, 0]
    if len(chosen) == 0:
        return images
    part = parameters.select(chosen)
    kinds = torch.stack(
        (
            gaussian_kernels(part.blur_size, part.blur_across, part.blur_angle),
            box_kernels(part.blur_size),
            motion_kernels(part.blur_size, part.blur_angle),
        )
    )
    kernels = kinds[part.blur_kind, torch.arange(len(chosen), device=chosen.device)]
    return images.index_copy(0, chosen, filter_per_sample(images[chosen], kernels).clamp(0, 1))


def _is_separable(parameters: Damage) -> Bool[Tensor, " batch"]:
    fits = TRUNCATE * parameters.blur_size <= SIDE / 2
    return (parameters.blur_kind == GAUSSIAN) & (parameters.blur_across == parameters.blur_size) & fits


def gaussian_kernels(
    sigma: Float[Tensor, " batch"],
    across: Float[Tensor, " batch"],
    angle: Float[Tensor, " batch"],
    side: int = SIDE,
) -> Float[Tensor, "batch {side} {side}"]:
    """`sigma` along the direction `angle` (radians, from x towards y), `across` at right angles to it."""
    along, aside = _turned(angle, side)
    sigma, across = (width.clamp(min=_LEAST)[:, None, None] for width in (sigma, across))
    return _normalized(torch.exp(-0.5 * ((along / sigma) ** 2 + (aside / across) ** 2)))


def box_kernels(width: Float[Tensor, " batch"], side: int = SIDE) -> Float[Tensor, "batch {side} {side}"]:
    """The mean over a square of `width` pixels: MDFR's "uniform" and "average" filters are both this one."""
    offsets = _offsets(side, width)
    taps = (width[:, None] / 2 + 0.5 - offsets.abs()).clamp(0, 1)
    return _normalized(taps[:, :, None] * taps[:, None, :])


def motion_kernels(
    length: Float[Tensor, " batch"], angle: Float[Tensor, " batch"], side: int = SIDE
) -> Float[Tensor, "batch {side} {side}"]:
    """A straight, even movement over `length` pixels; 1 or less is none."""
    along, aside = _turned(angle, side)
    beyond = (along.abs() - (length[:, None, None] - 1).clamp(min=0) / 2).clamp(min=0)
    # a line one pixel wide, whose edge fades over one pixel so that every angle weighs the same
    return _normalized((1 - torch.hypot(beyond, aside)).clamp(min=0))


def _turned(
    angle: Float[Tensor, " batch"], side: int
) -> tuple[Float[Tensor, "batch {side} {side}"], Float[Tensor, "batch {side} {side}"]]:
    """Coordinates of every tap along and across the direction."""
    offsets = _offsets(side, angle)
    y, x = offsets[:, None], offsets[None, :]
    cosine, sine = torch.cos(angle)[:, None, None], torch.sin(angle)[:, None, None]
    return cosine * x + sine * y, cosine * y - sine * x


def _offsets(side: int, like: Tensor) -> Float[Tensor, " {side}"]:
    return torch.arange(side, device=like.device, dtype=like.dtype) - (side - 1) / 2


def _normalized(kernels: Float[Tensor, "batch side side"]) -> Float[Tensor, "batch side side"]:
    return kernels / kernels.sum((1, 2), keepdim=True)
