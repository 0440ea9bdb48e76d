from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mien.data.facepool import (
    FACE,
    IGNORE,
    SIZES,
    FacePool,
    bounds,
    five_of_68,
    inside_faces,
    letterbox,
    pack_faces,
    with_forehead,
)


def face_68(middle: tuple[float, float] = (60.0, 50.0), size: float = 40.0) -> np.ndarray:
    """Points in the rough places of a face, seen from the front."""
    points = np.zeros((68, 2), np.float32)
    angle = np.linspace(np.pi, 0, 17)
    points[:17] = np.stack((np.cos(angle) * 0.5, np.sin(angle) * 0.6), -1)
    points[17:27] = np.stack((np.linspace(-0.4, 0.4, 10), np.full(10, -0.2)), -1)
    points[27:36] = np.stack((np.zeros(9), np.linspace(-0.1, 0.15, 9)), -1)
    points[36:42], points[42:48] = (-0.22, -0.1), (0.22, -0.1)
    points[48:68] = np.stack((np.linspace(-0.2, 0.2, 20), np.full(20, 0.35)), -1)
    points[54] = (0.2, 0.35)
    return points * size + np.array(middle, np.float32)


def write_labels(path: Path, photo: Path, faces: list[np.ndarray], ignored: list[list[float]]) -> None:
    np.savez(
        path,
        files=np.array([str(photo)]),
        points=np.stack(faces),
        num_faces=np.array([len(faces)]),
        ignore=np.array(ignored, np.float32).reshape(-1, 4),
        num_ignored=np.array([len(ignored)]),
    )


@pytest.fixture
def pool(tmp_path: Path) -> FacePool:
    pixels = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    faces = [face_68((60, 50), 20), face_68((200, 120), 60)]
    write_labels(
        tmp_path / "labels.npz", tmp_path / "photo.png", faces, [[250, 10, 280, 40], [190, 110, 210, 130]]
    )
    assert pack_faces((tmp_path / "labels.npz",), tmp_path / "pool") == 1
    return FacePool.open(tmp_path / "pool")


def test_the_five_points_are_where_they_should_be() -> None:
    five = five_of_68(torch.from_numpy(face_68((0, 0), 1)))
    expected = torch.tensor([[-0.22, -0.1], [0.22, -0.1]])
    torch.testing.assert_close(five[:2], expected)
    assert five[3, 0] < five[2, 0] < five[4, 0]


def test_the_forehead_is_above_the_brows_whichever_way_the_face_lies() -> None:
    points = torch.from_numpy(face_68((0, 0), 1))
    upright = bounds(with_forehead(points))
    # brow to chin is 0.8 here
    assert float(upright[1]) == pytest.approx(-0.2 - 0.3 * 0.8, abs=1e-5)
    lying = bounds(with_forehead(points @ torch.tensor([[0.0, 1.0], [-1.0, 0.0]])))
    assert float(lying[2]) == pytest.approx(0.44, abs=1e-5)


def test_the_largest_face_comes_first_and_points_shrink_with_the_photo(pool: FacePool) -> None:
    assert pool.kinds[0].tolist() == [FACE, FACE, IGNORE, 0]
    scale = 256 / 300
    expected = (five_of_68(torch.from_numpy(face_68((200, 120), 60))) + 0.5) * scale - 0.5
    torch.testing.assert_close(pool.outlines[0, 0, :5], expected)
    assert pool.extents[0].tolist() == [256.0, 171.0]


def test_four_sizes_of_the_same_picture(pool: FacePool) -> None:
    index = torch.tensor([0])
    largest = pool.gather(index, 0).float()
    for level, size in enumerate(SIZES):
        smaller = pool.gather(index, level).float()
        assert smaller.shape == (1, 3, size, size)
        blocks = largest.unflatten(3, (size, -1)).unflatten(2, (size, -1)).mean((3, 5))
        assert float((blocks - smaller).abs().max()) <= 1.0


def test_a_doubtful_box_inside_a_sure_face_is_dropped() -> None:
    boxes = np.array([[55, 45, 65, 55], [100, 100, 120, 120]], np.float32)
    assert inside_faces(boxes, face_68()[None]).tolist() == [True, False]


def test_small_photos_are_not_enlarged() -> None:
    square, scale, extent = letterbox(torch.rand(3, 40, 30))
    assert (scale, extent) == (1.0, (30.0, 40.0))
    torch.testing.assert_close(square[:, :40, 30:], square[:, :40, 29:30].expand(-1, -1, 226))


def test_held_out_photos_are_apart() -> None:
    pool = FacePool(
        (), torch.zeros(10, 4, 83, 2), torch.zeros(10, 4, dtype=torch.long), torch.ones(10, 2), torch.ones(10)
    )
    kept, held = pool.split(4)
    assert held.tolist() == [3, 7]
    assert sorted(kept.tolist() + held.tolist()) == list(range(10))
