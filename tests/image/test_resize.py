import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from mien.image.filter import apply_separable
from mien.image.resize import resize, resize_weights

FILTERS = {
    "bicubic": Pillow.Resampling.BICUBIC,
    "bilinear": Pillow.Resampling.BILINEAR,
    "box": Pillow.Resampling.BOX,
    "nearest": Pillow.Resampling.NEAREST,
}


def noise(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("method", FILTERS)
@pytest.mark.parametrize(("height", "width"), [(30, 23), (97, 61), (201, 130), (13, 61), (1, 1), (51, 200)])
def test_resize_is_pillows(method: str, height: int, width: int):
    images = noise(1, 3, 97, 61)
    ours = resize(images, height, width, method)
    for channel in range(3):
        pillow = Pillow.fromarray(images[0, channel].numpy()).resize((width, height), FILTERS[method])
        torch.testing.assert_close(ours[0, channel], torch.from_numpy(np.array(pillow)), atol=1e-5, rtol=0)


def test_weights_shrink_each_sample_to_its_own_size():
    images, sizes = noise(3, 3, 32, 32).double(), torch.tensor([32, 13, 5])
    weights = resize_weights(torch.full((3,), 32), sizes, 32, 48)
    canvases = apply_separable(images, weights, weights)
    for image, canvas, size in zip(images, canvases, sizes.tolist(), strict=True):
        torch.testing.assert_close(canvas[:, :size, :size], resize(image[None], size, size)[0])
        assert torch.equal(canvas[:, size:], canvas[:, size - 1 : size].expand(3, 48 - size, 48))
        assert torch.equal(canvas[:, :, size:], canvas[:, :, size - 1 : size].expand(3, 48, 48 - size))


def test_weights_grow_each_sample_from_its_own_size():
    canvases, sizes = noise(3, 3, 20, 20).double(), torch.tensor([20, 7, 1])
    weights = resize_weights(sizes, torch.full((3,), 31), 20, 31)
    grown = apply_separable(canvases, weights, weights)
    for canvas, image, size in zip(canvases, grown, sizes.tolist(), strict=True):
        torch.testing.assert_close(image, resize(canvas[None, :, :size, :size], 31, 31)[0])


@settings(max_examples=20, deadline=None)
@given(
    sizes=st.tuples(*[st.integers(1, 40)] * 4),
    level=st.floats(0, 1, width=32),
    method=st.sampled_from(sorted(FILTERS)),
)
def test_flat_pictures_stay_flat(sizes: tuple[int, int, int, int], level: float, method: str):
    resized = resize(torch.full((1, 3, *sizes[:2]), level), *sizes[2:], method)
    torch.testing.assert_close(resized, torch.full((1, 3, *sizes[2:]), level), atol=1e-6, rtol=0)


@pytest.mark.parametrize("method", FILTERS)
def test_own_size_is_the_identity(method: str):
    images = noise(2, 1, 9, 14)
    torch.testing.assert_close(resize(images, 9, 14, method), images, atol=1e-7, rtol=0)


def test_no_pixels_are_refused():
    with pytest.raises(ValueError, match="at least one pixel, wanted 0×4"):
        resize(noise(1, 3, 8, 8), 4, 0)


@pytest.mark.parametrize("method", FILTERS)
def test_gradients(method: str):
    images = noise(1, 3, 6, 5).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda pixels: resize(pixels, 4, 9, method), images)
