import torch

from mien.video.cuts import find_cuts, glimpse


def still(value, count, seed=0):
    """A picture with a little grain in each frame."""
    generator = torch.Generator().manual_seed(seed)
    base = torch.full((3, 16, 24), value)
    base[:, :8] += 0.2
    grain = torch.randn(count, 3, 16, 24, generator=generator) * 0.03
    return [glimpse((base + noise).clamp(0, 1)) for noise in grain]


def cuts(*parts):
    return find_cuts(torch.stack([frame for part in parts for frame in part]))


def test_a_scene_has_no_cut():
    assert cuts(still(0.3, 12)) == [0]


def test_two_scenes():
    assert cuts(still(0.2, 9), still(0.6, 9)) == [0, 9]


def test_a_cut_right_at_the_end_and_at_the_beginning():
    assert cuts(still(0.2, 6), still(0.6, 1)) == [0, 6]
    assert cuts(still(0.2, 1), still(0.6, 6)) == [0, 1]


def test_a_flash_is_no_cut():
    assert cuts(still(0.2, 8), still(0.7, 1), still(0.2, 8)) == [0]


def test_a_pan_is_no_cut():
    wide = torch.rand(3, 4, 60, generator=torch.Generator().manual_seed(2))
    wide = torch.nn.functional.interpolate(wide[None], (32, 960), mode="bilinear")[0]
    frames = [glimpse(wide[:, :, 12 * index : 12 * index + 64]) for index in range(40)]
    assert find_cuts(torch.stack(frames)) == [0]


def test_one_frame_and_none():
    assert cuts(still(0.2, 1)) == [0]
    assert find_cuts(torch.zeros(0, 3, 8, 8, dtype=torch.uint8)) == []
