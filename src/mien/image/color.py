"""Brightness and colour of pictures, by ITU-R BT.601 in its full range, which JPEG uses too."""

import torch
from jaxtyping import Float
from torch import Tensor

from mien.types import Image, Images, Mask, Masks

LUMA = (0.299, 0.587, 0.114)
"""What red, green and blue weigh in brightness."""
_BLUE_REACH = 2 * (1 - LUMA[2])
_RED_REACH = 2 * (1 - LUMA[0])
"""How far blue - luma and red - luma may go to either side; chroma is divided by it."""
GRAY_TOLERANCE = 3 / 255
"""What compression and rounding may do to the channels of a gray photo."""
LARGEST_GAIN = 2.0
"""The most that matching colours may stretch or squeeze a channel."""


def to_gray(images: Images) -> Masks:
    """Their luma; the weights add up to 1, so that white stays 1."""
    return (images * images.new_tensor(LUMA)[:, None, None]).sum(dim=1, keepdim=True)


def ycbcr_from_rgb(images: Images) -> Images:
    """Luma in [0, 1] and blue and red chroma in [-1/2, 1/2], which are 0 for gray."""
    luma = to_gray(images)
    blue = (images[:, 2:] - luma) / _BLUE_REACH
    red = (images[:, :1] - luma) / _RED_REACH
    return torch.cat((luma, blue, red), dim=1)


def rgb_from_ycbcr(planes: Images) -> Images:
    luma, blue_chroma, red_chroma = planes.split(1, dim=1)
    red = luma + _RED_REACH * red_chroma
    blue = luma + _BLUE_REACH * blue_chroma
    green = (luma - LUMA[0] * red - LUMA[2] * blue) / LUMA[1]
    return torch.cat((red, green, blue), dim=1)


def is_gray(image: Image, tolerance: float = GRAY_TOLERANCE) -> bool:
    """Whether no pixel's channels differ by more than the tolerance."""
    return bool((image.amax(dim=0) - image.amin(dim=0) <= tolerance).all())


def match_color(source: Image, reference: Image, mask: Mask) -> Image:
    """The source with the reference's mean and spread per channel, both measured under the mask.

    Reinhard et al., Color transfer between images, 2001, eq. 10 and 11, in RGB.
    """
    if not bool((mask > 0).any()):
        return source
    source_mean, source_spread = _mean_and_spread(source, mask)
    reference_mean, reference_spread = _mean_and_spread(reference, mask)
    gain = (reference_spread / source_spread).clamp(1 / LARGEST_GAIN, LARGEST_GAIN)
    return ((source - source_mean) * gain + reference_mean).clamp(0, 1)


def _mean_and_spread(image: Image, mask: Mask) -> tuple[Float[Tensor, "3 1 1"], Float[Tensor, "3 1 1"]]:
    total = mask.sum()
    mean = (image * mask).sum(dim=(1, 2), keepdim=True) / total
    variance = ((image - mean).square() * mask).sum(dim=(1, 2), keepdim=True) / total
    return mean, (variance + torch.finfo(image.dtype).eps).sqrt()
