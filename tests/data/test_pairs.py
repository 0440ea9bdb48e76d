import numpy as np
import pytest
import torch

from mien.data.pairs import Pairs, damaged_pairs, stored_pairs
from mien.data.photos import PackedPhotos
from mien.data.variety import Variety
from mien.degrade.chain import PROFILES, Profile


def test_the_truth_is_varied_and_its_copy_is_damaged_as_well() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
    pairs = stored_pairs(PackedPhotos(pixels), [2, 1])
    assert torch.equal(pairs.damaged, pairs.truth)
    made = damaged_pairs(pairs, Variety(), (PROFILES["gfrnet"],), torch.Generator().manual_seed(0))
    assert isinstance(made, Pairs)
    assert made.truth.shape == made.damaged.shape == (2, 3, 32, 32)
    assert not torch.equal(made.truth, pairs.truth)
    assert not torch.equal(made.truth, made.damaged)


def test_profiles_share_the_pictures() -> None:
    truth = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    nothing, noise = Profile(), Profile(noises=(0.2,))
    pairs = damaged_pairs(Pairs(truth, truth), Variety(), (nothing, noise), torch.Generator().manual_seed(0))
    changed = (pairs.damaged - pairs.truth).abs().amax(dim=(1, 2, 3)) > 0.1
    assert changed.tolist() == [False, False, True, True]


def test_no_profile_is_left_out() -> None:
    truth = torch.rand(4, 3, 32, 32)
    with pytest.raises(ValueError, match="4 pictures cannot be shared out evenly to 8 profiles"):
        damaged_pairs(Pairs(truth, truth), Variety(), (Profile(),) * 8, torch.Generator())


def test_equal_neighbours_are_damaged_together(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(
        Profile, "__call__", lambda profile, images, chance: calls.append(len(images)) or images
    )
    one, other = Profile(), Profile(noises=(0.2,))
    truth = torch.rand(8, 3, 32, 32)
    profiles = (one,) * 5 + (other,) + (one,) * 2
    pairs = damaged_pairs(Pairs(truth, truth), Variety(), profiles, torch.Generator().manual_seed(0))
    assert calls == [5, 1, 2]
    assert torch.equal(pairs.damaged, pairs.truth)
