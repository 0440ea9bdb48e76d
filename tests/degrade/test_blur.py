import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mien.degrade.blur import SIDE, box_kernels, gaussian_kernels, motion_kernels


def one(value: float) -> torch.Tensor:
    return torch.tensor([value], dtype=torch.float64)


def test_round_gaussian_is_scipys():
    impulse = torch.zeros(SIDE, SIDE, dtype=torch.float64)
    impulse[SIDE // 2, SIDE // 2] = 1
    expected = ndimage.gaussian_filter(impulse.numpy(), 2.5, mode="constant", truncate=8)
    ours = gaussian_kernels(one(2.5), one(2.5), one(0.3))[0]
    torch.testing.assert_close(ours, torch.from_numpy(expected), atol=1e-12, rtol=0)


@pytest.mark.parametrize("degrees", [0, 30, 90, 135])
def test_long_gaussian_has_its_variances_along_its_axes(degrees: int):
    angle = math.radians(degrees)
    kernel = gaussian_kernels(one(3.0), one(1.5), one(angle))[0]
    offsets = torch.arange(SIDE, dtype=torch.float64) - SIDE // 2
    along = math.cos(angle) * offsets[None] + math.sin(angle) * offsets[:, None]
    across = math.cos(angle) * offsets[:, None] - math.sin(angle) * offsets[None]
    assert (kernel * along**2).sum().item() == pytest.approx(9.0, rel=1e-3)
    assert (kernel * across**2).sum().item() == pytest.approx(2.25, rel=1e-3)


def test_box_is_a_mean_over_its_width():
    kernel = box_kernels(one(3.0))[0]
    expected = torch.zeros(SIDE, SIDE, dtype=torch.float64)
    expected[19:22, 19:22] = 1 / 9
    torch.testing.assert_close(kernel, expected)


def test_level_motion_is_a_row():
    kernel = motion_kernels(one(5.0), one(0.0))[0]
    expected = torch.zeros(SIDE, SIDE, dtype=torch.float64)
    expected[20, 18:23] = 1 / 5
    torch.testing.assert_close(kernel, expected)


def test_motion_turns_from_x_towards_y():
    kernel = motion_kernels(one(15.0), one(math.pi / 4))[0]
    assert kernel[24, 24] > 0.03
    assert kernel[16, 24] == 0


@settings(max_examples=20, deadline=None)
@given(size=st.floats(0, 41), ratio=st.floats(0.1, 1), angle=st.floats(-7, 7))
def test_kernels_sum_to_one_and_are_symmetric(size: float, ratio: float, angle: float):
    kernels = (
        gaussian_kernels(one(size), one(size * ratio), one(angle)),
        box_kernels(one(max(1.0, size))),
        motion_kernels(one(size), one(angle)),
    )
    for kernel in torch.cat(kernels):
        assert kernel.min() >= 0
        assert kernel.sum().item() == pytest.approx(1)
        torch.testing.assert_close(kernel, kernel.flip(0, 1), atol=1e-12, rtol=0)


def test_no_blur_is_a_single_tap():
    for kernel in (
        gaussian_kernels(one(0), one(0), one(1)),
        box_kernels(one(1)),
        motion_kernels(one(1), one(1)),
    ):
        assert kernel[0, 20, 20].item() == pytest.approx(1)
