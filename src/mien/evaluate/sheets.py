"""What each picture got, from which means and paired differences are made."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mien.metrics.mean import Mean
from mien.metrics.score import Score

NO_REFERENCE = ("niqe", "quality", "confidence", "sharpness")
"""Measures that look at one picture alone."""


class EvaluationError(ValueError):
    """Something that cannot be judged, with what was wanted and what came."""


@dataclass(frozen=True)
class Row:
    """The numbers of one maker under one condition."""

    condition: str
    who: str
    """`input`, `truth` or a model."""
    scores: tuple[Score, ...]

    def score(self, measure: str) -> Score | None:
        """The first of that kind."""
        return next((score for score in self.scores if score.measure == measure), None)


@dataclass(frozen=True)
class Sheet:
    """One maker under one condition, picture by picture."""

    condition: str
    who: str
    names: tuple[str, ...]
    values: Mapping[str, tuple[float, ...]]
    """By measure, in the order of the names; NaN where a picture has no such number."""

    def __post_init__(self) -> None:
        if not self.names:
            raise EvaluationError("there is nothing to judge: no picture was left")
        for measure, values in self.values.items():
            if len(values) != len(self.names):
                raise EvaluationError(f"{len(values)} values of {measure} for {len(self.names)} pictures")

    def as_json(self) -> dict[str, object]:
        """Numbers that JSON has no word for become words."""
        values = {
            measure: [value if math.isfinite(value) else str(value) for value in listed]
            for measure, listed in self.values.items()
        }
        return {"condition": self.condition, "who": self.who, "names": list(self.names), "values": values}

    def mean(self, measure: str) -> Mean:
        """Over the pictures that have a number; an infinite one makes it infinite."""
        known = [value for value in self.values[measure] if not math.isnan(value)]
        return Mean(math.fsum(known) if all(map(math.isfinite, known)) else sum(known), len(known))

    def row(self, reference: str, backends: Mapping[str, str]) -> Row:
        """Means as scores; a count below that of the pictures is explained."""
        scores = []
        for measure in self.values:
            mean = self.mean(measure)
            missing = len(self.names) - mean.count
            if mean.count == 0:
                continue
            scores.append(
                Score(
                    measure=measure,
                    value=mean.value,
                    count=mean.count,
                    reference="none" if measure in NO_REFERENCE else reference,
                    backend=backends.get(measure, "mien"),
                    note=f"{missing} of {len(self.names)} pictures have no such number" if missing else "",
                )
            )
        return Row(self.condition, self.who, tuple(scores))


def with_scores(row: Row, scores: Sequence[Score]) -> Row:
    """What is said of all pictures together stands behind the means."""
    return replace(row, scores=(*row.scores, *scores))


def sheet_of(condition: str, who: str, entries: Mapping[str, Mapping[str, float]]) -> Sheet:
    """From picture to measure to value; every picture has the same measures."""
    measures = list(next(iter(entries.values()), {}))
    return Sheet(
        condition=condition,
        who=who,
        names=tuple(entries),
        values={measure: tuple(entry[measure] for entry in entries.values()) for measure in measures},
    )
