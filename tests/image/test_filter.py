import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mien.image.filter import (
    apply_separable,
    box_blur,
    filter_per_sample,
    gaussian_blur,
    gaussian_weights,
    mirror,
    pad_mirrored,
)


def noise(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(("height", "width"), [(40, 33), (8, 11), (3, 1)])
@pytest.mark.parametrize("sigma", [0.25, 0.5, 1.0, 3.0])
def test_gaussian_blur_is_scipys(height: int, width: int, sigma: float):
    images = noise(2, 3, height, width)
    ours = gaussian_blur(images, torch.full((2,), sigma, dtype=torch.float64))
    for image, blurred in zip(images.flatten(0, 1), ours.flatten(0, 1), strict=True):
        expected = ndimage.gaussian_filter(image.numpy(), sigma, mode="mirror", truncate=4.0)
        torch.testing.assert_close(blurred, torch.from_numpy(expected), atol=1e-12, rtol=0)


def test_gaussian_blur_takes_a_sigma_per_sample():
    images = noise(3, 3, 20, 17)
    sigma = torch.tensor([0.0, 1.3, 4.0], dtype=torch.float64)
    together = gaussian_blur(images, sigma)
    alone = torch.cat([gaussian_blur(images[i : i + 1], sigma[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(together, alone)
    assert torch.equal(together[0], images[0])


def test_gaussian_weights_are_the_blur():
    images = noise(2, 3, 20, 9)
    sigma = torch.tensor([0.8, 3.0], dtype=torch.float64)
    by_matrix = apply_separable(images, gaussian_weights(20, sigma), gaussian_weights(9, sigma))
    torch.testing.assert_close(by_matrix, gaussian_blur(images, sigma))


@pytest.mark.parametrize("side", [1, 3, 7, 9, 41])
def test_filter_per_sample_is_scipys_correlation(side: int):
    images, kernels = noise(2, 3, 24, 19), noise(2, side, side)
    ours = filter_per_sample(images, kernels)
    for i in range(2):
        for channel in range(3):
            expected = ndimage.correlate(images[i, channel].numpy(), kernels[i].numpy(), mode="mirror")
            torch.testing.assert_close(ours[i, channel], torch.from_numpy(expected), atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("side", [3, 9])
def test_box_blur_is_scipys(side: int):
    images = noise(1, 3, 12, 17)
    expected = ndimage.uniform_filter(images.numpy(), (1, 1, side, side), mode="mirror")
    torch.testing.assert_close(box_blur(images, side), torch.from_numpy(expected))


def test_even_sides_are_refused():
    with pytest.raises(ValueError, match="odd side"):
        box_blur(noise(1, 3, 8, 8), 4)
    with pytest.raises(ValueError, match="odd side"):
        filter_per_sample(noise(1, 3, 8, 8), noise(1, 4, 4))


def test_mirror_folds_as_often_as_it_takes():
    assert mirror(torch.arange(-4, 8), 3).tolist() == [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]
    assert mirror(torch.arange(-2, 3), 1).tolist() == [0] * 5


def test_pad_mirrored_is_torchs_where_torch_can():
    images = noise(1, 3, 9, 7)
    torch.testing.assert_close(
        pad_mirrored(images, 4), torch.nn.functional.pad(images, (4, 4, 4, 4), mode="reflect")
    )


@settings(max_examples=15, deadline=None)
@given(
    height=st.integers(1, 24),
    width=st.integers(1, 24),
    sigma=st.floats(0, 6, width=32),
    level=st.floats(0, 1, width=32),
)
def test_blur_keeps_flat_pictures_and_the_range(height: int, width: int, sigma: float, level: float):
    deviations = torch.tensor([sigma, 0.0])
    flat = torch.full((2, 3, height, width), level)
    torch.testing.assert_close(gaussian_blur(flat, deviations), flat, atol=1e-6, rtol=0)
    blurred = gaussian_blur(noise(2, 3, height, width).float(), deviations)
    assert blurred.min() >= -1e-6
    assert blurred.max() <= 1 + 1e-6


@pytest.mark.parametrize("side", [3, 9])
def test_gradients(side: int):
    images = noise(2, 1, 6, 5).requires_grad_()
    sigma = torch.tensor([0.7, 1.9], dtype=torch.float64, requires_grad=True)
    kernels = noise(2, side, side).requires_grad_()
    assert torch.autograd.gradcheck(gaussian_blur, (images, sigma))
    assert torch.autograd.gradcheck(filter_per_sample, (images, kernels))
