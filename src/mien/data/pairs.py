"""What a restoration learns from: a face and its damaged picture."""

from dataclasses import dataclass
from itertools import groupby

import torch

from mien.data.photos import PackedPhotos, to_unit_range
from mien.data.variety import Variety
from mien.degrade.chain import Profile
from mien.types import Images


@dataclass(frozen=True)
class Pairs:
    """A batch; before `damaged_pairs` both are the stored pictures."""

    damaged: Images
    truth: Images


def stored_pairs(photos: PackedPhotos, indices: list[int]) -> Pairs:
    """Pictures as they were packed, not damaged yet: damage is done where the network is."""
    images = to_unit_range(photos.batch(indices))
    return Pairs(damaged=images, truth=images)


def damaged_pairs(
    pairs: Pairs, variety: Variety, profiles: tuple[Profile, ...], generator: torch.Generator
) -> Pairs:
    """Vary the true pictures, then damage them, an equal part by each profile; equal neighbours at once."""
    truth = variety(pairs.truth, generator)
    share, left = divmod(len(truth), len(profiles))
    if left:
        raise ValueError(f"{len(truth)} pictures cannot be shared out evenly to {len(profiles)} profiles")
    runs = [(damage, share * len(list(run))) for damage, run in groupby(profiles)]
    parts = zip(truth.split([num for _, num in runs]), runs, strict=True)
    return Pairs(torch.cat([damage(part, generator) for part, (damage, _) in parts]), truth)
