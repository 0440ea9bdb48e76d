"""What every protocol hands over: scores, paired differences, curves, pictures, and what was left out.

All of it goes to JSON and comes back, so that a part of a report that is done is not done again.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date

from mien.evaluate.sheets import Row, Sheet

Json = dict[str, object]


@dataclass(frozen=True)
class Difference:
    """By how much one is larger than the other on the same pictures, with a 95 % interval."""

    measure: str
    condition: str
    first: str
    second: str
    value: float
    """Mean of second minus first."""
    low: float
    high: float
    count: int

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Line:
    """One curve."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Chart:
    """Curves over one axis."""

    title: str
    x: str
    y: str
    lines: tuple[Line, ...]
    is_log: bool = False
    """The x axis; values of 0 and less have no place there."""
    is_scatter: bool = False
    """Whether the points of a line are pictures, say, which nothing connects."""


@dataclass(frozen=True)
class Strip:
    """A few pictures side by side: what came in, what was made of it, what it was."""

    caption: str
    labels: tuple[str, ...]
    jpegs: tuple[str, ...]
    """Base64."""


@dataclass(frozen=True)
class Findings:
    """What a protocol found."""

    protocol: str
    title: str
    settings: Mapping[str, str]
    """How it was done, in words."""
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...] = ()
    charts: tuple[Chart, ...] = ()
    strips: tuple[Strip, ...] = ()
    """Worst cases first."""
    notes: tuple[str, ...] = ()
    """What was left out, and what a reader must know."""
    sheets: tuple[Sheet, ...] = ()
    """What every picture got, where differences are to be made of it."""
    seconds: float = 0.0
    date: str = field(default_factory=lambda: date.today().isoformat())

    def row(self, condition: str, who: str) -> Row:
        """The one of that name."""
        for row in self.rows:
            if (row.condition, row.who) == (condition, who):
                return row
        raise KeyError(f"no row of {who!r} under {condition!r}")

    @property
    def conditions(self) -> tuple[str, ...]:
        """In the order of the rows."""
        return tuple(dict.fromkeys(row.condition for row in self.rows))

    def as_json(self, with_details: bool = False) -> Json:
        """Plain numbers and words; the details are pictures and what each of them got."""
        rows = [
            {"condition": row.condition, "who": row.who, "scores": [score.as_json() for score in row.scores]}
            for row in self.rows
        ]
        found: Json = {
            "protocol": self.protocol,
            "title": self.title,
            "date": self.date,
            "seconds": self.seconds,
            "settings": dict(self.settings),
            "rows": rows,
            "differences": [asdict(difference) for difference in self.differences],
            "charts": [asdict(chart) for chart in self.charts],
            "notes": list(self.notes),
        }
        if with_details:
            found["strips"] = [asdict(strip) for strip in self.strips]
            found["sheets"] = [sheet.as_json() for sheet in self.sheets]
        return found
