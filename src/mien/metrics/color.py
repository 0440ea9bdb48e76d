"""Whether a result keeps the truth's colours, in CIELAB (D65, 2 degrees) from sRGB.

`color_difference` sees every pixel, detail and all; `color_shift` only the mean colour, which is what a
cast over the whole picture moves.
"""

from jaxtyping import Float
from torch import Tensor

from mien.image.lab import lab_from_rgb
from mien.types import Images


def color_difference(images: Images, truths: Images) -> Float[Tensor, " batch"]:
    """Mean over pixels of the distance in Lab (delta E of 1976)."""
    return (lab_from_rgb(images) - lab_from_rgb(truths)).norm(dim=1).mean(dim=(1, 2))


def color_shift(images: Images, truths: Images) -> Float[Tensor, " batch"]:
    """Distance in Lab between the mean colours, both means taken in Lab."""
    return (lab_from_rgb(images) - lab_from_rgb(truths)).mean(dim=(2, 3)).norm(dim=1)


def with_colors_of(truths: Images, images: Images) -> Images:
    """The images, each channel with its truth's mean and deviation.

    Some published PSNR and SSIM are measured after this, which forgives a cast; say so where it is used.
    """
    mean = images.mean(dim=(2, 3), keepdim=True)
    gain = truths.std(dim=(2, 3), keepdim=True) / images.std(dim=(2, 3), keepdim=True).clamp(min=1e-8)
    return ((images - mean) * gain + truths.mean(dim=(2, 3), keepdim=True)).clamp(0, 1)
