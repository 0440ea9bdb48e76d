import json
import math
from dataclasses import replace

import pytest

from mien.evaluate.blind import evaluate_blind
from mien.evaluate.findings import Chart, Findings, Line
from mien.evaluate.join import joined
from mien.evaluate.sheets import EvaluationError, Sheet
from mien.evaluate.stored import key_of, read_findings, write_findings
from mien.evaluate.strength import evaluate_strength


@pytest.fixture
def findings(trial, photos):
    return evaluate_strength(trial(photos[:2], num_strips=1), factors=(2.0, 6.0))


def test_findings_come_back_as_they_were(findings, tmp_path):
    path = tmp_path / "parts" / "one.json"
    sheet = Sheet("mixed", "one", ("a", "b"), {"psnr": (math.inf, math.nan)})
    given = replace(findings, seconds=1.5, notes=("a note",), sheets=(*findings.sheets, sheet))
    write_findings(path, given)
    found = read_findings(path)
    assert found is not None
    assert math.isnan(found.sheets[-1].values["psnr"][1])
    assert replace(found, sheets=()) == replace(given, sheets=())
    assert found.sheets[:-1] == given.sheets[:-1]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"protocol": "blind"}', "nonsense"])
def test_what_is_not_whole_is_not_there(tmp_path, content):
    path = tmp_path / "one.json"
    assert read_findings(path) is None
    path.write_text(content)
    assert read_findings(path) is None


def test_a_key_changes_with_all_it_depends_on(photos):
    key = key_of({"seed": "0", "restore": "abc"}, photos)
    assert key == key_of({"restore": "abc", "seed": "0"}, photos)
    assert key != key_of({"seed": "1", "restore": "abc"}, photos)
    assert key != key_of({"seed": "0", "restore": "abd"}, photos)
    assert key != key_of({"seed": "0", "restore": "abc"}, photos[:2])
    photos[0].write_bytes(photos[0].read_bytes() + b" ")
    assert key != key_of({"seed": "0", "restore": "abc"}, photos)


def test_models_judged_apart_are_joined(trial, photos, mixer):
    models = {"still": mixer(), "gray": mixer(0.4)}
    together = evaluate_blind(trial(photos, models))
    apart = [evaluate_blind(trial(photos, {name: model})) for name, model in models.items()]
    found = joined(apart)
    assert found.rows == together.rows
    assert found.settings == together.settings
    ordered = sorted(found.differences, key=repr)
    assert ordered == sorted(together.differences, key=repr)


def test_other_bytes_do_not_join(trial, photos, mixer):
    one = evaluate_blind(trial(photos, {"still": mixer()}))
    other = evaluate_blind(trial(photos, {"gray": mixer(0.4)}, seed=1))
    with pytest.raises(EvaluationError, match="for one model and"):
        joined([one, other])


def test_curves_of_one_title_join():
    def made(name):
        lines = (Line("input", ((1.0, 2.0),)), Line(name, ((1.0, 3.0),)))
        return Findings("strength", "Strength", {}, (), charts=(Chart("a", "x", "y", lines),))

    (chart,) = joined([made("one"), made("two")]).charts
    assert [line.name for line in chart.lines] == ["input", "one", "two"]


def test_json_has_words_for_what_is_no_number(findings):
    text = json.dumps(findings.as_json(with_details=True), allow_nan=False)
    assert "jpegs" in text
    assert "jpegs" not in json.dumps(findings.as_json())
