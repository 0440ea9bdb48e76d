from dataclasses import replace

import pytest
import torch

from mien.degrade.chain import Profile
from mien.evaluate.judges import Judges
from mien.evaluate.single import DAMAGES, STRENGTHS, evaluate_single, plan_single
from mien.evaluate.trial import Bench, PhotoSet, UnsuitedError

QUIET = Profile()


def test_each_does_one_thing_alone():
    for name, profile in DAMAGES.items():
        drawn = profile.draw(5, torch.Generator().manual_seed(0))
        quiet = QUIET.draw(5, torch.Generator().manual_seed(0))
        changed = {
            field
            for field, value in vars(drawn).items()
            if field not in ("blur_angle", "blur_across") and not torch.equal(value, vars(quiet)[field])
        }
        assert changed <= {"blur_kind", "blur_size"} if "blur" in name else len(changed) == 1, name
    assert STRENGTHS.startswith("shrunk 8x; Gaussian sigma 3; box 9; gamma 2.5; gamma .4; noise 25/255")
    assert DAMAGES["low resolution"].scales == (8.0,)
    assert DAMAGES["noise"].noises == (25 / 255,)
    assert DAMAGES["JPEG"].qualities == (10,)


def test_every_damage_has_its_rows(trial, photos, mixer):
    models = {"still": mixer(), "ahead": mixer(0.2, keeps_pose=False)}
    calls = []
    found = evaluate_single(replace(trial(photos[:2], models, num_strips=3), advance=lambda: calls.append(1)))
    assert found.conditions == tuple(DAMAGES)
    assert len(calls) == 2 * len(DAMAGES)
    assert len(found.strips) == len(DAMAGES)
    for name in DAMAGES:
        before, still, ahead = (found.row(name, who) for who in ("input", "still", "ahead"))
        assert still.score("psnr").value == pytest.approx(before.score("psnr").value, abs=1e-4)
        assert {score.measure for score in ahead.scores} == {"identity", "degrees"}
        assert ahead.score("identity").count == 2
    assert found.notes == ("ahead turns heads, so only its identity is compared with the truth",)
    dark, noisy = (found.row(name, "input").score("ssim").value for name in ("low light", "noise"))
    assert dark != noisy


def test_without_an_embedder_turned_heads_cannot_be_judged(trial, photos, mixer):
    given = replace(trial(photos, {"ahead": mixer(keeps_pose=False)}), judges=Judges())
    with pytest.raises(UnsuitedError, match="turns heads"):
        evaluate_single(given)


def test_a_report_has_it_once(judges, photos):
    one = PhotoSet("aligned", "aligned", photos[0].parent, photos)
    (part,) = plan_single(Bench((one, one), judges, lambda photo: []))
    assert (part.name, part.num_steps) == ("single, aligned", 3 * len(DAMAGES))
