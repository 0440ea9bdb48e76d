from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from mien.evaluate.blind import evaluate_blind
from mien.evaluate.judges import Judges
from mien.evaluate.sheets import EvaluationError
from mien.evaluate.strength import evaluate_strength
from mien.evaluate.superres import evaluate_superres
from mien.evaluate.trial import Bench, PhotoSet, UnsuitedError
from mien.evaluate.wild import evaluate_wild

AHEAD = "ahead is not judged here: it turns heads, and the truth shows them as they were"


def test_of_turned_heads_identity_alone_is_compared(trial, photos: tuple[Path, ...], mixer):
    both = trial(photos, {"still": mixer(), "ahead": mixer(keeps_pose=False)})
    for evaluate in (evaluate_blind, evaluate_superres, partial(evaluate_strength, factors=(2.0,))):
        found = evaluate(both)
        rows = {row.who: {score.measure for score in row.scores} for row in found.rows}
        assert rows["ahead"] == {"identity", "degrees"}
        assert rows["still"] == {"psnr", "ssim", "identity", "degrees"}
        assert found.notes == ("ahead turns heads, so only its identity is compared with the truth",)
    assert {row.who for row in evaluate_wild(both).rows} == {"input", "still", "ahead"}


def test_who_turns_heads_is_left_out_where_all_is_compared(trial, photos, mixer):
    both = trial(photos, {"still": mixer(), "ahead": mixer(keeps_pose=False)})
    assert both.suited(same_pose=True)[1] == (AHEAD,)
    with pytest.raises(UnsuitedError, match="turns heads"):
        evaluate_blind(replace(trial(photos, {"ahead": mixer(keeps_pose=False)}), judges=Judges()))


def test_who_wants_references_is_left_out_where_there_are_none(trial, photos, mixer, guided):
    given = trial(photos, {"still": mixer(), "guided": guided})
    suited, notes = given.suited()
    assert list(suited.models) == ["still"]
    assert notes == (
        "guided is not judged here: it wants reference photos, which the protocol guided gives it",
    )
    assert list(given.suited(guides=True)[0].models) == ["still", "guided"]
    with pytest.raises(UnsuitedError, match="still is not judged here: it cannot turn heads; guided is not"):
        given.suited(turns=True)


def test_models_need_names_of_their_own(trial, photos, mixer):
    with pytest.raises(EvaluationError, match="none of them 'input'"):
        trial(photos, {"input": mixer()}).suited()
    with pytest.raises(EvaluationError, match="no pictures"):
        trial(()).suited()


def test_people_are_taken_whole(people, judges):
    photo_set = PhotoSet("people", "people", people[0].parent.parent, people)
    bench = Bench((photo_set,), judges, lambda photo: [])
    assert bench.some_people(photo_set) == (people, "")
    photos, words = bench.some_people(photo_set, most_photos=9)
    assert [path.parent.name for path in photos] == ["person_0"] * 4 + ["person_2"] * 4
    assert words == "2 of 4 people of people, evenly spread"
    assert len(bench.some_people(photo_set, most_photos=1)[0]) == 8  # one person has nobody to be told from
    assert replace(bench, most=3).some_people(photo_set, most=2) == (photos, words)
