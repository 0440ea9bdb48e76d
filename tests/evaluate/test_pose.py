"""The pose protocol: hand numbers, three conditions, and labels that hold nothing."""

import numpy as np
import pytest
import torch

from mien.evaluate.pose import (
    CANVAS,
    CONDITIONS,
    FACE_SIZE,
    PoseLabels,
    box_of,
    evaluate_pose,
    place,
)
from mien.evaluate.sheets import EvaluationError
from mien.geometry.pose import rotation_from_angles
from mien.image.io import write_image
from mien.types import Reading

ANGLES = np.array([[10.0, 0.0, 0.0], [-45.0, 5.0, 0.0], [80.0, 0.0, 3.0]], dtype=np.float32)


@pytest.fixture
def labels(tmp_path):
    """Three pictures, a face of 100 px in the middle of each."""
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(3, 68, 2, generator=generator)
    points[:, 0], points[:, 1] = 0.0, 1.0
    points = points * 100 + 50
    for name in "abc":
        write_image(tmp_path / f"{name}.png", torch.rand(3, 200, 210, generator=generator))
    path = tmp_path / "labels.npz"
    np.savez(path, names=np.array(["a.png", "b.png", "c.png"]), points=points.numpy(), angles=ANGLES)
    return path


class Guess:
    """Says that every landmark is as much to the right of the truth as it is told, and knows the angles."""

    def __init__(self, points, away):
        self.points, self.away, self.calls, self.pictures = points, away, 0, []

    def read_box(self, picture, box):
        number = self.calls // len(CONDITIONS)
        self.calls += 1
        self.pictures.append(picture)
        low = self.points[number].amin(0)
        # 130 px in the canvas for the 100 px in the photo
        landmarks = (self.points[number] - low) * 1.3 + box[:2] + torch.tensor([self.away * 130, 0.0])
        return Reading(
            landmarks=landmarks,
            rotation=rotation_from_angles(torch.tensor(ANGLES[number]) + torch.tensor([2.0, 0.0, 0.0])),
            scale=1.0,
            shift=torch.zeros(2),
            identity=torch.zeros(1),
            expression=torch.zeros(1),
            albedo=torch.zeros(1),
            light=torch.zeros(9, 3),
            certainty=0.5,
            occluded=0.0,
        )


def test_hand_numbers(labels, tmp_path):
    read = PoseLabels.read(labels)
    guess = Guess(read.points, 0.05)
    report = evaluate_pose({"reader": guess}, tmp_path, read)
    for condition in CONDITIONS:
        row = report.row("reader", condition)
        assert row["0-30"] == row["30-60"] == row["60-90"] == row["mean"] == pytest.approx(5, abs=0.01)
        assert row["deviation"] == pytest.approx(0, abs=1e-3)
        assert row["yaw"] == pytest.approx(2, abs=0.01)
        assert row["pitch"] == pytest.approx(0, abs=0.01)
        assert row["certainty"] == 0.5
    told = report.as_json()
    assert told["faces"] == 3
    assert list(told["readers"]["reader"]) == ["original", "occluded", "behind arms", "damaged 6x"]


def test_every_reader_gets_the_same_pictures(labels, tmp_path):
    read = PoseLabels.read(labels)
    one, other, again = (Guess(read.points, 0.0) for _ in range(3))
    evaluate_pose({"one": one, "other": other}, tmp_path, read)
    evaluate_pose({"again": again}, tmp_path, read)
    for first, second, third in zip(one.pictures, other.pictures, again.pictures, strict=True):
        assert torch.equal(first, second)
        assert torch.equal(first, third)
    original, occluded, arms, damaged = one.pictures[:4]
    hidden = [int((covered != original).any(0).sum()) for covered in (occluded, arms)]
    assert 0 < hidden[0] < hidden[1]
    assert float((damaged - original).abs().mean()) > 0.05


def test_a_face_in_its_canvas():
    points = torch.rand(68, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([300.0, 200.0]) + 80
    pixels, moved = place(torch.rand(3, 400, 500), points)
    assert pixels.shape == (3, CANVAS, CANVAS)
    box = box_of(moved)
    assert float((box[2:] - box[:2]).mean()) == pytest.approx(FACE_SIZE, rel=1e-3)
    torch.testing.assert_close((box[:2] + box[2:]) / 2, torch.full((2,), 127.5), atol=1e-2, rtol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": np.zeros((3, 5, 2))}, "should be"),
        ({"angles": np.full((3, 3), np.nan)}, "not a finite number"),
        ({"names": np.array([])}, "should be"),
    ],
)
def test_labels_that_cannot_be_meant(labels, change, message):
    with np.load(labels) as file:
        values = {name: file[name] for name in file.files}
    np.savez(labels, **{**values, **change})
    with pytest.raises(EvaluationError, match=message):
        PoseLabels.read(labels)


def test_no_labels_at_all(tmp_path):
    (tmp_path / "text.npz").write_text("nothing")
    for name in ("text.npz", "none.npz"):
        with pytest.raises(EvaluationError, match="holds no labels"):
            PoseLabels.read(tmp_path / name)
    np.savez(tmp_path / "other.npz", points=np.zeros(3))
    with pytest.raises(EvaluationError, match="holds no labels"):
        PoseLabels.read(tmp_path / "other.npz")


def test_a_face_without_extent():
    with pytest.raises(EvaluationError, match="one pixel"):
        place(torch.rand(3, 30, 30), torch.full((68, 2), 9.0))
