import json

import pytest
import torch

from mien.train.log import Journal, NotFiniteError, Window, forget_after, read_log
from mien.train.plot import plot_log


def test_window_means_and_starts_anew():
    window = Window()
    window.add(0, "a", {"total": torch.tensor(1.0), "rare": torch.tensor(5.0)})
    window.add(1, "a", {"total": torch.tensor(4.0, dtype=torch.bfloat16)})
    assert window.read(lambda values: values) == {"a/total": 2.5, "a/rare": 5.0}
    assert window.read(lambda values: values) == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_window_names_step_and_term_that_is_not_finite(value):
    window = Window()
    window.add(7, "a", {"pixel": torch.tensor(1.0), "identity": torch.tensor(1.0)})
    window.add(8, "a", {"pixel": torch.tensor(1.0), "identity": torch.tensor(value)})
    with pytest.raises(NotFiniteError, match="step 8: a/identity is"):
        window.read(lambda values: values)


def test_journal_lines(tmp_path):
    with Journal(tmp_path, 0, 10, speaks=True) as journal:
        journal.count(8)
        journal.write_terms(5, {"a": 0.1}, {"a/total": 2.0})
        journal.write_validation(5, {"psnr": 30.0})
    terms, validation = read_log(tmp_path / "log.jsonl")
    assert terms["items_per_second"] > 0
    assert terms["seconds"] >= 0
    assert (terms["step"], terms["rates"], terms["terms"]) == (5, {"a": 0.1}, {"a/total": 2.0})
    assert validation == {"step": 5, "validation": {"psnr": 30.0}}


def test_silent_journal_writes_nothing(tmp_path):
    with Journal(tmp_path, 0, 10, speaks=False) as journal:
        journal.write_terms(5, {}, {"a/total": 2.0})
    assert list(tmp_path.iterdir()) == []


def test_lines_after_the_checkpoint_and_a_cut_line_are_forgotten(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps({"step": step}) + "\n" for step in (5, 10, 15)) + '{"step": 2')
    forget_after(path, 10)
    assert [line["step"] for line in read_log(path)] == [5, 10]


def test_plot(tmp_path):
    lines = [{"step": step, "terms": {"a/total": 1 / step}} for step in (1, 2, 3)]
    lines.append({"step": 3, "validation": {"psnr": 20.0}})
    log, picture = tmp_path / "log.jsonl", tmp_path / "log.png"
    plot_log(log, picture)
    assert not picture.exists()
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    plot_log(log, picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
