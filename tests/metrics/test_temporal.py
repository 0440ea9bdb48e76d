import math

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from mien.metrics.temporal import landmark_jitter, warping_error


def test_known_motion_and_a_fixed_offset_are_no_jitter():
    moving = torch.rand(8, 5, 2) * 100
    assert landmark_jitter(moving + torch.tensor([3.0, -2.0]), moving) < 1e-5


def test_jitter_of_points_that_jump_to_and_fro():
    known = torch.zeros(6, 4, 2)
    found = known.clone()
    found[::2, :, 0] = 3.0
    found[::2, :, 1] = 4.0
    assert landmark_jitter(found, known) == pytest.approx(5.0)


def test_jitter_of_white_noise():
    noise = torch.randn(4000, 3, 2, generator=torch.Generator().manual_seed(0))
    # two coordinates, each the difference of two independent ones
    assert landmark_jitter(noise, torch.zeros_like(noise)) == pytest.approx(math.sqrt(4), rel=0.03)


def test_one_frame_does_not_tremble():
    with pytest.raises(ValueError, match="between frames"):
        landmark_jitter(torch.zeros(1, 5, 2), torch.zeros(1, 5, 2))


def test_a_film_that_only_moves_has_no_warping_error():
    wide = torch.rand(1, 3, 20, 30)
    earlier, later = wide[..., :26], wide[..., 3:29]
    flow = torch.zeros(1, 2, 20, 26)
    flow[:, 0] = -3.0
    seen = torch.ones(1, 1, 20, 26)
    seen[..., :3] = 0
    assert warping_error(earlier, later, flow, seen) < 1e-12


def test_warping_error_beside_scipy():
    generator = torch.Generator().manual_seed(1)
    earlier, later = torch.rand(2, 1, 3, 12, 16, generator=generator)
    flow = torch.rand(1, 2, 12, 16, generator=generator) * 2 - 1
    seen = torch.zeros(1, 1, 12, 16)
    seen[..., 2:-2, 2:-2] = 1
    rows, columns = np.mgrid[:12, :16]
    places = [rows + flow[0, 1].numpy(), columns + flow[0, 0].numpy()]
    brought = np.stack([map_coordinates(plane.numpy(), places, order=1) for plane in later[0]])
    wanted = ((earlier[0].numpy() - brought) ** 2)[:, 2:-2, 2:-2].mean()
    assert warping_error(earlier, later, flow, seen) == pytest.approx(wanted, rel=1e-5)


def test_where_nothing_is_seen_nothing_can_be_told():
    pictures = torch.zeros(1, 3, 4, 4)
    with pytest.raises(ValueError, match="nothing is seen"):
        warping_error(pictures, pictures, torch.zeros(1, 2, 4, 4), torch.zeros(1, 1, 4, 4))
