"""Findings of several models, made one after the other, as if they had been made together."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from mien.evaluate.compare import differences
from mien.evaluate.findings import Chart, Findings, Line
from mien.evaluate.sheets import EvaluationError, Row, Sheet

Entry = TypeVar("Entry", Row, Sheet)
OWN_SETTINGS = ("models",)
"""What may differ from one to the other; anything else, such as the damage's checksum, must not."""


def joined(findings: Sequence[Findings], seed: int = 0) -> Findings:
    """Rows, curves and worst cases side by side, and differences between all makers."""
    first = findings[0]
    for other in findings[1:]:
        need_same_terms(first, other)
    sheets = once_each([sheet for one in findings for sheet in one.sheets])
    return replace(
        first,
        settings={**first.settings, **join_models(findings)},
        rows=in_order(once_each([row for one in findings for row in one.rows])),
        differences=differences(sheets, seed),
        charts=join_charts(findings),
        strips=tuple(strip for one in findings for strip in one.strips),
        notes=tuple(dict.fromkeys(note for one in findings for note in one.notes)),
        sheets=sheets,
        seconds=sum(one.seconds for one in findings),
    )


def need_same_terms(first: Findings, other: Findings) -> None:
    """Two models that were not judged on the same bytes must not stand in one table."""
    for name in sorted({*first.settings, *other.settings} - set(OWN_SETTINGS)):
        one, two = first.settings.get(name), other.settings.get(name)
        if one != two:
            raise EvaluationError(f"{first.title}: {name} was {one!r} for one model and {two!r} for another")


def join_models(findings: Sequence[Findings]) -> dict[str, str]:
    return {
        name: ", ".join(dict.fromkeys(one.settings[name] for one in findings))
        for name in OWN_SETTINGS
        if name in findings[0].settings
    }


def once_each(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """What came with every model, such as the input, is taken from the first."""
    found: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        found.setdefault((entry.condition, entry.who), entry)
    return tuple(found.values())


def in_order(rows: Sequence[Row]) -> tuple[Row, ...]:
    """One condition after the other."""
    conditions = dict.fromkeys(row.condition for row in rows)
    return tuple(row for condition in conditions for row in rows if row.condition == condition)


def join_charts(findings: Sequence[Findings]) -> tuple[Chart, ...]:
    """Charts of one title become one."""
    charts: dict[str, Chart] = {}
    for chart in (chart for one in findings for chart in one.charts):
        before = charts.get(chart.title, replace(chart, lines=()))
        lines: dict[str, Line] = {line.name: line for line in (*chart.lines, *before.lines)}
        names = dict.fromkeys(line.name for line in (*before.lines, *chart.lines))
        charts[chart.title] = replace(before, lines=tuple(lines[name] for name in names))
    return tuple(charts.values())
