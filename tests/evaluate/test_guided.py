from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from mien.evaluate.guided import (
    AS_IT_IS,
    STRANGER,
    evaluate_guided,
    guides_of,
    plan_guided,
)
from mien.evaluate.report import Contestants, make_report
from mien.evaluate.sheets import EvaluationError
from mien.evaluate.trial import Bench, PhotoSet
from mien.types import Crop, Detection, Guidance, Reading, Recovery

SIDE = 32
OWN, OTHER = "helped", STRANGER.format("helped")


@dataclass(frozen=True)
class Helped:
    """Gives back the reference itself, warped by a shift of two pixels."""

    album: tuple[torch.Tensor, ...] = ()
    crop_size: int = SIDE
    template: str = "ffhq"
    unused: tuple[int, ...] = ()

    def __call__(self, crops: list[Crop]) -> list[Recovery]:
        steps = torch.linspace(-1, 1, SIDE)
        flow = torch.stack(torch.meshgrid(steps, steps, indexing="xy"))
        flow = flow + torch.tensor([2 * 2 / (SIDE - 1), 0.0]).reshape(2, 1, 1)
        ones = torch.ones(1, SIDE, SIDE)
        guidance = Guidance(self.album[0], 0 * ones, flow, 0, 1.0)
        return [Recovery(self.album[0], ones, guidance=guidance) for _ in crops]

    def with_fidelity(self, fidelity: float) -> "Helped":
        return self

    def with_batch_size(self, batch_size: int) -> "Helped":
        return self

    def with_references(self, album: Sequence[torch.Tensor], any_person: bool = False) -> "Helped":
        assert any_person
        return replace(self, album=tuple(album))


def read(crop: Crop) -> Reading:
    """Landmarks in the middle, whoever it is."""
    return Reading(
        torch.full((68, 2), 16.0),
        torch.eye(3),
        1.0,
        torch.zeros(2),
        torch.zeros(1),
        torch.zeros(1),
        torch.zeros(1),
        torch.zeros(9, 3),
        1.0,
        0.0,
    )


def test_every_pair_with_own_with_a_stranger_s_and_with_no_guide(trial, people, mixer):
    found = evaluate_guided(
        trial(people[:8], {"still": mixer(), "helped": Helped()}, num_strips=1), read=read
    )
    assert found.conditions == ("4x", "8x")
    assert found.settings["pairs"] == "24 of 8 pictures"
    rows = {who: found.row("8x", who) for who in ("input", "still", OTHER, OWN)}
    scores = {who: row.score("psnr").value for who, row in rows.items()}
    assert scores["input"] == pytest.approx(scores["still"])
    assert scores[OWN] > scores[OTHER] + 3  # a picture of the person, up to noise, is like the truth
    assert rows[OWN].score("identity").value > rows[OTHER].score("identity").value
    assert rows[OWN].score("psnr").count == 24
    compared = {(one.first, one.second) for one in found.differences if one.measure == "psnr"}
    assert ("still", OWN) in compared
    assert (OTHER, OWN) in compared
    (strip, _) = found.strips
    assert strip.labels[-1] == "truth"
    assert "warped guide" in strip.labels


def test_the_warp_is_judged_by_landmarks(trial, people):
    found = evaluate_guided(trial(people[:4], {"helped": Helped()}), read=read)
    assert found.row("4x", OWN).score("warp").value == pytest.approx(2, abs=1e-4)
    assert found.row("4x", AS_IT_IS).score("warp").value == 0
    assert found.settings["landmarks"] == "68 of the reader"
    by_points = evaluate_guided(trial(people[:4], {"helped": Helped()}))
    assert by_points.settings["landmarks"] == "5 of the detector"


def test_pictures_without_a_face_are_told_and_group_photos_not_used_for_the_warp(trial, people):
    def find(photo: torch.Tensor) -> list[Detection]:
        faces = trial(people).find(photo)
        return faces * 2 if find.calls.append(1) or len(find.calls) > 1 else []

    find.calls = []
    found = evaluate_guided(replace(trial(people[:3], {"helped": Helped()}), find=find))
    assert "1 of 3 pictures left out" in found.notes[0]
    assert found.row("4x", AS_IT_IS) is None or found.row("4x", AS_IT_IS).score("warp") is None


def test_it_wants_models_that_take_references_and_people_with_two_pictures(trial, people):
    with pytest.raises(EvaluationError, match="reference photos"):
        evaluate_guided(trial(people))
    with pytest.raises(EvaluationError, match="no two of one person"):
        evaluate_guided(trial((people[0], people[4]), {"helped": Helped()}))


def test_most_guides_are_those_that_follow(trial, people):
    found = evaluate_guided(trial(people[:4], {"helped": Helped()}), most_guides=1)
    assert found.settings["pairs"] == "4 of 4 pictures"
    assert guides_of([], None) == {}


def test_a_report_plans_it_where_a_model_takes_references(judges, people, tmp_path: Path):
    photo_set = PhotoSet("references", "references", tmp_path, people)
    bench = Bench((photo_set,), judges, lambda photo: [], has_guided=True)
    (part,) = plan_guided(bench)
    assert part.name == "guided, references"
    assert part.num_steps == 2 * len(people)
    assert plan_guided(replace(bench, has_guided=False)) == []
    assert plan_guided(replace(bench, sets=(replace(photo_set, role="people"),))) == []


def test_a_report_judges_one_model_after_the_other(trial, people, mixer, judges, tmp_path: Path):
    models = {"still": mixer(), "helped": Helped(), "ahead": mixer(keeps_pose=False)}
    given = trial(people[:4], models)
    photo_set = PhotoSet("references", "references", tmp_path, people[:4])
    bench = Bench((photo_set,), judges, given.finder, has_guided=True)
    report = make_report(
        bench,
        Contestants(models, {}, dict.fromkeys(models, "1")),
        [("guided", part) for part in plan_guided(bench)],
        tmp_path / "report",
        0,
    )
    assert report.problems == ()
    found = report.entries[0].findings
    makers = [row.who for row in found.rows if row.condition == "4x"]
    assert makers == ["input", "still", AS_IT_IS, OTHER, OWN]
    assert any((one.first, one.second) == ("still", OWN) for one in found.differences)
    assert found.notes == ("ahead is not judged here: it turns heads, and the truth shows them as they were",)
