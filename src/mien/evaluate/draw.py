"""Curves as SVG, in colours that the page's style names, so that they follow light and dark."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from mien.evaluate.findings import Chart, Line
from mien.evaluate.portraits import CLEAN
from mien.evaluate.reference import TRUTH
from mien.evaluate.trial import INPUT

WIDTH, HEIGHT = 520, 300
LEFT, RIGHT, TOP, BOTTOM = 54, 14, 12, 44
NUM_COLORS = 6
FEW_POINTS = 16
"""Up to so many are marked one by one."""


@dataclass(frozen=True)
class Axis:
    """From numbers to pixels, straight or by logarithm."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        low, high, value = (
            (math.log10(number) for number in (self.low, self.high, value))
            if self.is_log
            else (self.low, self.high, value)
        )
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """Round numbers within; every decade of a logarithm."""
        if self.is_log:
            decades = range(
                math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1
            )
            return [10.0**decade for decade in decades]
        step = round_step(self.high - self.low)
        first = math.ceil(self.low / step - 1e-9)
        return [step * index for index in range(first, math.floor(self.high / step + 1e-9) + 1)]


def round_step(span: float) -> float:
    """1, 2 or 5 times a power of ten, such that four to eight fit."""
    raw = span / 6
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)


def svg_of(chart: Chart, numbers: dict[str, int]) -> str:
    """`numbers` gives each maker its colour, the same one on the whole page."""
    points = [point for line in chart.lines for point in drawable(line, chart.is_log)]
    if not points:
        return ""
    x = axis([point[0] for point in points], float(LEFT), float(WIDTH - RIGHT), chart.is_log)
    y = axis([point[1] for point in points], float(HEIGHT - BOTTOM), float(TOP), False)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(chart.title)}">',
        *grid(x, y),
        f'<text class="axis" x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 8}">{escape(chart.x)}</text>',
        f'<text class="axis" transform="translate(13 {(TOP + HEIGHT - BOTTOM) / 2:.0f}) rotate(-90)">'
        f"{escape(chart.y)}</text>",
    ]
    draw = draw_dots if chart.is_scatter else draw_line
    for line, style in zip(chart.lines, styles_of(chart, numbers), strict=True):
        parts += draw(line, drawable(line, chart.is_log), x, y, style)
    return "".join([*parts, "</svg>"])


def drawable(line: Line, is_log: bool) -> list[tuple[float, float]]:
    return [point for point in line.points if all(map(math.isfinite, point)) and (point[0] > 0 or not is_log)]


def axis(values: Sequence[float], start: float, end: float, is_log: bool) -> Axis:
    """With a little room at both ends of a straight one."""
    low, high = min(values), max(values)
    if is_log:
        return Axis(low, high if high > low else low * 10, start, end, True)
    room = 0.05 * (high - low) or max(abs(high), 1.0) * 0.05
    return Axis(low - room, high + room, start, end)


def grid(x: Axis, y: Axis) -> list[str]:
    parts = []
    for tick in y.ticks:
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
        )
        parts.append(
            f'<text class="tick end" x="{LEFT - 7}" y="{y(tick) + 4:.1f}">{tick_name(tick, y)}</text>'
        )
    for tick in x.ticks:
        parts.append(
            f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        )
        parts.append(
            f'<text class="tick middle" x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 16}">'
            f"{tick_name(tick, x)}</text>"
        )
    return parts


def tick_name(tick: float, along: Axis) -> str:
    """As few digits as tell the ticks apart."""
    if along.is_log:
        return f"{tick:g}"
    digits = max(0, -math.floor(math.log10(round_step(along.high - along.low)) + 1e-9))
    return f"{tick:.{digits}f}".replace("-0", "0") if tick == 0 else f"{tick:.{digits}f}"


def styles_of(chart: Chart, numbers: dict[str, int]) -> list[str]:
    """Makers have colours; what came in and what was undamaged are gray.

    What is no maker, such as a condition, takes the colours in turn.
    """
    known = {INPUT: "line input", CLEAN: "line clean", TRUTH: "line truth"}
    names = [line.name for line in chart.lines]
    others = [name for name in names if name not in numbers and name not in known]
    places = {**{name: place for place, name in enumerate(others)}, **numbers}
    return [known.get(name) or f"line s{places[name] % NUM_COLORS + 1}" for name in names]


def draw_line(line: Line, points: list[tuple[float, float]], x: Axis, y: Axis, style: str) -> list[str]:
    places = [(x(point[0]), y(point[1])) for point in points]
    path = "M" + "L".join(f"{across:.1f} {down:.1f}" for across, down in places)
    parts = [f'<path class="{style}" d="{path}"><title>{escape(line.name)}</title></path>'] if places else []
    if len(points) <= FEW_POINTS:
        for point, (across, down) in zip(points, places, strict=True):
            words = escape(f"{line.name}: {point[0]:g}, {point[1]:.4g}")
            dot = f'<circle class="{style}" cx="{across:.1f}" cy="{down:.1f}" r="3.2">'
            parts.append(f"{dot}<title>{words}</title></circle>")
    return parts


def draw_dots(line: Line, points: list[tuple[float, float]], x: Axis, y: Axis, style: str) -> list[str]:
    """A dot for each, and a ring around where they are on average."""
    parts = []
    for across, down in points:
        parts.append(f'<circle class="dot {style}" cx="{x(across):.1f}" cy="{y(down):.1f}" r="2.6"/>')
    if points:
        middle = [sum(values) / len(points) for values in zip(*points, strict=True)]
        words = escape(f"{line.name}, the middle: {middle[0]:.3g}, {middle[1]:.3g}")
        ring = f'<circle class="ring {style}" cx="{x(middle[0]):.1f}" cy="{y(middle[1]):.1f}" r="7">'
        parts.append(f"{ring}<title>{words}</title></circle>")
    return parts


def legend_of(chart: Chart, numbers: dict[str, int]) -> str:
    items = []
    for line, style in zip(chart.lines, styles_of(chart, numbers), strict=True):
        dot, dash = '<circle class="{}" cx="12" cy="4" r="3"/>', '<path class="{}" d="M1 4L23 4"/>'
        mark = (dot if chart.is_scatter else dash).format(style)
        items.append(f'<li><svg viewBox="0 0 24 8" aria-hidden="true">{mark}</svg>{escape(line.name)}</li>')
    return f'<ul class="legend">{"".join(items)}</ul>'
