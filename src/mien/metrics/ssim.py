"""Structural similarity, at one scale and at five, one value per picture.

Wang et al., Image quality assessment, 2004, and Multi-scale structural similarity, 2003. The usual setting:
Gaussian window of 11 pixels with sigma 1.5, only where it lies whole in the picture, the mean over
channels; the variances divide by n, not n - 1.
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
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Fine to coarse; every scale has half the size of the one before."""

Channels = Float[Tensor, "batch channels height width"]
PerChannel = Float[Tensor, "batch channels"]


def ssim(images: Images, truths: Images) -> Float[Tensor, " batch"]:
    """The mean over red, green and blue."""
    return _ssim(images, truths)


def ssim_luma(images: Images, truths: Images) -> Float[Tensor, " batch"]:
    """On the luma alone, as the super-resolution field reports it."""
    return _ssim(luma(images), luma(truths))


def ms_ssim(images: Images, truths: Images) -> Float[Tensor, " batch"]:
    """Multi-scale SSIM (2003, equation 7): the mean over red, green and blue of each channel's value.

    A scale that contradicts the truth, whose contrast and structure lie below 0, counts as 0.
    """
    smallest = WINDOW * 2 ** (len(SCALE_WEIGHTS) - 1)
    if min(images.shape[-2:]) < smallest:
        raise ValueError(
            f"MS-SSIM needs pictures of at least {smallest}x{smallest} pixels, not {_size(images)}"
        )
    x, y = images.double(), truths.double()
    value = x.new_ones(x.shape[:2])
    for scale, weight in enumerate(SCALE_WEIGHTS):
        if scale:
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
        whole, structure = _similarities(x, y)
        is_last = scale == len(SCALE_WEIGHTS) - 1
        value = value * (whole if is_last else structure).clamp(min=0) ** weight
    return value.mean(dim=1)


def _ssim(images: Channels, truths: Channels) -> Float[Tensor, " batch"]:
    if min(images.shape[-2:]) < WINDOW:
        raise ValueError(f"SSIM needs pictures of at least {WINDOW}x{WINDOW} pixels, not {_size(images)}")
    whole, _ = _similarities(images.double(), truths.double())
    return whole.mean(dim=1)


def _similarities(x: Channels, y: Channels) -> tuple[PerChannel, PerChannel]:
    """SSIM (2004, equation 13), and its part without the brightness: contrast and structure."""
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    variance_x = _window_mean(x * x) - mean_x**2
    variance_y = _window_mean(y * y) - mean_y**2
    covariance = _window_mean(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    structure = (2 * covariance + C2) / (variance_x + variance_y + C2)
    return (luminance * structure).mean(dim=(2, 3)), structure.mean(dim=(2, 3))


def _window_mean(x: Channels) -> Float[Tensor, "batch channels valid_height valid_width"]:
    channels = x.shape[1]
    offsets = torch.arange(WINDOW, dtype=x.dtype, device=x.device) - WINDOW // 2
    weights = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    weights = (weights / weights.sum()).expand(channels, 1, 1, WINDOW)
    rows = F.conv2d(x, weights, groups=channels)
    return F.conv2d(rows, weights.transpose(2, 3), groups=channels)


def _size(images: Channels) -> str:
    return "x".join(str(side) for side in images.shape[-2:])
