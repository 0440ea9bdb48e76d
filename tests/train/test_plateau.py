import json
from pathlib import Path

from mien.train.plateau import drop_on_plateau, num_plateaus


def test_rows_without_a_better_value_are_counted() -> None:
    assert num_plateaus([], 2) == 0
    assert num_plateaus([3.0, 2.0, 1.0], 2) == 0
    assert num_plateaus([3.0, 2.0, 2.5, 2.0], 2) == 1  # as good is no better
    assert num_plateaus([1.0, 2.0, 0.5, 2.0, 2.0, 2.0, 2.0], 2) == 2
    assert num_plateaus([1.0, 2.0, 2.0, 2.0], 2) == 1


def test_the_rate_follows_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    schedule = drop_on_plateau(log, "error", 0.1, 2, patience=1)
    assert schedule(0) == 1.0

    def write(step: int, error: float) -> None:
        lines = log.read_text() if log.exists() else ""
        entry = json.dumps({"step": step, "validation": {"error": error}})
        log.write_text(f"{lines}{json.dumps({'step': step, 'terms': {}})}\n{entry}\n")

    write(10, 1.0)
    assert schedule(10) == 1.0
    write(20, 1.5)
    assert schedule(20) == 0.1
    write(30, 0.5)
    write(40, 0.6)
    assert abs(schedule(40) - 0.01) < 1e-9
    write(50, 0.7)
    assert abs(schedule(50) - 0.01) < 1e-9  # 2e-4, 2e-5, 2e-6 and no further


def test_a_resumed_run_has_the_same_rate(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    lines = [{"step": step, "validation": {"error": 1.0}} for step in (10, 20, 30)]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert drop_on_plateau(log, "error", 0.1, 2, patience=2)(31) == 0.1
