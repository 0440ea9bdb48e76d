import math

import pytest
import torch

from mien.metrics.overlap import Overlaps


def by_hand(found: torch.Tensor, truth: torch.Tensor, number: int) -> float:
    """Of one class, with sets of places."""
    ours = {tuple(place) for place in (found == number).nonzero().tolist()}
    theirs = {tuple(place) for place in (truth == number).nonzero().tolist()}
    return len(ours & theirs) / len(ours | theirs) if ours | theirs else math.nan


def maps(seed: int) -> torch.Tensor:
    return torch.randint(0, 4, (3, 6, 5), generator=torch.Generator().manual_seed(seed))


def test_each_class_is_counted_as_sets_are() -> None:
    found, truth = maps(0), maps(1)
    overlaps = Overlaps.of(found, truth, 5)
    expected = [by_hand(found, truth, number) for number in range(5)]
    assert overlaps.per_class.tolist() == pytest.approx(expected, nan_ok=True)
    assert overlaps.mean == pytest.approx(sum(expected[:4]) / 4)


def test_halves_added_are_the_whole() -> None:
    found, truth = maps(2), maps(3)
    halves = Overlaps.of(found[:1], truth[:1], 4) + Overlaps.of(found[1:], truth[1:], 4)
    whole = Overlaps.of(found, truth, 4)
    assert torch.equal(halves.shared, whole.shared)
    assert torch.equal(halves.either, whole.either)


def test_maps_that_agree() -> None:
    assert Overlaps.of(maps(0), maps(0), 4).mean == 1.0
