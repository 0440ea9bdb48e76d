from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.data.photos import PackedPhotos
from mien.data.turned import PackedTurned, Turned, TurningPlan, mirrored, pack_turned, shrunk
from mien.geometry.camera import WeakPerspective
from mien.geometry.landmarks import key_points
from mien.geometry.pose import rotation_from_angles, turn
from mien.image.warp import translation
from mien.types import Affine, Detection
from mien.zoo.load import load_morphable

SIZE = 64
PLAN = TurningPlan(yaws=(-40.0, 0.0, 40.0), jitter=0.0, views_per_face=2, batch=2)


def stay(detection: Detection) -> Affine:
    """Views stay where they are drawn."""
    assert detection.points.shape == (5, 2)
    return translation(0.0, 0.0)


def landmarks(yaw: float) -> torch.Tensor:
    """Of the mean face in the middle of a picture."""
    model = load_morphable("cpu")
    camera = WeakPerspective(torch.tensor([18.0]), torch.tensor([[31.5, 31.5]]))
    points = model.landmark_points(model.mean[None])
    return camera.project(turn(points, rotation_from_angles(torch.tensor([[yaw, 0.0, 0.0]]))))[0, :, :2]


@pytest.fixture
def packed(tmp_path: Path) -> PackedTurned:
    pixels = np.random.default_rng(0).integers(60, 200, (4, 3, SIZE // 8, SIZE // 8), dtype=np.uint8)
    photos = PackedPhotos(pixels.repeat(8, axis=2).repeat(8, axis=3))
    nobody = torch.full((68, 2), torch.nan)
    points = torch.stack((landmarks(0.0), nobody, landmarks(45.0), landmarks(10.0)))
    generator = torch.Generator().manual_seed(0)
    assert pack_turned(photos, points, load_morphable("cpu"), stay, PLAN, tmp_path, generator) == 2
    return PackedTurned.open(tmp_path)


def test_near_frontal_faces_are_turned_and_others_left_out(packed: PackedTurned) -> None:
    assert packed.views.shape == (4, 3, SIZE, SIZE)
    assert packed.truths.shape == (2, 3, SIZE, SIZE)
    assert packed.truth_of.tolist() == [0, 1, 0, 1]
    assert {round(float(yaw)) for yaw in packed.yaws} <= {-40, 0, 40}


def test_key_points_are_those_of_the_pose(packed: PackedTurned) -> None:
    turned = packed.batch([0, 1, 2, 3])
    torch.testing.assert_close(turned.wanted[0], key_points(landmarks(0.0)), atol=0.1, rtol=0.0)
    torch.testing.assert_close(turned.wanted[1], key_points(landmarks(10.0)), atol=0.1, rtol=0.0)
    for row in range(4):
        expected = key_points(landmarks(float(packed.yaws[row])))
        torch.testing.assert_close(turned.given[row], expected, atol=0.7, rtol=0.0)


def test_the_frontal_pose_is_the_same_from_wherever_it_was_seen(packed: PackedTurned) -> None:
    frontal = packed.batch([0, 1, 2, 3]).frontal
    torch.testing.assert_close(frontal[0], frontal[2])
    torch.testing.assert_close(frontal[0], frontal[1], atol=0.2, rtol=0.0)
    left, right = frontal[0, 6:9].mean(0), frontal[0, 9:12].mean(0)
    torch.testing.assert_close(left[1], right[1], atol=0.05, rtol=0.0)


def test_nothing_held_out_is_trained_on(packed: PackedTurned) -> None:
    chosen, held_out = packed.split(every=2)
    assert sorted(chosen + held_out) == [0, 1, 2, 3]
    photos = packed.truth_of[chosen], packed.truth_of[held_out]
    assert not set(photos[0]) & set(photos[1])


def test_a_mirror_changes_pictures_and_points_together() -> None:
    views = torch.zeros(64, 3, 8, 8)
    views[:, :, 2, 1] = 1.0  # where the first key point is
    points = torch.full((64, 18, 2), 5.0)
    points[:, 0] = torch.tensor([1.0, 2.0])
    turned = mirrored(Turned(views, views, points, points, points), torch.Generator().manual_seed(0))
    is_flipped = turned.views[:, 0, 2, 6] == 1
    assert 16 < is_flipped.sum() < 48
    last_of_brows = 5
    assert torch.equal(turned.given[is_flipped, last_of_brows][0], torch.tensor([6.0, 2.0]))
    assert torch.equal(turned.given[~is_flipped, 0][0], torch.tensor([1.0, 2.0]))


def test_photos_that_show_nobody_from_ahead_are_an_error(tmp_path: Path) -> None:
    photos = PackedPhotos(np.zeros((1, 3, SIZE, SIZE), dtype=np.uint8))
    plan, generator = replace(PLAN, batch=1), torch.Generator()
    with pytest.raises(ValueError, match="none of 1 photos"):
        pack_turned(photos, landmarks(60.0)[None], load_morphable("cpu"), stay, plan, tmp_path, generator)


def test_shrinking_moves_points_with_their_pixels() -> None:
    """A spot's middle stays the spot's middle."""
    pictures = torch.zeros(1, 3, 16, 16)
    pictures[:, :, 4:8, 8:12] = 1.0
    middle = torch.tensor([9.5, 5.5]).expand(1, 18, 2)
    small = shrunk(Turned(pictures, pictures, middle, middle, middle), 4)
    assert float(small.views[0, 0, 1, 2]) == 1.0
    torch.testing.assert_close(small.given, torch.tensor([2.0, 1.0]).expand(1, 18, 2))
