from dataclasses import replace

import pytest
import torch

from mien.evaluate.ijb import TemplateList
from mien.evaluate.judges import Judges
from mien.evaluate.pairs import made_pairs
from mien.evaluate.portraits import CLEAN, Portrait, locate, recovered, see
from mien.evaluate.recognition import (
    BOTH,
    SECOND,
    Damage,
    evaluate_recognition,
    evaluate_templates,
    plan_recognition,
)
from mien.evaluate.sheets import EvaluationError
from mien.evaluate.trial import Bench, PhotoSet
from mien.image.io import write_image
from mien.types import Detection

HEAVY = Damage("gfrnet", 16.0)


@pytest.fixture(scope="module")
def conditions():
    return (CLEAN, SECOND, BOTH)


def test_people_are_known_until_damage_hides_them(trial, people, conditions):
    found = evaluate_recognition(trial(people, num_strips=2), made_pairs(people), HEAVY)
    assert found.conditions == conditions
    clean, damaged = (found.row(condition, "input") for condition in (CLEAN, BOTH))
    assert clean.score("auc").value == 1
    assert clean.score("accuracy").value > 0.9
    assert damaged.score("auc").value <= 1
    assert clean.score("accuracy").count == 48
    assert "24 same, 24 different" in clean.score("accuracy").reference
    assert [score.note for score in clean.scores if score.measure == "tar"] == ["FAR 0.1"]
    rank = found.row(SECOND, "input").score("rank")
    assert 0 < rank.value <= 1
    assert (rank.count, rank.backend) == (12, "coarse structure")
    assert len(found.strips) == 2
    assert [chart.title for chart in found.charts] == [
        "ROC, gfrnet at 16x, second damaged",
        "ROC, gfrnet at 16x, both damaged",
    ]


def test_a_model_that_does_nothing_changes_nothing(trial, people):
    found = evaluate_recognition(trial(people), made_pairs(people), HEAVY)
    for condition in (SECOND, BOTH):
        before, after = found.row(condition, "input"), found.row(condition, "still")
        for one, other in zip(before.scores, after.scores, strict=True):
            assert one.value == pytest.approx(other.value, abs=1e-9)


def test_curves_rise_to_one(trial, people):
    found = evaluate_recognition(trial(people), made_pairs(people), HEAVY)
    for line in found.charts[1].lines:
        rates = [tar for _, tar in line.points]
        assert rates == sorted(rates)
        assert line.points[-1] == (1.0, 1.0)
        assert line.points[0][0] == pytest.approx(1 / 24)


def test_pictures_without_a_face_are_counted(trial, people):
    write_image(people[0], torch.zeros(3, 32, 32))
    pairs = made_pairs(people)
    hidden = int(((pairs.first == 0) | (pairs.second == 0)).sum())
    found = evaluate_recognition(trial(people), pairs, HEAVY)
    assert found.notes == (
        "no face was found on 1 of 16 pictures, which are left out",
        f"{hidden} of 48 pairs left out with them",
    )
    assert found.row(CLEAN, "input").score("accuracy").count == 48 - hidden


def test_nothing_to_recognise_is_an_error(trial, people):
    for path in people:
        write_image(path, torch.zeros(3, 32, 32))
    with pytest.raises(EvaluationError, match="no face was found on any of 16"):
        evaluate_recognition(trial(people), made_pairs(people), HEAVY)
    with pytest.raises(EvaluationError, match="needs an embedder"):
        evaluate_recognition(replace(trial(people), judges=Judges()), made_pairs(people), HEAVY)


def test_versions_of_a_portrait(trial, people):
    portraits = [Portrait("a", people[0]), Portrait("b", people[5].read_bytes())]
    seen = see(portraits, trial(people), lambda image, name: image * 0.5)
    assert list(seen.vectors) == [CLEAN, "input", recovered("still"), "still"]
    assert torch.allclose(seen.vectors["input"], seen.vectors["still"], atol=1e-6)
    assert seen.note() == ()
    again = see(portraits[1:], trial(people), lambda image, name: image * 0.5)
    torch.testing.assert_close(again.vectors["input"][0], seen.vectors["input"][1])


def test_the_face_in_the_box_is_meant(picture):
    points = torch.zeros(5, 2)
    left = Detection(torch.tensor([0.0, 0.0, 10.0, 10.0]), points, 0.9)
    right = Detection(torch.tensor([20.0, 0.0, 30.0, 10.0]), points, 0.8)
    box = torch.tensor([19.0, 0.0, 29.0, 10.0])
    found = locate(picture(0), Portrait("a", b"", box=box), lambda photo: [left, right])
    assert found is right
    away = Portrait("a", b"", box=torch.tensor([12.0, 0.0, 18.0, 9.0]))
    assert locate(picture(0), away, lambda photo: [left, right]) is None


def test_templates(trial, people):
    portraits = tuple(Portrait(path.name, path) for path in people)
    templates = torch.arange(8).repeat_interleave(2)
    listed = TemplateList(
        name="made",
        portraits=portraits,
        templates=templates,
        media=torch.arange(16),
        first=torch.tensor([0, 2, 4, 6, 0, 2, 4, 0]),
        second=torch.tensor([1, 3, 5, 7, 2, 4, 6, 6]),
        same=torch.tensor([True] * 4 + [False] * 4),
    )
    found = evaluate_templates(trial(people), listed, HEAVY)
    assert found.row(CLEAN, "input").score("auc").value == 1
    assert found.row(CLEAN, "input").score("accuracy") is None
    assert found.row(BOTH, "still").score("auc").count == 8
    for path in people[:2]:
        write_image(path, torch.zeros(3, 32, 32))
    found = evaluate_templates(trial(people), listed, HEAVY)
    assert "3 of 8 pairs of templates left out: no face on one side" in found.notes
    assert found.settings["templates"].startswith("7, frames")


def test_two_parts_for_each_set_of_people(judges, people):
    sets = (PhotoSet("lfw", "people", people[0].parent.parent, people),)
    parts = plan_recognition(Bench(sets, judges, lambda photo: []))
    assert [part.name for part in parts] == ["recognition, lfw, gfrnet at 6x", "recognition, lfw, mdfr"]
    assert all(part.num_steps == 16 for part in parts)
