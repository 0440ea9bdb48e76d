from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mien.evaluate.sheets import EvaluationError
from mien.evaluate.trial import INPUT, Trial, spread
from mien.evaluate.turned import YAWS, evaluate_turned, nearest_yaw
from mien.types import Crop, ReadFace, Reading, Recoverer


@pytest.fixture
def of_people(
    trial: Callable[..., Trial], people: tuple[Path, ...], mixer: Callable[..., Recoverer]
) -> Trial:
    return trial(people, {"gray": mixer(0.9)}, num_strips=1)


def test_everybody_is_turned_to_every_yaw(of_people: Trial, read_frontal: ReadFace) -> None:
    findings = evaluate_turned(of_people, "people", read_frontal)
    assert findings.conditions == tuple(f"yaw {yaw}" for yaw in range(15, 91, 15))
    for yaw in range(15, 91, 15):
        row = findings.row(f"yaw {yaw}", INPUT)
        assert row.score("rank").count == 8  # four people, left and right
        assert row.score("yaw").value == pytest.approx(0.0, abs=1e-3)
    assert findings.settings["people"].startswith("4 of people")


def test_a_face_that_is_turned_little_is_known_best(of_people: Trial, read_frontal: ReadFace) -> None:
    findings = evaluate_turned(of_people, "people", read_frontal)
    likeness = [findings.row(f"yaw {yaw}", INPUT).score("identity").value for yaw in (15, 60, 90)]
    assert likeness[0] > likeness[1] > likeness[2]
    assert {chart.title for chart in findings.charts} == {"Rank-1 by yaw", "Identity by yaw"}


def test_people_who_cannot_be_read_are_too_few(of_people: Trial, read_frontal: ReadFace) -> None:
    def doubt(crop: Crop) -> Reading:
        return replace(read_frontal(crop), certainty=0.0)

    with pytest.raises(EvaluationError, match="two such people are needed"):
        evaluate_turned(of_people, "people", doubt)


def test_yaws_are_counted_by_their_nearest_bin() -> None:
    assert [nearest_yaw(yaw) for yaw in YAWS[:6]] == [90, 75, 60, 45, 30, 15]
    assert nearest_yaw(-84.0) == 90
    assert nearest_yaw(2.0) == 15


def test_people_are_spread_evenly() -> None:
    people = [Path(str(number)) for number in range(10)]
    assert spread(people, 3) == {Path("0"), Path("3"), Path("6")}
    assert spread(people, 20) == set(people)
