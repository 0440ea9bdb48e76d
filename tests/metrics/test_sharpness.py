import numpy as np
import pytest
import torch
from scipy.ndimage import laplace, sobel

from mien.image.filter import gaussian_blur
from mien.metrics.sharpness import laplacian_variance, tenengrad


@pytest.fixture
def images():
    return torch.rand(3, 3, 20, 17, generator=torch.Generator().manual_seed(0))


def luma(image):
    return 255 * (image.double().numpy() * np.array([0.299, 0.587, 0.114])[:, None, None]).sum(0)


def test_equals_scipy(images):
    planes = [luma(image) for image in images]
    inner = (slice(1, -1), slice(1, -1))
    expected = [laplace(plane)[inner].var() for plane in planes]
    assert laplacian_variance(images).tolist() == pytest.approx(expected, rel=1e-6)
    expected = [(sobel(plane, 0)[inner] ** 2 + sobel(plane, 1)[inner] ** 2).mean() for plane in planes]
    assert tenengrad(images).tolist() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("measure", [laplacian_variance, tenengrad])
def test_blur_takes_it_and_light_does_not(images, measure):
    assert (measure(gaussian_blur(images, torch.ones(3))) < measure(images) / 2).all()
    torch.testing.assert_close(measure(images / 2 + 0.3), measure(images) / 4, rtol=1e-5, atol=0)


def test_a_picture_without_inner_pixels_is_refused():
    with pytest.raises(ValueError, match="at least 3x3"):
        tenengrad(torch.zeros(1, 3, 2, 9))
