"""Warping against scipy, hand numbers and its own inverse."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mien.image import warp


def noise(height, width, seed=0, channels=3):
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(seed))


def smooth(size):
    """A picture with nothing near the resolution of its pixels."""
    grid = torch.arange(size, dtype=torch.float64) / size * 2 * math.pi
    waves = 0.5 + 0.25 * torch.sin(2 * grid)[:, None] + 0.25 * torch.cos(3 * grid)[None, :]
    return waves.float().expand(1, 3, size, size).contiguous()


numbers = st.floats(-50, 50)
similarities = st.builds(
    lambda scale, degrees, x, y: warp.similarity(scale, degrees, (x, y)),
    st.floats(0.1, 10),
    st.floats(-180, 180),
    numbers,
    numbers,
)


@settings(max_examples=30, deadline=None)
@given(similarities, similarities)
def test_transforms_compose_and_invert(first, second):
    points = torch.tensor([[0.0, 0.0], [3.0, -2.0], [100.0, 7.0]], dtype=torch.float64)
    both = warp.transform_points(warp.compose(second, first), points)
    torch.testing.assert_close(both, warp.transform_points(second, warp.transform_points(first, points)))
    there = warp.transform_points(first, points)
    back = warp.transform_points(warp.invert(first), there)
    torch.testing.assert_close(back, points, atol=1e-8, rtol=1e-8)


def test_similarity_by_hand():
    # a quarter turn, clockwise to the eye: right becomes down
    turned = warp.transform_points(warp.similarity(2, 90, (10, 20)), torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    torch.testing.assert_close(turned, torch.tensor([[10.0, 22.0], [8.0, 20.0]]))
    assert turned.dtype == torch.float32


def test_batched_transforms_equal_single_ones():
    stack = torch.stack([warp.similarity(2, 30, (1, 2)), warp.similarity(0.5, -80, (3, 4))])
    for single, inverse in zip(stack, warp.invert(stack), strict=True):
        torch.testing.assert_close(warp.invert(single), inverse)
    points = torch.rand(2, 7, 2)
    moved = warp.transform_points(stack, points)
    torch.testing.assert_close(moved[1], warp.transform_points(stack[1], points[1]))


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
def test_identity_returns_the_input_exactly(method):
    images = noise(17, 23)
    assert torch.equal(warp.warp_affine(images, warp.identity()[None], 17, 23, method=method), images)


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
def test_a_whole_pixel_shift_is_a_cut(method):
    images = noise(60, 80)
    cut = warp.warp_affine(images, warp.translation(30, 11)[None], 20, 40, method=method)
    torch.testing.assert_close(cut, images[..., 11:31, 30:70], atol=1e-5, rtol=0)


@pytest.mark.parametrize(("padding", "mode"), [("border", "nearest"), ("reflection", "reflect")])
@settings(max_examples=10, deadline=None)
@given(angle=st.floats(-180, 180), scale=st.floats(0.2, 1.1), x=st.floats(-9, 30), y=st.floats(-9, 30))
def test_bilinear_equals_scipy(padding, mode, angle, scale, x, y):
    images = noise(33, 41)
    input_from_output = warp.similarity(scale, angle, (x, y))
    ours = warp.warp_affine(images, input_from_output[None], 20, 25, padding, "bilinear")[0]
    matrix = input_from_output.numpy()
    # scipy counts (row, column)
    rows = matrix[::-1, :2][:, ::-1]
    for channel in range(3):
        theirs = ndimage.affine_transform(
            images[0, channel].double().numpy(), rows, matrix[::-1, 2], (20, 25), order=1, mode=mode
        )
        np.testing.assert_allclose(ours[channel].numpy(), theirs, atol=3e-5)


def test_zeros_outside():
    out = warp.warp_affine(
        torch.ones(1, 1, 10, 10), warp.translation(-5, 0)[None], 10, 10, "zeros", "bilinear"
    )
    assert torch.all(out[..., :5] == 0)
    torch.testing.assert_close(out[..., 5:], torch.ones(1, 1, 10, 5))


def test_all_outside_takes_the_border():
    images = noise(8, 8)
    out = warp.warp_affine(images, warp.translation(500, -500)[None], 4, 4)
    torch.testing.assert_close(out, images[..., :1, -1:].expand(1, 3, 4, 4), atol=1e-6, rtol=0)


def test_a_pixel_is_its_centre():
    # halving: the mean of pixels 0 and 1 lies at 0.5, which must be the new pixel 0
    ramp = torch.arange(16.0).expand(1, 1, 16, 16) / 16
    half = warp.warp_affine(ramp, warp.rescaling(2.0)[None], 8, 8)
    torch.testing.assert_close(half[0, 0, 4, 1:7], (2 * torch.arange(1.0, 7.0) + 0.5) / 16, atol=1e-5, rtol=0)
    double = warp.warp_affine(ramp, warp.rescaling(0.5)[None], 32, 32, method="bilinear")
    torch.testing.assert_close(
        double[0, 0, 9, 1:31], (torch.arange(1.0, 31.0) - 0.5) / 2 / 16, atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("factor", [2, 3, 4, 6, 8, 16])
def test_shrinking_by_a_whole_number_is_the_mean_of_areas(factor):
    images = noise(12 * factor, 10 * factor)
    shrunk = warp.warp_affine(images, warp.rescaling(factor)[None], 12, 10)
    means = torch.nn.functional.avg_pool2d(images, factor)
    torch.testing.assert_close(shrunk, means, atol=3e-5, rtol=0)


@pytest.mark.parametrize("scale", [2.5, 3.5, 5.0, 11.0])
@pytest.mark.parametrize("angle", [0.0, 31.0])
def test_shrinking_does_not_alias(scale, angle):
    # stripes too fine for the small picture must turn gray instead of becoming other stripes
    size = int(64 * scale * 1.5)
    stripes = 0.5 + 0.5 * torch.cos(torch.arange(size) * 2 * math.pi / (scale * 0.9))
    images = stripes.expand(1, 1, size, size)
    input_from_output = warp.similarity(scale, angle, (size / 3, 10.0))
    kept = warp.warp_affine(images, input_from_output[None], 32, 32).std()
    assert kept < 0.06, f"{kept} of {images.std()} left"


def test_there_and_back():
    images = smooth(64)
    turn = warp.compose(warp.translation(31.5, 31.5), warp.similarity(1, 33, (0, 0)))
    turn = warp.compose(turn, warp.translation(-31.5, -31.5))
    there = warp.warp_affine(images, turn[None], 64, 64)
    back = warp.warp_affine(there, warp.invert(turn)[None], 64, 64)
    assert (back - images)[..., 16:48, 16:48].abs().max() < 1e-2


def test_each_of_a_batch_has_its_own_transform():
    images = noise(40, 40).repeat(2, 1, 1, 1)
    transforms = torch.stack([warp.similarity(0.5, 20, (4, 9)), warp.similarity(1, -70, (3, 30))])
    both = warp.warp_affine(images, transforms, 16, 16)
    for k in range(2):
        alone = warp.warp_affine(images[k : k + 1], transforms[k : k + 1], 16, 16)
        torch.testing.assert_close(both[k : k + 1], alone, atol=2e-5, rtol=0)


def test_large_photo_keeps_its_precision():
    # far from the corner float32 coordinates would be off by a thousandth of the photo's width
    ramp = torch.linspace(0, 1, 20000).expand(1, 1, 8, 20000)
    out = warp.warp_affine(ramp, warp.translation(19000.25, 0)[None], 8, 16, method="bilinear")
    expected = (19000.25 + torch.arange(16, dtype=torch.float64)) / 19999
    torch.testing.assert_close(out[0, 0, 3].double(), expected, atol=2e-6, rtol=0)


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
def test_gradients(method):
    images = noise(9, 9, channels=1).double().requires_grad_()
    transform = warp.similarity(0.7, 12, (1.3, 1.1))[None].requires_grad_()

    def warped(images, transform):
        return warp.warp_affine(images, transform, 5, 5, method=method)

    assert torch.autograd.gradcheck(warped, (images, transform))


def test_cuts_that_do_not_shrink_are_warps():
    image = noise(60, 80)[0]
    moves = [warp.similarity(scale, angle, (30, 20)) for scale, angle in ((0.7, 30), (1.1, -100), (1.0, 0))]
    one_by_one = [warp.warp_affine(image[None], move[None], 24, 24, method="bilinear")[0] for move in moves]
    torch.testing.assert_close(
        warp.cut_many(image, torch.stack(moves), 24), torch.stack(one_by_one), atol=1e-4, rtol=0
    )


def test_cuts_of_a_slope_are_slopes():
    """The mean of a linear picture over any block is its value in the middle, however much it shrinks."""
    y, x = torch.meshgrid(torch.arange(300.0), torch.arange(400.0), indexing="ij")
    image = torch.stack((x / 400, y / 300, (x + y) / 700))
    centre = warp.translation(-7.5, -7.5)
    moves = [
        warp.compose(warp.similarity(scale, angle, (200, 150)), centre)
        for scale, angle in ((0.5, 10), (1.5, 50), (2.0, 0), (2.7, -80), (3.9, 170), (6.4, 33))
    ]
    cuts = warp.cut_many(image, torch.stack(moves), 16)
    pixels = torch.stack(torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="xy"), -1)
    for cut, move in zip(cuts, moves, strict=True):
        at = warp.transform_points(move, pixels.view(-1, 2)).view(16, 16, 2)
        expected = torch.stack((at[..., 0] / 400, at[..., 1] / 300, at.sum(-1) / 700))
        torch.testing.assert_close(cut, expected, atol=1e-4, rtol=0)


def test_scales_are_singular_values():
    moves = noise(3, 20, channels=1).view(-1, 2, 3).double() - 0.5
    expected = torch.linalg.svdvals(moves[:, :, :2])[:, 0]
    torch.testing.assert_close(warp.scales(moves), expected)


def test_no_cuts():
    assert warp.cut_many(noise(8, 8)[0], torch.zeros(0, 2, 3), 4).shape == (0, 3, 4, 4)


def test_one_pixel():
    assert warp.warp_affine(torch.full((1, 3, 1, 1), 0.3), warp.rescaling(0.1)[None], 5, 5).allclose(
        torch.tensor(0.3)
    )
