"""Pose as a part of a report; the protocol itself is tested in test_pose.py."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.evaluate.landmarks import evaluate_landmarks, plan_pose
from mien.evaluate.sheets import EvaluationError
from mien.evaluate.trial import Bench, PhotoSet
from mien.geometry.pose import rotation_from_angles
from mien.types import Reading

YAWS = (10.0, -45.0, 80.0)


@pytest.fixture
def labels(photos, tmp_path):
    points = torch.rand(3, 68, 2, generator=torch.Generator().manual_seed(0)) * 20 + 6
    angles = np.array([[yaw, 0.0, 0.0] for yaw in YAWS], dtype=np.float32)
    path = tmp_path / "aligned_labels.npz"
    np.savez(path, names=np.array([photo.name for photo in photos]), points=points.numpy(), angles=angles)
    return path


def read(picture, box):
    """Every landmark in the middle of the box, looking straight ahead."""
    return Reading(
        landmarks=((box[:2] + box[2:]) / 2).expand(68, 2),
        rotation=rotation_from_angles(torch.zeros(3)),
        scale=1.0,
        shift=torch.zeros(2),
        identity=torch.zeros(1),
        expression=torch.zeros(1),
        albedo=torch.zeros(1),
        light=torch.zeros(9, 3),
        certainty=0.5,
        occluded=0.0,
    )


def test_rows_and_a_curve(trial, photos, labels):
    found = evaluate_landmarks(trial(photos, {}), read, labels)
    assert found.conditions == ("original", "occluded", "behind arms", "damaged 6x")
    row = found.row("original", "reader")
    bins = [score for score in row.scores if score.measure == "nme"]
    assert [score.note for score in bins] == ["yaw 0-30", "yaw 30-60", "yaw 60-90", "mean of bins"]
    assert bins[3].value == pytest.approx(sum(score.value for score in bins[:3]) / 3)
    angles = {score.note: score.value for score in row.scores if score.measure == "angle"}
    assert angles["yaw"] == pytest.approx(sum(map(abs, YAWS)) / 3, abs=1e-3)
    (chart,) = found.charts
    assert [x for x, _ in chart.lines[0].points] == [15.0, 45.0, 75.0]
    assert chart.lines[0].points[0][1] == pytest.approx(100 * bins[0].value)


def test_pictures_without_labels_are_counted_or_refused(trial, photos, labels):
    with pytest.raises(EvaluationError, match="labels of none of 1"):
        evaluate_landmarks(trial((Path("other.png"),), {}), read, labels)
    with pytest.raises(EvaluationError, match="30-60, 60-90"):
        evaluate_landmarks(trial(photos[:1], {}), read, labels)
    found = evaluate_landmarks(trial((*photos, photos[0].with_name("z.png")), {}), read, labels)
    assert found.notes == ("1 of 4 pictures left out: aligned_labels.npz has no labels of them",)


def test_no_reader_no_part(judges, photos):
    sets = (PhotoSet("aligned", "pose", photos[0].parent, photos),)
    assert plan_pose(Bench(sets, judges, lambda photo: [])) == []
    (part,) = plan_pose(Bench(sets, judges, lambda photo: [], read_box=partial(read)))
    assert not part.takes_models
    assert part.settings["labels"].endswith("aligned_labels.npz")
