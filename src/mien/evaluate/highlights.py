"""The few numbers of a report that a reader should take away."""

from collections.abc import Sequence
from dataclasses import dataclass

from mien.evaluate.findings import Findings
from mien.evaluate.report import Report
from mien.evaluate.tables import PERCENT, show_number
from mien.evaluate.trial import INPUT
from mien.metrics.score import MEASURES

WANTED: dict[str, tuple[str, ...]] = {
    "blind": ("psnr", "identity"),
    "wild": ("niqe", "quality"),
    "recognition": ("accuracy",),
}
"""By protocol."""


@dataclass(frozen=True)
class Highlight:
    """A number before and after."""

    what: str
    before: str
    after: str
    unit: str
    count: str


def highlights(report: Report) -> list[Highlight]:
    """Of every model, the wanted measures under the condition that tells most."""
    found = []
    for entry in report.entries:
        for model in report.models:
            found += of_model(entry.protocol, entry.part, entry.findings, model)
    return found


def of_model(protocol: str, part: str, findings: Findings, model: str) -> list[Highlight]:
    found = []
    rows = {(row.condition, row.who): row for row in findings.rows}
    condition = telling(protocol, findings.conditions)
    for measure in WANTED.get(protocol, ()):
        before, after = (
            rows[condition, who].score(measure) if (condition, who) in rows else None
            for who in (INPUT, model)
        )
        if before is None or after is None:
            continue
        unit = "%" if measure in PERCENT else MEASURES[measure].unit
        found.append(
            Highlight(
                what=f"{model}: {MEASURES[measure].title}, {part}, {condition}",
                before=show_number(measure, before.value),
                after=show_number(measure, after.value),
                unit=unit,
                count=f"n = {after.count:,}",
            )
        )
    return found


def telling(protocol: str, conditions: Sequence[str]) -> str:
    """The first, or for recognition the last: both pictures damaged."""
    if not conditions:
        return ""
    return conditions[-1] if protocol == "recognition" else conditions[0]
