import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d
from skimage.metrics import structural_similarity

from mien.metrics.luma import luma
from mien.metrics.mean import Mean
from mien.metrics.ssim import C1, C2, ms_ssim, ssim, ssim_luma

PUBLISHED = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    truths = torch.rand(4, 3, 24, 19, generator=generator)
    strengths = torch.tensor([0.01, 0.05, 0.1, 0.3]).reshape(4, 1, 1, 1)
    noise = torch.randn(4, 3, 24, 19, generator=generator)
    return (truths + strengths * noise).clamp(0, 1), truths


def test_equals_scikit_image_per_picture(pair):
    images, truths = pair
    expected = [
        structural_similarity(truth.double().numpy(), image.double().numpy(), channel_axis=0, **PUBLISHED)
        for image, truth in zip(images, truths, strict=True)
    ]
    assert ssim(images, truths).tolist() == pytest.approx(expected, abs=1e-9)


def test_luma_equals_scikit_image_on_the_luma(pair):
    images, truths = pair
    expected = [
        structural_similarity(truth[0].numpy(), image[0].numpy(), **PUBLISHED)
        for image, truth in zip(luma(images), luma(truths), strict=True)
    ]
    assert ssim_luma(images, truths).tolist() == pytest.approx(expected, abs=1e-9)


def test_two_flat_pictures_differ_by_their_brightness_alone():
    images, truths = torch.full((1, 3, 11, 11), 0.25), torch.full((1, 3, 11, 11), 0.75)
    expected = (2 * 0.25 * 0.75 + C1) / (0.25**2 + 0.75**2 + C1)
    torch.testing.assert_close(ssim(images, truths), torch.tensor([expected], dtype=torch.float64))


def test_a_picture_equals_itself(pair):
    _, truths = pair
    torch.testing.assert_close(ssim(truths, truths), torch.ones(4, dtype=torch.float64))


def test_two_batches_make_the_same_mean_as_one(pair):
    images, truths = pair
    whole = Mean.of(ssim(images, truths))
    parts = Mean.of(ssim(images[:3], truths[:3])) + Mean.of(ssim(images[3:], truths[3:]))
    assert parts.value == pytest.approx(whole.value, rel=1e-12)


def test_a_picture_smaller_than_the_window_is_refused():
    images = torch.zeros(1, 3, 10, 30)
    with pytest.raises(ValueError, match="at least 11x11 pixels, not 10x30"):
        ssim(images, images)


def plain_similarities(image, truth):
    """One channel: SSIM, and contrast and structure alone, by scipy's filter."""
    offsets = np.arange(-5, 6)
    taps = np.exp(-(offsets**2) / (2 * 1.5**2))
    taps /= taps.sum()

    def mean(plane):
        rows = correlate1d(plane, taps, axis=0)
        return correlate1d(rows, taps, axis=1)[5:-5, 5:-5]

    mx, my = mean(image), mean(truth)
    vx, vy, both = mean(image**2) - mx**2, mean(truth**2) - my**2, mean(image * truth) - mx * my
    structure = (2 * both + C2) / (vx + vy + C2)
    return (structure * (2 * mx * my + C1) / (mx**2 + my**2 + C1)).mean(), structure.mean()


def test_five_scales_equal_the_plain_ones():
    generator = torch.Generator().manual_seed(0)
    truths = torch.rand(1, 3, 178, 195, generator=generator).double()
    images = (truths + 0.2 * torch.randn(truths.shape, generator=generator)).clamp(0, 1)
    channels = []
    for image, truth in zip(images[0].numpy(), truths[0].numpy(), strict=True):
        value = 1.0
        for scale, weight in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
            whole, structure = plain_similarities(image, truth)
            value *= (whole if scale == 4 else structure) ** weight
            image, truth = (
                plane[: plane.shape[0] // 2 * 2, : plane.shape[1] // 2 * 2]
                .reshape(plane.shape[0] // 2, 2, plane.shape[1] // 2, 2)
                .mean((1, 3))
                for plane in (image, truth)
            )
        channels.append(value)
    assert ms_ssim(images, truths).item() == pytest.approx(np.mean(channels), abs=1e-9)


def test_contradicting_structure_counts_as_nothing():
    truths = torch.rand(1, 3, 176, 176, generator=torch.Generator().manual_seed(0))
    assert ms_ssim(1 - truths, truths).item() == 0
    assert ms_ssim(truths, truths).item() == pytest.approx(1)
    with pytest.raises(ValueError, match="at least 176x176 pixels, not 175x200"):
        ms_ssim(torch.zeros(1, 3, 175, 200), torch.zeros(1, 3, 175, 200))
