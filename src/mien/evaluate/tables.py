"""Findings as tables: for a page, a terminal, and CSV."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from mien.evaluate.findings import Difference, Findings
from mien.evaluate.report import Report
from mien.evaluate.sheets import Row
from mien.metrics.score import Better, Score

PERCENT = ("nme", "accuracy", "tar", "auc", "eer", "rank", "peak_share", "precision", "recall")
NOTED = ("tar",)
"""Of no worth without their note."""
DIGITS = {
    "psnr": 2,
    "psnr_y": 2,
    "psnr_inside": 2,
    "psnr_outside": 2,
    "outside_loss": 2,
    "niqe": 2,
    "degrees": 1,
    "angle": 2,
    "yaw": 1,
    "frechet": 2,
    "frechet_infinity": 2,
    "sharpness": 0,
    "milliseconds": 1,
    "tenengrad": 0,
}
HEADER = (
    "protocol",
    "part",
    "condition",
    "who",
    "measure",
    "value",
    "deviation",
    "unit",
    "better",
    "count",
    "note",
    "reference",
    "backend",
    "color_space",
    "crop",
    "settings",
)


@dataclass(frozen=True)
class Column:
    """A measure, told apart by its note where a row has it several times, or needs it."""

    measure: str
    note: str
    title: str
    unit: str
    better: Better


def columns_of(rows: Sequence[Row]) -> tuple[Column, ...]:
    """In the order they first come."""
    repeated = {
        score.measure
        for row in rows
        for score in row.scores
        if score.measure in NOTED or sum(other.measure == score.measure for other in row.scores) > 1
    }
    found: dict[tuple[str, str], Column] = {}
    for score in (score for row in rows for score in row.scores):
        note = score.note if score.measure in repeated else ""
        title = f"{score.about.title}, {note}" if note else score.about.title
        unit = "%" if score.measure in PERCENT else score.about.unit
        found.setdefault((score.measure, note), Column(score.measure, note, title, unit, score.about.better))
    return tuple(found.values())


def score_in(row: Row, column: Column) -> Score | None:
    for score in row.scores:
        if score.measure == column.measure and column.note in ("", score.note):
            return score
    return None


def best_in(rows: Sequence[Row], column: Column) -> float | None:
    """Of the makers, where several were measured and one of them can be better."""
    values = [score.value for row in rows if (score := score_in(row, column)) is not None]
    values = [value for value in values if math.isfinite(value)]
    if column.better == "neither" or len(values) < 2:
        return None
    return max(values) if column.better == "higher" else min(values)


def show(score: Score) -> str:
    """With as many digits as mean something, and the deviation where there is one."""
    words = show_number(score.measure, score.value)
    if score.deviation is not None:
        words += f" ± {show_number(score.measure, score.deviation)}"
    return words


def show_number(measure: str, value: float, signed: bool = False) -> str:
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞" if value < 0 else "not a number"
    digits, factor = (2, 100.0) if measure in PERCENT else (DIGITS.get(measure, 3), 1.0)
    return f"{value * factor:{'+' if signed else ''}.{digits}f}"


def show_difference(difference: Difference) -> str:
    """Value and interval."""
    value, low, high = (
        show_number(difference.measure, number, signed=True)
        for number in (difference.value, difference.low, difference.high)
    )
    return f"{value} ({low} to {high})"


def as_text(findings: Findings) -> list[str]:
    """For a terminal: a table for each condition, differences between models, and what was left out."""
    lines = [
        f"{findings.title}: " + "; ".join(f"{name} {value}" for name, value in findings.settings.items())
    ]
    for condition in findings.conditions:
        rows = [row for row in findings.rows if row.condition == condition]
        columns = columns_of(rows)
        cells = [[condition, *(f"{one.title}{f' {one.unit}' if one.unit else ''}" for one in columns)]]
        for row in rows:
            scores = [score_in(row, column) for column in columns]
            cells.append([row.who, *(show(score) if score else "" for score in scores)])
        lines += ["", *aligned(cells)]
    if findings.differences:
        lines += ["", "differences on the same pictures, with 95 % intervals (* leaves out 0)"]
        lines += aligned([difference_cells(one) for one in findings.differences])
    return [*lines, *(f"note: {note}" for note in findings.notes)]


def difference_cells(one: Difference) -> list[str]:
    mark = "*" if one.is_clear else ""
    return [one.condition, f"{one.second} - {one.first}", one.measure, show_difference(one), mark]


def aligned(cells: list[list[str]]) -> list[str]:
    """The first column to the left, numbers to the right."""
    widths = [max(len(row[index]) for row in cells) for index in range(len(cells[0]))]
    lines = []
    for row in cells:
        rest = (f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        lines.append("  ".join([f"{row[0]:<{widths[0]}}", *rest]).rstrip())
    return lines


def as_csv(report: Report) -> str:
    """One line per number, with all that makes it comparable."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADER)
    for entry in report.entries:
        for row in entry.findings.rows:
            for score in row.scores:
                writer.writerow((entry.protocol, entry.part, row.condition, row.who, *score_cells(score)))
    return buffer.getvalue()


def score_cells(score: Score) -> tuple[object, ...]:
    about = score.about
    return (
        score.measure,
        repr(score.value),
        "" if score.deviation is None else repr(score.deviation),
        about.unit,
        about.better,
        score.count,
        score.note,
        score.reference,
        score.backend,
        about.color_space,
        about.crop,
        about.settings,
    )


def as_json(report: Report) -> dict[str, object]:
    """All but pictures and what each of them got, which `parts` holds."""
    return {
        "date": report.date,
        "seconds": round(report.seconds, 1),
        "models": list(report.models),
        "checksums": dict(report.checksums),
        "sets": dict(report.sets),
        "unused": list(report.unused),
        "subsampled": list(report.subsampled),
        "skipped": list(report.skipped),
        "problems": list(report.problems),
        "parts": [
            {"protocol": entry.protocol, "part": entry.part, **entry.findings.as_json()}
            for entry in report.entries
        ],
    }
