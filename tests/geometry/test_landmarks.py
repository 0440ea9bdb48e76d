import torch

from mien.geometry.landmarks import MIRROR_68, key_points


def test_mirroring_twice_changes_nothing():
    assert torch.equal(MIRROR_68[MIRROR_68], torch.arange(68))


def test_the_mirror_knows_the_scheme():
    pairs = {0: 16, 8: 8, 17: 26, 21: 22, 27: 27, 31: 35, 33: 33, 36: 45, 37: 44, 39: 42, 40: 47, 41: 46}
    pairs |= {48: 54, 50: 52, 51: 51, 55: 59, 57: 57, 60: 64, 61: 63, 62: 62, 65: 67, 66: 66}
    assert {left: int(MIRROR_68[left]) for left in pairs} == pairs


def test_key_points_are_those_of_the_paper_s_front_end():
    numbers = torch.arange(68).float()[:, None].expand(68, 2)
    expected = [17, 19, 21, 22, 24, 26, 36, 38.5, 39, 42, 44.5, 45, 31, 30, 35, 48, 64, 54]
    assert key_points(numbers)[:, 0].tolist() == expected


def test_key_points_in_space_and_in_batches():
    points = torch.randn(2, 5, 68, 3)
    assert key_points(points).shape == (2, 5, 18, 3)
