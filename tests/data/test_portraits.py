from pathlib import Path

import numpy as np
import pytest
import torch

from mien.data.photos import PackedPhotos
from mien.data.portraits import (
    POINTS,
    PackedPortraits,
    Portraits,
    damaged_portraits,
    mirror_boxes,
    pack_portraits,
    part_boxes,
)
from mien.degrade.chain import Profile
from mien.geometry.landmarks import MIRROR_68
from mien.image.io import write_image

NOTHING = Profile()


def face(side: float) -> torch.Tensor:
    """68 points whose eyes and mouth are where they are in a face."""
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(68, 2, generator=generator) * side * 0.5 + side / 4
    for part, (x, y) in (
        (slice(36, 42), (0.35, 0.45)),
        (slice(42, 48), (0.65, 0.45)),
        (slice(48, 68), (0.5, 0.75)),
    ):
        points[part] = torch.tensor([x, y]) * side + (points[part] - points[part].mean(0)) * 0.2
    return points


def test_boxes_are_squares_around_the_parts() -> None:
    points = face(256)[None]
    boxes = part_boxes(points, 256)[0]
    sides = boxes[:, 2:] - boxes[:, :2]
    torch.testing.assert_close(sides[:, 0], sides[:, 1])
    mouth = points[0, 48:68]
    reach = max((mouth.amax(0) - mouth.amin(0)).tolist())
    assert float(sides[2, 0]) == pytest.approx(max(reach, 16.0))
    assert float((boxes[0, :2] + boxes[0, 2:]).mean() / 2) == pytest.approx(
        float(points[0, 36:42].mean()), abs=0.1
    )
    assert (
        float(part_boxes(points * 0.01, 256)[0, 0, 2:].sub(part_boxes(points * 0.01, 256)[0, 0, :2])[0]) == 16
    )


def test_mirrored_boxes_are_those_of_mirrored_points() -> None:
    points = face(64)[None]
    mirrored = points[:, MIRROR_68].clone()
    mirrored[..., 0] = 63 - mirrored[..., 0]
    torch.testing.assert_close(mirror_boxes(part_boxes(points, 64), 64), part_boxes(mirrored, 64))


def test_boxes_follow_the_pictures_that_are_mirrored() -> None:
    images = torch.rand(16, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    boxes = part_boxes(face(32).expand(16, -1, -1), 32)
    changed = damaged_portraits(Portraits(images, images, boxes), NOTHING, torch.Generator().manual_seed(0))
    flipped = [torch.equal(one, other.flip(-1)) for one, other in zip(changed.truth, images, strict=True)]
    assert 0 < sum(flipped) < 16
    for place, is_flipped in enumerate(flipped):
        expected = mirror_boxes(boxes, 32)[place] if is_flipped else boxes[place]
        torch.testing.assert_close(changed.boxes[place], expected)


def test_photos_of_one_face_are_packed_with_their_points(tmp_path: Path) -> None:
    files, points, counts = [], [], []
    for name, (height, width), num_faces in (("a", (40, 60), 1), ("b", (40, 40), 2), ("c", (20, 20), 1)):
        path = tmp_path / f"{name}.png"
        picture = torch.zeros(3, height, width)
        picture[:, min(30, height - 1), min(25, width - 1)] = 1  # a point to be found again
        write_image(path, picture)
        files.append(str(path))
        own = face(20) + 10
        own[0] = torch.tensor([25.0, 30.0])
        points += [own.numpy()] * num_faces
        counts.append(num_faces)
    labels = tmp_path / "labels.npz"
    np.savez(
        labels,
        files=np.array(files),
        points=np.stack(points).astype(np.float32),
        num_faces=np.array(counts),
        ignore=np.zeros((0, 4), np.float32),
        num_ignored=np.zeros(3, np.int64),
    )
    assert pack_portraits((labels,), 40, tmp_path / "packed") == 1
    packed = PackedPortraits.open(tmp_path / "packed")
    portraits = packed.batch([0])
    x, y = (int(number) for number in packed.points[0, 0])
    assert (x, y) == (15, 30)
    assert float(portraits.truth[0, 0, y, x]) == 1.0
    with pytest.raises(FileNotFoundError, match="no photo of one face of 64 pixels"):
        pack_portraits((labels,), 64, tmp_path / "packed")


def test_points_that_are_not_the_photos_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "photos.npy", np.zeros((2, 3, 8, 8), np.uint8))
    np.save(tmp_path / POINTS, np.zeros((3, 68, 2), np.float32))
    with pytest.raises(ValueError, match="for 2 photos"):
        PackedPortraits.open(tmp_path)
    photos = PackedPhotos(np.zeros((6, 3, 8, 8), np.uint8))
    assert PackedPortraits(photos, np.zeros((6, 68, 2))).split(3) == ([0, 1, 3, 4], [2, 5])
