"""Where two pictures show the same structure."""

from mien.image.color import to_gray
from mien.image.filter import gaussian_blur
from mien.types import Images, Masks

STABILITY = 0.03**2
"""C2 of SSIM for pictures in [0, 1]."""


def structure_agreement(images: Images, others: Images, sigma: float = 2.0) -> Masks:
    """Contrast and structure terms of SSIM on luma, cut to [0, 1]: (2 cov + C2) / (var + var + C2).

    1 where both show the same detail (or none), towards 0 where one has detail that the other lacks:
    between an input and its recovery, how much of what is shown was there to be seen.
    """
    first, second = to_gray(images), to_gray(others)  # (B, 1, H, W)
    deviations = sigma * first.new_ones(len(first))

    def local_mean(values: Masks) -> Masks:
        return gaussian_blur(values, deviations)

    first_mean, second_mean = local_mean(first), local_mean(second)
    covariance = local_mean(first * second) - first_mean * second_mean
    variances = local_mean(first**2) - first_mean**2 + local_mean(second**2) - second_mean**2
    return ((2 * covariance + STABILITY) / (variances.clamp_min(0) + STABILITY)).clamp(0, 1)
