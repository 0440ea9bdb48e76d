from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.data.albums import (
    AlbumPlan,
    Labelled,
    PackedAlbums,
    Pairs,
    as_detection,
    labelled_photos,
    mirrored,
    openness,
    pack_albums,
    shifted,
)
from mien.geometry.camera import WeakPerspective
from mien.geometry.landmarks import MIRROR_68
from mien.geometry.pose import rotation_from_angles, turn
from mien.image.io import write_image
from mien.image.warp import translation
from mien.types import Affine, Detection
from mien.zoo.load import load_morphable

SIZE = 64
PLAN = AlbumPlan(yaws=(-25.0, 25.0), jitter=0.0, views_per_face=2, batch=2)


def stay(detection: Detection) -> Affine:
    """Crops are the pictures."""
    assert detection.points.shape == (5, 2)
    return translation(0.0, 0.0)


def landmarks(yaw: float) -> torch.Tensor:
    """Of the mean face in the middle of a picture."""
    model = load_morphable("cpu")
    camera = WeakPerspective(torch.tensor([18.0]), torch.tensor([[31.5, 31.5]]))
    points = model.landmark_points(model.mean[None])
    return camera.project(turn(points, rotation_from_angles(torch.tensor([[yaw, 0.0, 0.0]]))))[0, :, :2]


@pytest.fixture
def photos(tmp_path: Path) -> list[Labelled]:
    """Anna twice, once in profile; Ben once; and two single faces, one of them turned."""
    faces = {
        "people/anna/a.png": ("anna", 0.0),
        "people/anna/b.png": ("anna", 50.0),
        "people/ben/a.png": ("ben", 0.0),
        "single/a.png": ("", 5.0),
        "single/b.png": ("", 40.0),
    }
    generator = torch.Generator().manual_seed(0)
    found = []
    for name, (person, yaw) in faces.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        picture = 0.3 + 0.4 * torch.rand(3, 8, 8, generator=generator)
        write_image(tmp_path / name, picture.repeat_interleave(8, 1).repeat_interleave(8, 2))
        found.append(Labelled(tmp_path / name, landmarks(yaw), person))
    return found


@pytest.fixture
def packed(photos: list[Labelled], tmp_path: Path) -> PackedAlbums:
    folder = tmp_path / "packed"
    generator = torch.Generator().manual_seed(0)
    assert pack_albums(photos, load_morphable("cpu"), stay, SIZE, PLAN, folder, generator) == 5
    return PackedAlbums.open(folder)


def test_who_has_no_other_photo_gets_some_or_is_left_out(packed: PackedAlbums) -> None:
    """Anna's two, and the near-frontal single face with two views of it; not Ben, not the turned one."""
    assert packed.people.tolist() == [0, 0, 1, 1, 1]
    assert packed.repeats.tolist() == [4, 4, 1, 0, 0]
    assert packed.is_guide.tolist() == [True, False, True, True, True]


def test_landmarks_are_those_of_the_view(packed: PackedAlbums) -> None:
    torch.testing.assert_close(torch.from_numpy(packed.points[1].copy()), landmarks(50.0))
    views = [torch.from_numpy(packed.points[row].copy()) for row in (3, 4)]
    for expected in (landmarks(-25.0), landmarks(25.0)):
        assert min(float((view - expected).norm(dim=1).mean()) for view in views) < 0.7


def test_photos_too_small_are_left_out(photos: list[Labelled], tmp_path: Path) -> None:
    def enlarge(detection: Detection) -> Affine:
        return torch.tensor([[0.5, 0.0, 0.0], [0.0, 0.5, 0.0]], dtype=torch.float64)

    with pytest.raises(ValueError, match="large enough"):
        pack_albums(photos, load_morphable("cpu"), enlarge, SIZE, PLAN, tmp_path, torch.Generator())
    with pytest.raises(ValueError, match="label files"):
        pack_albums([], load_morphable("cpu"), stay, SIZE, PLAN, tmp_path, torch.Generator())


