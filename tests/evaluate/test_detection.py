import math
from collections.abc import Iterator

import pytest
import torch

from mien.evaluate.detection import (
    CONDITIONS,
    Sample,
    evaluate_detection,
    face_size,
    false_faces,
    judge,
    turn,
)
from mien.types import Detection, FivePoints, Image

POINTS = torch.tensor([[40.0, 40.0], [60.0, 40.0], [50.0, 52.0], [42.0, 60.0], [58.0, 60.0]])


def detection(points: FivePoints, side: float = 48.0) -> Detection:
    middle = points.mean(0)
    return Detection(torch.cat((middle - side / 2, middle + side / 2)), points, 0.9)


def photo(height: int = 100, width: int = 120) -> Image:
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(0))


def test_a_face_is_as_large_as_its_eyes_are_from_its_mouth() -> None:
    assert face_size(POINTS) == pytest.approx(48.0)


def test_errors_by_hand() -> None:
    score = judge("a", [detection(POINTS + torch.tensor([3.0, 4.0]))], POINTS)
    assert score.found
    assert score.by_eyes == pytest.approx(5 / 20)
    assert score.by_size == pytest.approx(5 / 48)
    assert score.turned == pytest.approx(0, abs=1e-3)


def test_a_box_elsewhere_or_of_another_size_does_not_count() -> None:
    for wrong in (detection(POINTS + 60), detection(POINTS, side=20.0), detection(POINTS, side=100.0)):
        score = judge("a", [wrong], POINTS)
        assert not score.found
        assert score.num_others == 1
        assert math.isinf(score.by_eyes)


def test_the_angle_that_was_not_understood_is_told() -> None:
    middle = POINTS.mean(0)
    upside_down = 2 * middle - POINTS
    assert judge("a", [detection(upside_down)], POINTS).turned == pytest.approx(180, abs=1e-3)


@pytest.mark.parametrize("degrees", [45.0, 90.0, 180.0, 250.0])
def test_points_turn_with_the_photo(degrees: float) -> None:
    dots = torch.zeros(3, 101, 121)
    for x, y in POINTS.int().tolist():
        dots[:, y - 1 : y + 2, x - 1 : x + 2] = 1.0
    turned, points = turn(dots, POINTS, degrees)
    for x, y in points.round().int().tolist():
        assert float(turned[0, y, x]) > 0.8
    angle = detection(points).roll - detection(POINTS).roll
    assert abs((angle - degrees + 180) % 360 - 180) < 1e-3
    # nothing is cut off
    assert float(turned.sum()) == pytest.approx(float(dots.sum()), rel=0.03)


def test_every_condition_gives_a_picture_and_its_points() -> None:
    for change in CONDITIONS.values():
        changed, points = change(photo(), POINTS, torch.Generator().manual_seed(0))
        assert points.shape == (5, 2)
        assert float(changed.min()) >= 0
        assert float(changed.max()) <= 1


def test_a_report_over_samples() -> None:
    def find(picture: Image) -> list[Detection]:
        return [detection(POINTS)] if picture.shape[2] == 120 else []

    def samples() -> Iterator[Sample]:
        yield Sample("seen", photo(), POINTS)
        yield Sample("missed", photo(90, 90), POINTS)

    report = evaluate_detection(find, samples())
    assert report.found == 0.5
    assert report.as_json() == {
        "photos": 2,
        "found": 0.5,
        "others": 0.0,
        "by_eyes": 0.0,
        "by_size": 0.0,
        "turned": 0.0,
    }
    with pytest.raises(ValueError, match="no condition"):
        evaluate_detection(find, samples(), "upside down")


def test_faces_where_there_are_none() -> None:
    assert false_faces(lambda picture: [detection(POINTS)], iter([photo(), photo(50, 50)])) == (2, 2)
