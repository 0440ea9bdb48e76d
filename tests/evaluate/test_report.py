import csv
import io
import json
from html.parser import HTMLParser

import pytest
from torch import nn

from mien.evaluate.page import page_of
from mien.evaluate.report import Contestants, Reporter, count_steps, make_report, plan_all
from mien.evaluate.sets import find_sets, role_of
from mien.evaluate.sheets import EvaluationError
from mien.evaluate.tables import as_csv, as_json
from mien.evaluate.trial import Bench, Part, PhotoSet
from mien.evaluate.write import write_report

VOID = {"meta", "img", "line", "path", "circle", "link", "br"}


class Page(HTMLParser):
    """Every tag that opens must close, and nothing may come from elsewhere."""

    def __init__(self):
        super().__init__()
        self.open, self.counts, self.sources, self.words = [], {}, [], []

    def handle_starttag(self, tag, attrs):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.sources += [value for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.counts[tag] = self.counts.get(tag, 0) + 1

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture
def sets(photos, people, tmp_path):
    (tmp_path / "paintings").mkdir()
    return find_sets(tmp_path)


@pytest.fixture
def make(sets, judges, mixer, tmp_path, trial, photos):
    """A report of some models and protocols, and what the work said."""

    def made(models=None, protocols=("superres",), checksums=None, most=None, folder="report"):
        found, unused = sets
        bench = Bench(found, judges, trial(photos).finder, most)
        models = models or {"still": mixer()}
        contestants = Contestants(models, {}, checksums or dict.fromkeys(models, "1") | {"identity": "2"})
        parts = plan_all(bench, protocols)
        said = []
        reporter = Reporter(lambda: said.append("step"), lambda part: None, said.append)
        report = make_report(bench, contestants, parts, tmp_path / folder, 0, unused, reporter)
        if not report.problems:
            assert said.count("step") == count_steps(parts, len(models))
        return report

    return made


def test_folders_are_known_by_their_names(sets):
    found, unused = sets
    assert [(one.name, one.role, len(one.photos)) for one in found] == [
        ("aligned", "aligned", 3),
        ("people", "people", 16),
    ]
    assert unused == ("paintings",)
    assert role_of("ffhq256") == "aligned"
    assert role_of("celebamask256_parsing") is None


def test_folders_that_cannot_be_used(tmp_path):
    with pytest.raises(EvaluationError, match="no such folder"):
        find_sets(tmp_path / "none")
    with pytest.raises(EvaluationError, match="no folder whose name says what it is for"):
        find_sets(tmp_path)
    (tmp_path / "lfw").mkdir()
    with pytest.raises(EvaluationError, match="no pictures in this folder"):
        find_sets(tmp_path)


def test_a_subset_is_spread_and_the_same(tmp_path):
    photos = tuple(tmp_path / f"{number}.png" for number in range(10))
    one = PhotoSet("lfw", "people", tmp_path, photos)
    assert [path.stem for path in one.some(4)] == ["0", "2", "5", "7"]
    assert one.some(10) == one.some(None) == photos


def test_what_is_done_is_kept(make):
    first = make()
    assert not any(entry.was_kept for entry in first.entries)
    again = make()
    assert all(entry.was_kept for entry in again.entries)
    assert [entry.findings for entry in again.entries] == [entry.findings for entry in first.entries]
    other = make(checksums={"still": "changed", "identity": "2"})
    assert not any(entry.was_kept for entry in other.entries)
    judge = make(checksums={"still": "1", "identity": "another"})
    assert not any(entry.was_kept for entry in judge.entries)


def test_a_model_more_costs_that_model_alone(make, mixer, monkeypatch):
    make()
    performed = []

    def perform(part, trial, names):
        performed.append(names)
        return real(part, trial, names)

    from mien.evaluate import report

    real = report.perform
    monkeypatch.setattr(report, "perform", perform)
    checksums = {"still": "1", "gray": "3", "identity": "2"}
    made = make({"still": mixer(), "gray": mixer(0.4)}, checksums=checksums)
    assert performed == [("gray",)]
    assert [row.who for row in made.entries[0].findings.rows[:3]] == ["input", "still", "gray"]
    assert any({one.first, one.second} == {"still", "gray"} for one in made.entries[0].findings.differences)


def test_a_part_that_fails_is_told(make, people):
    people[3].write_text("no picture")
    report = make(protocols=("superres", "recognition"))
    assert [entry.protocol for entry in report.entries] == ["superres"]
    assert len(report.problems) == 2
    assert "person_0_0004.png: not a picture" in report.problems[0]
    assert "recognition, people, gfrnet at 6x" in page_of(report)


def test_a_model_that_a_part_is_not_for_is_named(make, mixer, guided):
    models = {"still": mixer(), "guided": guided}
    report = make(models, ("superres", "rotation"))
    (entry,) = report.entries
    assert {row.who for row in entry.findings.rows} == {"input", "still"}
    why = "guided is not judged here: it wants reference photos, which the protocol guided gives it"
    assert entry.findings.notes == (why,)
    assert report.problems == ()
    said = "rotation, aligned: still is not judged here: it cannot turn heads; guided is not judged here: "
    assert report.skipped == (f"{said}it cannot turn heads",)
    assert f'<h3>Left out</h3><ul class="notes"><li>not used: paintings</li><li>{said}' in page_of(report)
    assert as_json(report)["skipped"] == list(report.skipped)


def test_a_part_without_models(judges, mixer, tmp_path, trial, photos):
    def run(given):
        assert not given.models
        return evaluated

    from mien.evaluate.findings import Findings

    evaluated = Findings("pose", "Landmarks", {}, ())
    bench = Bench((), judges, trial(photos).finder)
    part = Part("pose, made", photos, 1, run, takes_models=False)
    contestants = Contestants({"still": mixer()}, {"still": nn.Identity()}, {"still": "1"})
    report = make_report(bench, contestants, [("pose", part)], tmp_path / "report", 0)
    assert report.entries[0].findings.title == "Landmarks"
    assert count_steps([("pose", part)], 5) == 1
    assert "CFR-GAN" in page_of(report)


def test_the_page_is_whole_and_needs_nothing(make, tmp_path, mixer):
    models = {"still": mixer(), "<b>gray": mixer(0.4)}
    checksums = {"still": "1", "<b>gray": "3", "identity": "2"}
    report = make(models, ("superres", "recognition"), checksums, most=3)
    page = write_report(tmp_path / "out", report)
    parser = Page()
    parser.feed(page.read_text(encoding="utf-8"))
    assert parser.open == []
    assert parser.counts["svg"] > 3
    assert parser.counts["img"] > 10
    assert all(source.startswith(("data:image/jpeg;base64,", "#")) for source in parser.sources)
    assert "http" not in page.read_text(encoding="utf-8")
    said = "".join(parser.words)
    assert "as published, on their data" in said
    assert "<b>gray" in said
    assert "3 of 4 people of people, evenly spread" in said
    assert "not used: paintings" in said


def test_numbers_in_json_and_csv(make, tmp_path):
    report = make(protocols=("superres", "recognition"))
    write_report(tmp_path / "out", report)
    found = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [part["protocol"] for part in found["parts"]] == ["superres", "recognition", "recognition"]
    assert "strips" not in found["parts"][0]
    assert found["sets"] == {"aligned": 3, "people": 16}
    assert found == json.loads(json.dumps(as_json(report)))
    rows = list(csv.DictReader(io.StringIO(as_csv(report))))
    psnr = next(row for row in rows if row["measure"] == "psnr" and row["who"] == "still")
    assert float(psnr["value"]) == report.entries[0].findings.row("4x", "still").score("psnr").value
    assert (psnr["count"], psnr["color_space"], psnr["crop"]) == ("3", "RGB", "none")
    assert psnr["reference"] == "the same pictures, undamaged"
