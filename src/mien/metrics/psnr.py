"""Peak signal-to-noise ratio in decibels, one value per picture."""

from jaxtyping import Float
from torch import Tensor

from mien.metrics.luma import luma
from mien.types import Images


def psnr(images: Images, truths: Images) -> Float[Tensor, " batch"]:
    """Over the three channels together; infinite where a picture equals its truth."""
    return _psnr(images, truths)


def psnr_luma(images: Images, truths: Images) -> Float[Tensor, " batch"]:
    """On the luma alone, as the super-resolution field reports it."""
    return _psnr(luma(images), luma(truths))


def _psnr(
    images: Float[Tensor, "batch channels height width"], truths: Float[Tensor, "batch channels height width"]
) -> Float[Tensor, " batch"]:
    error = (images.double() - truths.double()).square().mean(dim=(1, 2, 3))
    return -10 * error.log10()
