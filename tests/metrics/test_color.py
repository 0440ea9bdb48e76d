import numpy as np
import pytest
import torch
from skimage.color import deltaE_cie76, rgb2lab

from mien.metrics.color import color_difference, color_shift, lab_from_rgb, with_colors_of


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    truths = torch.rand(3, 3, 12, 10, generator=generator) ** 2
    return (truths + 0.1 * torch.randn(truths.shape, generator=generator)).clamp(0, 1), truths


def by_skimage(images):
    return rgb2lab(images.double().numpy(), channel_axis=1)


def test_lab_equals_scikit_image(pair):
    np.testing.assert_allclose(lab_from_rgb(pair[1]).numpy(), by_skimage(pair[1]), atol=1e-3)


def test_difference_equals_scikit_image(pair):
    images, truths = pair
    expected = deltaE_cie76(by_skimage(images), by_skimage(truths), channel_axis=1).mean(axis=(1, 2))
    np.testing.assert_allclose(color_difference(images, truths).numpy(), expected, atol=1e-3)


def test_black_and_white_by_hand():
    images = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1).expand(2, 3, 4, 4)
    lab = lab_from_rgb(images)[:, :, 0, 0]
    np.testing.assert_allclose(lab.numpy(), [[0, 0, 0], [100, 0, 0]], atol=0.01)


def test_shift_sees_a_cast_and_not_where_things_are(pair):
    _, truths = pair
    assert color_shift(truths.flip(-1), truths).numpy() == pytest.approx(0, abs=1e-9)
    assert (color_difference(truths.flip(-1), truths) > 10).all()
    cast = (truths * torch.tensor([1.0, 0.9, 0.8])[:, None, None]).clamp(0, 1)
    assert (color_shift(cast, truths) > 3).all()
    assert (color_shift(cast, truths) <= color_difference(cast, truths) + 1e-9).all()


def test_correction_takes_the_truths_mean_and_deviation(pair):
    images, truths = pair
    dull = 0.5 * images + 0.2
    corrected = with_colors_of(0.4 * truths + 0.3, dull)
    target = 0.4 * truths + 0.3
    torch.testing.assert_close(corrected.mean((2, 3)), target.mean((2, 3)), atol=1e-5, rtol=0)
    torch.testing.assert_close(corrected.std((2, 3)), target.std((2, 3)), atol=1e-5, rtol=0)
