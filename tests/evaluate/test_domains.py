from pathlib import Path

import numpy as np
import pytest
import torch

from mien.evaluate.domains import CONDITION, evaluate_domains, plan_domains, principal_plane
from mien.evaluate.report import Contestants, count_steps, make_report
from mien.evaluate.trial import Bench, PhotoSet


def test_the_plane_is_that_of_principal_components():
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(40, 5, generator=generator) * torch.tensor([1.0, 6, 2, 3, 0.5])
    axes, shares = principal_plane(values)
    variances, directions = np.linalg.eigh(np.cov(values.double().numpy().T))
    for axis, share, number in zip(axes.T.numpy(), shares, (-1, -2), strict=True):
        assert abs(axis @ directions[:, number]) == pytest.approx(1)
        assert axis[np.abs(axis).argmax()] > 0
        assert share == pytest.approx(variances[number] / variances.sum())


def test_who_changes_faces_lies_farther_from_them(trial, people: tuple[Path, ...], mixer, read_frontal):
    given = trial(people[:8], {"still": mixer(), "gray": mixer(0.97), "ahead": mixer(keeps_pose=False)})
    found = evaluate_domains(given, "people", read_frontal)
    before, still, gray = (found.row(CONDITION, who) for who in ("input", "still", "gray"))
    assert still.score("domain_gap").value == pytest.approx(before.score("domain_gap").value, abs=1e-3)
    assert gray.score("domain_gap").count == 8  # two people, four views
    assert 0 <= gray.score("domain_shift").value <= 2
    (chart,) = found.charts
    assert chart.is_scatter
    assert [line.name for line in chart.lines] == ["truth", "input", "still", "gray", "ahead"]
    assert [len(line.points) for line in chart.lines] == [2, 8, 8, 8, 8]
    assert chart.x.startswith("first component, ")
    assert {(one.first, one.second) for one in found.differences} >= {("still", "gray")}


def test_a_report_does_it_with_all_models_at_once(
    judges, people, trial, mixer, tmp_path, monkeypatch, read_frontal
):
    monkeypatch.setattr("mien.evaluate.domains.load_reader", lambda device: read_frontal)
    photo_set = PhotoSet("people", "people", tmp_path, people)
    bench = Bench((photo_set,), judges, trial(people).finder, most=2)
    (part,) = plan_domains(bench)
    assert part.whole_set == "2 of 4 people of people, evenly spread"
    assert len(part.photos) == 8
    assert count_steps([("domains", part)], 3) == 8
    models = {"still": mixer(), "gray": mixer(0.4)}
    contestants = Contestants(models, {}, {"still": "1", "gray": "2"})
    for was_kept in (False, True):
        report = make_report(bench, contestants, [("domains", part)], tmp_path / "report", 0)
        (entry,) = report.entries
        assert entry.was_kept == was_kept
        assert [row.who for row in entry.findings.rows] == ["input", "still", "gray"]
