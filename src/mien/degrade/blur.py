"""Blur kernels, one per picture: Gaussian of any shape, box, and straight motion.

All are (batch, side, side) with sum 1, for `mien.image.filter.filter_per_sample`.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

SIDE = 41
"""The kernel side of MMRB-GAN, section 4.1; no kernel here is larger."""
_LEAST = 0.1
"""Below this standard deviation in pixels a sampled Gaussian is a single tap anyway."""


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


HALF_TURN = math.pi
"""Blur directions repeat after half a turn."""
