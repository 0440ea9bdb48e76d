import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from mien.metrics.luma import luma
from mien.metrics.mean import Mean
from mien.metrics.psnr import psnr, psnr_luma


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    truths = torch.rand(4, 3, 20, 16, generator=generator)
    strengths = torch.tensor([0.01, 0.05, 0.1, 0.3]).reshape(4, 1, 1, 1)
    noise = torch.randn(4, 3, 20, 16, generator=generator)
    return (truths + strengths * noise).clamp(0, 1), truths


def test_a_constant_error_of_a_tenth_is_twenty_decibels():
    truths = torch.full((1, 3, 4, 4), 0.5)
    assert psnr(truths + 0.1, truths).item() == pytest.approx(20, abs=1e-5)


def test_equals_scikit_image_per_picture(pair):
    images, truths = pair
    expected = [
        peak_signal_noise_ratio(truth.double().numpy(), image.double().numpy(), data_range=1)
        for image, truth in zip(images, truths, strict=True)
    ]
    assert psnr(images, truths).tolist() == pytest.approx(expected, abs=1e-9)


def test_luma_equals_scikit_image_on_the_luma(pair):
    images, truths = pair
    expected = [
        peak_signal_noise_ratio(truth.numpy(), image.numpy(), data_range=1)
        for image, truth in zip(luma(images), luma(truths), strict=True)
    ]
    assert psnr_luma(images, truths).tolist() == pytest.approx(expected, abs=1e-9)


def test_a_picture_equals_itself_infinitely(pair):
    _, truths = pair
    assert torch.isinf(psnr(truths, truths)).all()


def test_two_batches_make_the_same_mean_as_one(pair):
    images, truths = pair
    whole = Mean.of(psnr(images, truths))
    parts = Mean.of(psnr(images[:1], truths[:1])) + Mean.of(psnr(images[1:], truths[1:]))
    assert parts.count == whole.count
    assert parts.value == pytest.approx(whole.value, rel=1e-12)
