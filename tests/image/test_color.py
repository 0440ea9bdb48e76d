"""Colour against scikit-image and hand numbers."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2gray

from mien.image import color


def noise(batch=2, height=9, width=11, seed=0):
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(seed))


def test_ycbcr_is_what_jpeg_uses():
    colours = torch.randint(0, 256, (16, 16, 3), generator=torch.Generator().manual_seed(1)).byte()
    theirs = np.asarray(Image.fromarray(colours.numpy(), "RGB").convert("YCbCr"), dtype=np.float32)
    ours = color.rgb_to_ycbcr((colours.float() / 255).permute(2, 0, 1)[None])[0].permute(1, 2, 0) * 255
    assert np.abs(ours.numpy() - theirs).max() <= 1.01  # Pillow rounds, chroma twice


def test_ycbcr_there_and_back():
    images = noise().double()
    torch.testing.assert_close(color.ycbcr_to_rgb(color.rgb_to_ycbcr(images)), images)


def test_primaries_by_hand():
    red = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
    torch.testing.assert_close(
        color.rgb_to_ycbcr(red).flatten(), torch.tensor([0.299, 0.331264, 1.0]), atol=1e-5, rtol=0
    )
    assert float(color.to_gray(red)) == pytest.approx(0.299)
    # not the weights of BT.709, which scikit-image has
    assert rgb2gray(np.array([1.0, 0, 0])) != pytest.approx(0.299)


def test_gray_stays_gray_to_the_last_bit_of_16():
    levels = torch.arange(65536, dtype=torch.float32).reshape(1, 1, 256, 256) / 65535
    gray = color.to_gray(levels.expand(1, 3, 256, 256))
    assert torch.equal((gray * 65535 + 0.5).floor(), (levels * 65535 + 0.5).floor())


def test_is_gray():
    gray = noise()[:, :1].expand(2, 3, 9, 11)
    assert color.is_gray(gray)
    assert color.is_gray(gray + torch.tensor([0.0, 2 / 255, 1 / 255]).reshape(1, 3, 1, 1))
    assert not color.is_gray(gray * torch.tensor([1.0, 0.9, 0.7]).reshape(1, 3, 1, 1))
    assert not color.is_gray(noise())


def test_match_color_takes_mean_and_deviation():
    sources, references, weights = noise(seed=1), 0.2 + 0.3 * noise(seed=2), noise(seed=3)[:, :1]
    weights = (weights > 0.5).float()
    matched = color.match_color(sources, references, weights)
    for k in range(2):
        inside = weights[k, 0] > 0
        for channel in range(3):
            got, wanted = matched[k, channel][inside], references[k, channel][inside]
            torch.testing.assert_close(got.mean(), wanted.mean())
            torch.testing.assert_close(got.std(), wanted.std())


def test_match_color_with_itself_and_with_flat_pictures():
    images = noise()
    ones = torch.ones(2, 1, 9, 11)
    torch.testing.assert_close(color.match_color(images, images, ones), images)
    flat = color.match_color(torch.full_like(images, 0.3), torch.full_like(images, 0.6), ones)
    torch.testing.assert_close(flat, torch.full_like(images, 0.6))
    assert torch.isfinite(color.match_color(images, images, torch.zeros_like(ones))).all()


def test_srgb_by_hand_and_back():
    values = torch.tensor([0.0, 0.02, 0.5, 1.0]).reshape(1, 1, 1, 4).expand(1, 3, 1, 4)
    linear = color.srgb_to_linear(values)
    torch.testing.assert_close(
        linear[0, 0, 0], torch.tensor([0.0, 0.00154799, 0.21404114, 1.0]), atol=1e-6, rtol=0
    )
    torch.testing.assert_close(color.linear_to_srgb(linear), values, atol=1e-6, rtol=0)


def test_color_gradients():
    images = noise(1, 3, 3).double().requires_grad_()
    for function in (color.rgb_to_ycbcr, color.ycbcr_to_rgb, color.srgb_to_linear, color.linear_to_srgb):
        assert torch.autograd.gradcheck(function, (images,))
