"""How much fine contrast a picture has, on its luma (BT.601) from 0 to 255; noise counts as contrast too.

Neither is a measure of quality by itself: compare results with the truth's own value.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.image.color import to_gray
from mien.types import Images

LAPLACIAN = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))
SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))
"""Across; transposed, it looks down."""


def laplacian_variance(images: Images) -> Float[Tensor, " batch"]:
    """Variance of the discrete Laplacian over all pixels that have four neighbours."""
    return _filtered(images, LAPLACIAN).flatten(1).var(dim=1, correction=0)


def tenengrad(images: Images) -> Float[Tensor, " batch"]:
    """Mean squared length of the Sobel gradient (Tenenbaum, 1970)."""
    down = tuple(zip(*SOBEL, strict=True))
    return (_filtered(images, SOBEL) ** 2 + _filtered(images, down) ** 2).mean(dim=(1, 2, 3))


def _filtered(
    images: Images, kernel: tuple[tuple[float, ...], ...]
) -> Float[Tensor, "batch 1 inner_height inner_width"]:
    if min(images.shape[-2:]) < 3:
        raise ValueError(f"sharpness needs pictures of at least 3x3 pixels, not {tuple(images.shape[-2:])}")
    luma = to_gray(images.double()) * 255
    return F.conv2d(luma, luma.new_tensor(kernel)[None, None])
