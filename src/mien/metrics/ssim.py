"""Structural similarity, one value per picture (Wang et al., Image quality assessment, 2004).

The usual setting: Gaussian window of 11 pixels with sigma 1.5, only where it lies
whole in the picture, the mean over channels; the variances divide by n, not n - 1.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.metrics.luma import luma
from mien.types import Images

WINDOW = 11
SIGMA = 1.5
C1 = 0.01**2
C2 = 0.03**2


def ssim(images: Images, truths: Images) -> Float[Tensor, " batch"]:
    """The mean over red, green and blue."""
    return _ssim(images, truths)


def ssim_luma(images: Images, truths: Images) -> Float[Tensor, " batch"]:
    """On the luma alone, as the super-resolution field reports it."""
    return _ssim(luma(images), luma(truths))


def _ssim(
    images: Float[Tensor, "batch channels height width"], truths: Float[Tensor, "batch channels height width"]
) -> Float[Tensor, " batch"]:
    if min(images.shape[-2:]) < WINDOW:
        size = "x".join(str(side) for side in images.shape[-2:])
        raise ValueError(f"SSIM needs pictures of at least {WINDOW}x{WINDOW} pixels, not {size}")
    x, y = images.double(), truths.double()
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    variance_x = _window_mean(x * x) - mean_x**2
    variance_y = _window_mean(y * y) - mean_y**2
    covariance = _window_mean(x * y) - mean_x * mean_y
    # equation 13
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    structure = (2 * covariance + C2) / (variance_x + variance_y + C2)
    return (luminance * structure).mean(dim=(1, 2, 3))


def _window_mean(
    x: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch channels valid_height valid_width"]:
    channels = x.shape[1]
    offsets = torch.arange(WINDOW, dtype=x.dtype, device=x.device) - WINDOW // 2
    weights = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    weights = (weights / weights.sum()).expand(channels, 1, 1, WINDOW)
    rows = F.conv2d(x, weights, groups=channels)
    return F.conv2d(rows, weights.transpose(2, 3), groups=channels)
