"""Findings kept on disk: what was done with the same models, settings and pictures is not done again."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mien.evaluate.findings import Chart, Difference, Findings, Line, Strip
from mien.evaluate.sheets import Row, Sheet
from mien.image.io import write_bytes
from mien.metrics.score import Score

FORMAT = 2
"""Goes into every key: raised when a protocol changes, so that old parts do not count as done."""


def key_of(settings: Mapping[str, str], photos: Sequence[Path]) -> str:
    """Of what a part depends on: settings, weights' checksums among them, and files' names and sizes."""
    files = [(str(path.resolve()), path.stat().st_size) for path in photos]
    text = json.dumps([FORMAT, sorted(settings.items()), files])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write_findings(path: Path, findings: Findings) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, json.dumps(findings.as_json(with_details=True), allow_nan=False).encode())


def read_findings(path: Path) -> Findings | None:
    """None where there are none, or what is there is not whole: then they are made again."""
    try:
        return findings_from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError):  # no JSON, or not of today's fields
        return None


def findings_from_json(found: dict) -> Findings:
    """What `Findings.as_json` wrote."""
    return Findings(
        protocol=found["protocol"],
        title=found["title"],
        settings=found["settings"],
        rows=tuple(
            Row(row["condition"], row["who"], tuple(score_from_json(score) for score in row["scores"]))
            for row in found["rows"]
        ),
        differences=tuple(Difference(**difference) for difference in found["differences"]),
        charts=tuple(chart_from_json(chart) for chart in found["charts"]),
        strips=tuple(
            Strip(strip["caption"], tuple(strip["labels"]), tuple(strip["jpegs"]))
            for strip in found.get("strips", ())
        ),
        notes=tuple(found["notes"]),
        sheets=tuple(sheet_from_json(sheet) for sheet in found.get("sheets", ())),
        seconds=float(found["seconds"]),
        date=found["date"],
    )


def score_from_json(found: dict) -> Score:
    """Numbers that JSON has no word for come back from words."""
    deviation = found.get("deviation")
    return Score(
        measure=found["measure"],
        value=float(found["value"]),
        count=found["count"],
        reference=found.get("reference", ""),
        backend=found.get("backend", ""),
        deviation=None if deviation is None else float(deviation),
        note=found.get("note", ""),
    )


def sheet_from_json(found: dict) -> Sheet:
    values = {measure: tuple(map(float, listed)) for measure, listed in found["values"].items()}
    return Sheet(found["condition"], found["who"], tuple(found["names"]), values)


def chart_from_json(found: dict) -> Chart:
    lines = tuple(
        Line(line["name"], tuple((float(x), float(y)) for x, y in line["points"])) for line in found["lines"]
    )
    return Chart(found["title"], found["x"], found["y"], lines, found["is_log"], found["is_scatter"])