def test_guides_are_other_good_photos_of_the_person(packed: PackedAlbums) -> None:
    assert packed.guides(0).tolist() == [1]  # the profile, as there is no other
    assert packed.guides(1).tolist() == [0]
    assert packed.guides(2).tolist() == [3, 4]
    assert packed.strangers(0).tolist() == [2, 3, 4]
    assert packed.strangers(3).tolist() == [0]
    pairs = packed.batch([1, 0], torch.Generator().manual_seed(0))
    assert torch.equal(pairs.truths, pairs.guides.flip(0))
    assert torch.equal(pairs.truth_points, pairs.guide_points.flip(0))


def test_people_held_out_are_not_learned_from(packed: PackedAlbums) -> None:
    learned, held_out = packed.split(2)
    assert learned == [0] * 4 + [1] * 4
    assert held_out == [2]
    assert packed.split(100) == ([0] * 4 + [1] * 4 + [2], [])


def test_labels_name_photos_and_folders_people(photos: list[Labelled], tmp_path: Path) -> None:
    files = [str(photo.path) for photo in photos]
    points = np.stack([photo.points.numpy() for photo in photos])
    ones, none = np.ones(len(files), dtype=np.int64), np.zeros(len(files), dtype=np.int64)
    np.savez(
        tmp_path / "labels.npz",
        files=np.array(files),
        points=points,
        num_faces=ones,
        ignore=np.zeros((0, 4), np.float32),
        num_ignored=none,
    )
    folders = (tmp_path / "people", tmp_path / "single")
    found = labelled_photos((tmp_path / "labels.npz",), folders)
    assert [photo.person for photo in found] == ["anna", "anna", "ben", "", ""]
    assert len(labelled_photos((tmp_path / "labels.npz",), folders[:1])) == 3


def test_eyes_are_open_or_not() -> None:
    points = landmarks(0.0)[None].repeat(2, 1, 1)
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        points[1, upper] = points[1, lower] = (points[1, upper] + points[1, lower]) / 2
    open_eyes, shut = openness(points).tolist()
    assert open_eyes > PLAN.least_open
    assert shut == pytest.approx(0, abs=1e-5)
    assert as_detection(points[0]).points.shape == (5, 2)


@pytest.fixture
def pairs() -> Pairs:
    generator = torch.Generator().manual_seed(0)
    pictures, guides = torch.rand(2, 4, 3, 16, 16, generator=generator)
    points, guide_points = 2 + 12 * torch.rand(2, 4, 68, 2, generator=generator)
    return Pairs(pictures, guides, pictures, points, guide_points)


def test_mirrored_pairs_stay_together(pairs: Pairs) -> None:
    after = mirrored(pairs, torch.Generator().manual_seed(1))
    flipped = [not torch.equal(a, b) for a, b in zip(pairs.truths, after.truths, strict=True)]
    assert 0 < sum(flipped) < 4
    for row, is_flipped in enumerate(flipped):
        for name in ("damaged", "guides", "truths"):
            before, now = getattr(pairs, name)[row], getattr(after, name)[row]
            assert torch.equal(now, before.flip(2) if is_flipped else before)
        for name in ("truth_points", "guide_points"):
            before, now = getattr(pairs, name)[row], getattr(after, name)[row]
            expected = before[MIRROR_68] * torch.tensor([-1.0, 1.0]) + torch.tensor([15.0, 0.0])
            torch.testing.assert_close(now, expected if is_flipped else before)


def test_landmarks_move_with_their_picture(pairs: Pairs) -> None:
    after = shifted(pairs, 3, torch.Generator().manual_seed(2))
    right, down = (after.truth_points - pairs.truth_points)[0, 0].round().int().tolist()
    assert (right, down) != (0, 0)
    inner = after.truths[..., 4 + down : 12 + down, 4 + right : 12 + right]
    assert torch.equal(inner, pairs.truths[..., 4:12, 4:12])
    assert torch.equal(after.guides, pairs.guides)
    assert torch.equal(shifted(replace(pairs), 0, torch.Generator()).truths, pairs.truths)
