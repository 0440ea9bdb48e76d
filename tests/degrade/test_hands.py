"""Made hands: where they are, how large, and the same for the same seed."""

import pytest
import torch

from mien.degrade.hands import HandProfile, capsule_masks, face_sizes


@pytest.fixture
def points():
    """A face of 60 px around (80, 70)."""
    places = torch.rand(4, 68, 2, generator=torch.Generator().manual_seed(0))
    places[:, 0], places[:, 1] = 0.0, 1.0
    return places * 60 + torch.tensor([50.0, 40.0])


def hands(points, seed=0, profile=None):
    images = torch.full((len(points), 3, 140, 160), 0.5)
    return images, (profile or HandProfile())(images, points, torch.Generator().manual_seed(seed))


def test_capsules_against_distances_by_hand():
    start, end = torch.tensor([[[10.0, 10.0]]]), torch.tensor([[[30.0, 10.0]]])
    mask = capsule_masks(start, end, torch.tensor([[5.0]]), 24, 48)[0, 0]
    assert float(mask[10, 20]) == 1
    assert float(mask[15, 20]) == 0.5  # 5 px away: on the edge
    assert float(mask[10, 4]) == 0  # 6 px before the start
    assert float(mask[13, 34]) == 0.5  # 3 beside and 4 beyond the end
    assert float(mask.sum()) == pytest.approx(20 * 10 + 3.1416 * 25, rel=0.02)


def test_a_capsule_of_no_length_is_a_disc():
    place = torch.tensor([[[12.0, 12.0]]])
    mask = capsule_masks(place, place, torch.tensor([[6.0]]), 25, 25)
    assert float(mask.sum()) == pytest.approx(3.1416 * 36, rel=0.03)


def test_hands_cover_a_part_of_the_face(points):
    images, covered = hands(points)
    assert covered.images.shape == images.shape
    assert bool((covered.mask.amax((1, 2, 3)) == 1).all())
    on_face = covered.mask[:, 0, 40:101, 50:111].mean((1, 2))
    assert bool((on_face > 0.02).all())
    assert float(on_face.mean()) < 0.9
    untouched = covered.mask == 0
    torch.testing.assert_close(covered.images.masked_fill(~untouched, 0), images.masked_fill(~untouched, 0))


def test_hands_look_like_skin(points):
    _, covered = hands(points)
    for image, mask in zip(covered.images, covered.mask, strict=True):
        red, green, blue = image[:, mask[0] == 1].mean(1)
        assert red > green > blue > 0


def test_the_same_seed_makes_the_same_hands(points):
    (_, first), (_, again), (_, other) = hands(points), hands(points), hands(points, 1)
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.mask, other.mask)


def test_a_second_hand_covers_more(points):
    one = hands(points, profile=HandProfile(second_share=0.0))[1].mask.mean()
    two = hands(points, profile=HandProfile(second_share=1.0))[1].mask.mean()
    assert two > one


def test_sizes_and_points_that_fall_together():
    corners = torch.tensor([[[0.0, 0.0], [40.0, 10.0]]])
    assert float(face_sizes(corners)) == 20
    _, covered = hands(torch.full((1, 68, 2), 30.0))
    assert bool(covered.images.isfinite().all())
