import numpy as np
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
    truth = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    nothing, noise = Profile(), Profile(noises=(0.2,))
    pairs = damaged_pairs(Pairs(truth, truth), Variety(), (nothing, noise), torch.Generator().manual_seed(0))
    changed = (pairs.damaged - pairs.truth).abs().amax(dim=(1, 2, 3)) > 0.1
    assert changed.tolist() == [False, False, False, True, True]
