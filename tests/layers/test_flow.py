import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from mien.layers.flow import enlarged_flow, identity_flow, warp


@pytest.mark.parametrize("side", [2, 16, 256])
def test_identity_gives_the_picture_back_to_the_last_bit(side: int) -> None:
    picture = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(side))
    assert torch.equal(warp(picture, identity_flow(side, side).expand(2, -1, -1, -1)), picture)


def test_identity_of_other_sides_is_as_near_as_float32_lets_it_be() -> None:
    picture = torch.rand(1, 3, 30, 77)
    torch.testing.assert_close(warp(picture, identity_flow(30, 77)), picture, atol=1e-5, rtol=0)


@given(st.integers(0, 1000))
def test_a_warp_is_scipy_s(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    picture = torch.rand(1, 2, 9, 13, generator=generator)
    flow = 2.4 * torch.rand(1, 2, 9, 13, generator=generator) - 1.2
    x, y = ((flow[0] + 1) / 2 * torch.tensor([12, 8])[:, None, None]).double().numpy()
    expected = np.stack(
        [map_coordinates(plane.double().numpy(), [y, x], order=1, mode="nearest") for plane in picture[0]]
    )
    np.testing.assert_allclose(warp(picture, flow)[0].numpy(), expected, atol=2e-6)


def test_gradients_reach_picture_and_flow() -> None:
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 1, 4, 5, generator=generator, requires_grad=True)
    flow = (1.6 * torch.rand(1, 2, 4, 5, generator=generator) - 0.8).requires_grad_()
    warp(picture, flow).square().sum().backward()
    assert picture.grad is not None
    assert flow.grad is not None
    step = 1e-3
    for index in ((0, 0, 1, 2), (0, 1, 3, 0)):
        moved = flow.detach().clone()
        moved[index] += step
        ahead = warp(picture.detach(), moved).square().sum()
        moved[index] -= 2 * step
        behind = warp(picture.detach(), moved).square().sum()
        assert flow.grad[index] == pytest.approx(float(ahead - behind) / (2 * step), abs=2e-2)


def test_a_coarse_shift_is_the_same_everywhere() -> None:
    flow = enlarged_flow(torch.tensor([0.1, -0.2]).reshape(1, 2, 1, 1).expand(1, 2, 4, 4), 32, 32)
    moved = flow - identity_flow(32, 32)
    torch.testing.assert_close(moved[0, 0], torch.full((32, 32), 0.1))
    torch.testing.assert_close(moved[0, 1], torch.full((32, 32), -0.2))


def test_half_precision_pictures_keep_their_kind_and_flows_their_digits() -> None:
    picture = torch.rand(1, 3, 16, 16).bfloat16()
    assert torch.equal(warp(picture, identity_flow(16, 16)), picture)
    assert enlarged_flow(torch.zeros(1, 2, 2, 2, dtype=torch.bfloat16), 16, 16).dtype == torch.float32
