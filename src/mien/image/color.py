"""Colour: luma and chroma, gray, one picture's colours given to another."""

import torch
from jaxtyping import Float
from torch import Tensor

from mien.types import Images, Masks

LUMA = (0.299, 0.587, 0.114)
"""Of ITU-R BT.601."""
GRAY_TOLERANCE = 2.5 / 255
"""JPEG leaves a gray picture this far from gray when it was stored as colour."""

Weights = Float[Tensor, "batch 1 height width"]


def to_gray(images: Images) -> Masks:
    """Luma of BT.601."""
    red, green, blue = images.unbind(dim=1)
    return (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue).unsqueeze(1)


def rgb_to_ycbcr(images: Images) -> Images:
    """BT.601, full range (JFIF): Y in [0, 1], Cb and Cr around 1/2."""
    luma = to_gray(images)
    red, blue = images[:, :1], images[:, 2:]
    return torch.cat(
        (luma, 0.5 + (blue - luma) / (2 * (1 - LUMA[2])), 0.5 + (red - luma) / (2 * (1 - LUMA[0]))), dim=1
    )


def ycbcr_to_rgb(images: Images) -> Images:
    luma, blue_difference, red_difference = images[:, :1], images[:, 1:2] - 0.5, images[:, 2:] - 0.5
    red = luma + 2 * (1 - LUMA[0]) * red_difference
    blue = luma + 2 * (1 - LUMA[2]) * blue_difference
    green = (luma - LUMA[0] * red - LUMA[2] * blue) / LUMA[1]
    return torch.cat((red, green, blue), dim=1)


def is_gray(images: Images, tolerance: float = GRAY_TOLERANCE) -> bool:
    """Whether no pixel has more colour than the tolerance, the odd one in a thousand aside."""
    spread = images.amax(dim=1) - images.amin(dim=1)
    return bool((spread > tolerance).double().mean() <= 1e-3)


def match_color(sources: Images, references: Images, weights: Weights) -> Images:
    """Each channel of the sources with the mean and deviation that it has in the references.

    Both are taken where the weights are, so that what is around a face does not count.
    """
    share = weights / weights.sum(dim=(2, 3), keepdim=True).clamp_min(1e-8)

    def moments(images: Images) -> tuple[Tensor, Tensor]:
        mean = (images * share).sum(dim=(2, 3), keepdim=True)
        return mean, ((images - mean).square() * share).sum(dim=(2, 3), keepdim=True).sqrt()

    mean, deviation = moments(sources)
    wanted_mean, wanted_deviation = moments(references)
    return (sources - mean) * (wanted_deviation / deviation.clamp_min(1e-4)) + wanted_mean


def srgb_to_linear(images: Images) -> Images:
    """IEC 61966-2-1: from stored values to amounts of light."""
    return torch.where(images <= 0.04045, images / 12.92, ((images.clamp_min(0) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(images: Images) -> Images:
    return torch.where(
        images <= 0.0031308, images * 12.92, 1.055 * images.clamp_min(1e-8) ** (1 / 2.4) - 0.055
    )
