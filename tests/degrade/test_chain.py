import torch

from mien.degrade.chain import PROFILES


def test_profile_keeps_shape_and_range():
    images = torch.rand(3, 3, 40, 33, generator=torch.Generator().manual_seed(1))
    for profile in PROFILES.values():
        damaged = profile(images, torch.Generator().manual_seed(2))
        assert damaged.shape == images.shape
        assert 0 <= damaged.min() <= damaged.max() <= 1
