"""Brightness and colour against Pillow's JPEG colours and hand numbers."""

import numpy as np
import pytest
import torch
from PIL import Image

from mien.image import color


def noise(batch=2, height=9, width=11, seed=0):
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(seed))


def test_ycbcr_is_what_jpeg_uses():
    levels = torch.randint(0, 256, (16, 16, 3), generator=torch.Generator().manual_seed(1)).byte()
    theirs = np.asarray(Image.fromarray(levels.numpy(), "RGB").convert("YCbCr"), dtype=np.float32)
    ours = color.ycbcr_from_rgb((levels.float() / 255).permute(2, 0, 1)[None])[0].permute(1, 2, 0) * 255
    # Pillow stores chroma from 0 to 255 and rounds it twice
    assert np.abs(ours.numpy() + np.array([0, 128, 128]) - theirs).max() <= 1.01


def test_ycbcr_there_and_back():
    images = noise().double()
    torch.testing.assert_close(color.rgb_from_ycbcr(color.ycbcr_from_rgb(images)), images)


def test_red_by_hand():
    red = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
    expected = torch.tensor([0.299, -0.168736, 0.5])
    torch.testing.assert_close(color.ycbcr_from_rgb(red).flatten(), expected, atol=1e-6, rtol=0)
    assert float(color.to_gray(red)) == pytest.approx(0.299)


def test_gray_stays_gray_to_the_last_of_16_bits():
    levels = torch.arange(65536, dtype=torch.float32).reshape(1, 1, 256, 256) / 65535
    gray = color.to_gray(levels.expand(1, 3, 256, 256))
    assert torch.equal((gray * 65535 + 0.5).floor(), (levels * 65535 + 0.5).floor())


def test_is_gray():
    gray = noise()[0, :1].expand(3, 9, 11)
    tint = torch.tensor([0.0, 2 / 255, 1 / 255])[:, None, None]
    assert color.is_gray(gray)
    assert color.is_gray(gray + tint)
    assert not color.is_gray(gray + 4 * tint)
    assert not color.is_gray(noise()[0])


def test_matched_colours_have_the_mean_and_spread_under_the_mask():
    source, reference = 0.3 + 0.3 * noise(seed=1)[0], 0.2 + 0.4 * noise(seed=2)[0]
    mask = (noise(seed=3)[0, :1] > 0.5).float()
    matched, inside = color.match_color(source, reference, mask), mask[0] > 0
    for got, wanted in zip(matched, reference, strict=True):
        torch.testing.assert_close(got[inside].mean(), wanted[inside].mean())
        torch.testing.assert_close(got[inside].std(), wanted[inside].std(), rtol=1e-4, atol=1e-5)


def test_matching_a_picture_with_itself_or_under_no_mask_changes_nothing():
    image = noise()[0]
    torch.testing.assert_close(color.match_color(image, image, torch.ones(1, 9, 11)), image)
    assert torch.equal(color.match_color(image, 1 - image, torch.zeros(1, 9, 11)), image)


def test_flat_pictures_take_the_mean():
    flat, other = torch.full((3, 4, 4), 0.3), torch.full((3, 4, 4), 0.6)
    torch.testing.assert_close(color.match_color(flat, other, torch.ones(1, 4, 4)), other)


def test_the_gain_is_limited():
    source, reference = 0.5 + 0.01 * (noise(seed=1)[0] - 0.5), noise(seed=2)[0]
    matched = color.match_color(source, reference, torch.ones(1, 9, 11))
    torch.testing.assert_close(matched.std(dim=(1, 2)), color.LARGEST_GAIN * source.std(dim=(1, 2)))


def test_gradients():
    images = noise(1, 3, 3).double().requires_grad_()
    assert torch.autograd.gradcheck(color.ycbcr_from_rgb, (images,))
    assert torch.autograd.gradcheck(color.rgb_from_ycbcr, (images,))
