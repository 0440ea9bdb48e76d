from dataclasses import replace

import pytest
import torch

from mien.degrade.chain import PROFILES
from mien.evaluate.blind import CONDITIONS, at_scale, evaluate_blind, plan_blind, spoil_by
from mien.evaluate.sheets import EvaluationError
from mien.evaluate.trial import Bench, PhotoSet
from mien.image.io import read_image


def test_a_model_that_does_nothing_gains_nothing(trial, photos):
    calls = []
    found = evaluate_blind(replace(trial(photos), advance=lambda: calls.append(1)))
    assert found.conditions == tuple(CONDITIONS)
    assert len(calls) == len(CONDITIONS) * len(photos)
    for condition in CONDITIONS:
        before, after = found.row(condition, "input"), found.row(condition, "still")
        for one, other in zip(before.scores, after.scores, strict=True):
            assert one.measure == other.measure
            assert one.value == pytest.approx(other.value, abs=1e-6)
            assert one.count == 3
    assert {score.measure for score in before.scores} == {"psnr", "ssim", "identity", "degrees"}
    assert all(not difference.is_clear for difference in found.differences)


def test_models_get_the_same_bytes_together_or_alone(trial, photos, mixer):
    models = {"still": mixer(), "gray": mixer(0.5)}
    both = evaluate_blind(trial(photos, models))
    alone = evaluate_blind(trial(photos, {"gray": mixer(0.5)}))
    assert both.settings["checksum of mixed"] == alone.settings["checksum of mixed"]
    assert both.row("4x", "gray") == alone.row("4x", "gray")
    other = evaluate_blind(trial(photos, models, seed=1))
    assert other.settings["checksum of mixed"] != both.settings["checksum of mixed"]


def test_differences_are_of_pairs(trial, photos, mixer):
    found = evaluate_blind(trial(photos, {"still": mixer(), "gray": mixer(0.5)}))
    one = next(
        one
        for one in found.differences
        if (one.condition, one.first, one.second, one.measure) == ("mixed", "still", "gray", "psnr")
    )
    still, gray = (found.row("mixed", who).score("psnr") for who in ("still", "gray"))
    assert one.value == pytest.approx(gray.value - still.value)
    assert one.low <= one.value <= one.high
    assert one.count == 3


def test_damage_depends_on_seed_and_name_alone(photos):
    picture = read_image(photos[0])
    spoil = spoil_by(PROFILES["gfrnet"], 0)
    assert torch.equal(spoil(picture, "a"), spoil_by(PROFILES["gfrnet"], 0)(picture, "a"))
    assert not torch.equal(spoil(picture, "a"), spoil(picture, "b"))
    assert not torch.equal(spoil(picture, "a"), spoil_by(PROFILES["gfrnet"], 1)(picture, "a"))


def test_eight_times_smaller_loses_more_than_four_times(trial, photos):
    found = evaluate_blind(trial(photos))
    assert found.row("8x", "input").score("psnr").value < found.row("4x", "input").score("psnr").value


def test_worst_cases_come_first(trial, photos, mixer):
    found = evaluate_blind(trial(photos, {"gray": mixer(0.3)}, num_strips=2))
    assert len(found.strips) == 2 * len(CONDITIONS)
    first, second = (float(strip.labels[1].split("id ")[1]) for strip in found.strips[:2])
    assert first <= second
    assert found.strips[0].labels[-1] == "truth"
    assert len(found.strips[0].jpegs) == 3


def test_one_picture_has_no_interval(trial, photos):
    found = evaluate_blind(trial(photos[:1]))
    assert found.differences == ()
    assert "no interval" in found.notes[0]


def test_what_cannot_be_judged_is_refused(trial, photos, mixer):
    with pytest.raises(EvaluationError, match="no profile 'dirt'"):
        evaluate_blind(trial(photos), profile="dirt")
    with pytest.raises(EvaluationError, match="no pictures"):
        evaluate_blind(trial(()))
    with pytest.raises(EvaluationError, match="none of them 'input'"):
        evaluate_blind(trial(photos, {"input": mixer()}))


def test_fixed_scale_leaves_the_rest_of_the_profile():
    fixed = at_scale(PROFILES["gfrnet"], 4.0)
    assert fixed.scales == (4.0,)
    assert fixed.qualities == PROFILES["gfrnet"].qualities
    assert at_scale(PROFILES["gfrnet"], None) is PROFILES["gfrnet"]


def test_parts_say_what_is_not_all(judges, photos):
    sets = (PhotoSet("aligned", "aligned", photos[0].parent, photos),)
    (whole,) = plan_blind(Bench(sets, judges, lambda photo: []))
    assert (whole.photos, whole.whole_set, whole.num_steps) == (photos, "", 9)
    (part,) = plan_blind(Bench(sets, judges, lambda photo: [], most=2))
    assert part.photos == photos[:2]
    assert part.whole_set == "2 of 3 pictures of aligned, evenly spread"
    assert plan_blind(Bench((), judges, lambda photo: [])) == []
