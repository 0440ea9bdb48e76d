"""Whether a result keeps the truth's colours, in CIELAB (D65, 2 degrees) from sRGB.

`color_difference` sees every pixel, detail and all; `color_shift` only the mean colour, which is what a
cast over the whole picture moves.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mien.types import Images

XYZ_FROM_RGB = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
"""ITU-R BT.709 primaries, for linear light."""
WHITE = (0.95047, 1.0, 1.08883)


def color_difference(images: Images, truths: Images) -> Float[Tensor, " batch"]:
    """Mean over pixels of the distance in Lab (delta E of 1976)."""
    return (lab_from_rgb(images) - lab_from_rgb(truths)).norm(dim=1).mean(dim=(1, 2))


def color_shift(images: Images, truths: Images) -> Float[Tensor, " batch"]:
    """Distance in Lab between the mean colours, both means taken in Lab."""
    return (lab_from_rgb(images) - lab_from_rgb(truths)).mean(dim=(2, 3)).norm(dim=1)


def lab_from_rgb(images: Images) -> Images:
    """L from 0 to 100, a and b around 0."""
    rgb = images.double()
    # IEC 61966-2-1
    linear = torch.where(rgb > 0.04045, ((rgb.clamp(min=0) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = torch.einsum("ij,bjhw->bihw", linear.new_tensor(XYZ_FROM_RGB), linear)
    relative = xyz / linear.new_tensor(WHITE)[:, None, None]
    # CIE 15, 8.2.1.1
    root = torch.where(relative > (6 / 29) ** 3, relative.clamp(min=0) ** (1 / 3), 0)
    x, y, z = torch.where(relative > (6 / 29) ** 3, root, relative * (29 / 6) ** 2 / 3 + 4 / 29).unbind(1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=1)


def with_colors_of(truths: Images, images: Images) -> Images:
    """The images, each channel with its truth's mean and deviation.

    Some published PSNR and SSIM are measured after this, which forgives a cast; say so where it is used.
    """
    mean = images.mean(dim=(2, 3), keepdim=True)
    gain = truths.std(dim=(2, 3), keepdim=True) / images.std(dim=(2, 3), keepdim=True).clamp(min=1e-8)
    return ((images - mean) * gain + truths.mean(dim=(2, 3), keepdim=True)).clamp(0, 1)
