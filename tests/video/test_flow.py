import pytest
import torch
import torch.nn.functional as F

from mien.image.warp import identity, similarity, warp_affine
from mien.video.flow import chained, estimate_flow, pull, resized


@pytest.fixture
def picture():
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 16, 16, generator=generator)
    return F.interpolate(coarse, (96, 96), mode="bicubic").clamp(0, 1)


@pytest.mark.parametrize("shift", [(2.0, -1.5), (-6.0, 4.0), (0.0, 0.0)])
def test_a_shift_is_found(picture, shift):
    # what is at p in the first is at p + shift in the second
    second = warp_affine(picture, similarity(1.0, 0.0, (-shift[0], -shift[1]))[None], 96, 96)
    flow = estimate_flow(picture, second)[0, :, 16:-16, 16:-16]
    assert (flow - torch.tensor(shift)[:, None, None]).abs().mean() < 0.15


def test_a_turn_is_found(picture):
    turn = similarity(1.0, 4.0, (3.0, -3.0))
    second = warp_affine(picture, turn[None], 96, 96)
    pulled = pull(second, estimate_flow(picture, second))
    inside = (slice(None), slice(None), slice(16, -16), slice(16, -16))
    before = (second - picture)[inside].abs().mean()
    assert (pulled - picture)[inside].abs().mean() < before / 6


def test_pulling_beside_an_affine_warp(picture):
    move = similarity(1.0, 0.0, (3.25, -2.5))
    flow = torch.tensor([3.25, -2.5])[None, :, None, None].expand(1, 2, 96, 96)
    wanted = warp_affine(picture, move[None], 96, 96, method="bilinear")
    assert torch.allclose(pull(picture, flow), wanted, atol=1e-5)
    assert torch.allclose(pull(picture, torch.zeros(1, 2, 96, 96)), picture, atol=1e-5)
    assert torch.equal(warp_affine(picture, identity()[None], 96, 96), picture)


def test_flows_one_after_the_other():
    first, second = torch.full((1, 2, 8, 8), 1.0), torch.full((1, 2, 8, 8), 0.5)
    assert torch.allclose(chained(first, second), torch.full((1, 2, 8, 8), 1.5))


def test_a_flow_for_a_larger_picture():
    assert torch.allclose(resized(torch.ones(1, 2, 8, 8), 16), torch.full((1, 2, 16, 16), 2.0))


def test_large_pictures_are_compared_as_small_ones(picture):
    large = F.interpolate(picture, (300, 300), mode="bilinear")
    assert estimate_flow(large, large).shape == (1, 2, 128, 128)
