from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from mien.evaluate.blind import evaluate_blind
from mien.evaluate.sheets import EvaluationError
from mien.evaluate.strength import evaluate_strength
from mien.evaluate.superres import evaluate_superres
from mien.evaluate.trial import UnsuitedError
from mien.evaluate.wild import evaluate_wild

AHEAD = "ahead is not judged here: it turns heads, and the truth shows them as they were"


@pytest.fixture
def guided(mixer: type):
    """A model that wants photos to look at."""

    @dataclass(frozen=True)
    class Guided(mixer):
        unused: tuple[int, ...] = ()

        def with_references(self, album, any_person=False):
            return self

    return Guided()


def test_who_turns_heads_is_left_out_where_a_truth_does_not(trial, photos: tuple[Path, ...], mixer):
    both = trial(photos, {"still": mixer(), "ahead": mixer(keeps_pose=False)})
    for evaluate in (evaluate_blind, evaluate_superres, partial(evaluate_strength, factors=(2.0,))):
        found = evaluate(both)
        assert {row.who for row in found.rows} == {"input", "still"}
        assert found.notes == (AHEAD,)
        assert found.settings["models"] == "still"
    with pytest.raises(UnsuitedError, match="turns heads"):
        evaluate_blind(trial(photos, {"ahead": mixer(keeps_pose=False)}))
    assert {row.who for row in evaluate_wild(both).rows} == {"input", "still", "ahead"}


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
