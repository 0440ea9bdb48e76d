"""Pieces of a report's page."""

from collections.abc import Iterable, Sequence
from html import escape

from mien.evaluate.draw import legend_of, svg_of
from mien.evaluate.findings import Chart, Difference, Findings, Strip
from mien.evaluate.highlights import Highlight
from mien.evaluate.published import PublishedTable
from mien.evaluate.sheets import Row
from mien.evaluate.tables import Column, best_in, columns_of, score_in, show, show_difference
from mien.evaluate.trial import INPUT
from mien.metrics.score import MEASURES, Score


def figures_block(found: Sequence[Highlight]) -> str:
    """The few numbers to remember."""
    items = (
        f'<li><span class="what">{escape(one.what)}</span><span class="value">'
        f'<span class="from">{escape(one.before)} → </span>{escape(one.after)}'
        f'<span class="from"> {escape(one.unit)}</span></span>'
        f'<span class="count">{escape(one.count)}</span></li>'
        for one in found
    )
    return f'<ul class="figures">{"".join(items)}</ul>' if found else ""


def list_block(items: Iterable[str], style: str) -> str:
    inner = "".join(f"<li>{item}</li>" for item in items)
    return f'<ul class="{style}">{inner}</ul>' if inner else ""


def scores_block(found: Findings) -> str:
    """A group for each condition, a line for each maker, the best of each column bold."""
    columns = columns_of(found.rows)
    head = "".join(
        f"<th>{escape(one.title)}<span class='unit'>{escape(arrow(one))}</span></th>" for one in columns
    )
    body = []
    for condition in found.conditions:
        rows = [row for row in found.rows if row.condition == condition]
        body.append(f'<tr class="group"><th colspan="{len(columns) + 1}">{escape(condition)}</th></tr>')
        best = [best_in(rows, column) for column in columns]
        body += [score_line(row, columns, best) for row in rows]
    return (
        f'<div class="scroll"><table><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def arrow(column: Column) -> str:
    """Unit, and which way is better."""
    way = {"higher": "↑", "lower": "↓", "neither": ""}[column.better]
    return f"{column.unit} {way}".strip()


def score_line(row: Row, columns: Sequence[Column], best: Sequence[float | None]) -> str:
    cells = []
    for column, top in zip(columns, best, strict=True):
        score = score_in(row, column)
        style = ' class="best"' if score is not None and score.value == top else ""
        cells.append(f"<td{style}{told(score)}>{escape(show(score)) if score else '–'}</td>")
    style = ' class="input"' if row.who == INPUT else ""
    return f"<tr{style}><td>{escape(row.who)}</td>{''.join(cells)}</tr>"


def told(score: Score | None) -> str:
    """All that makes a number comparable, when it is pointed at."""
    if score is None:
        return ""
    about = score.about
    parts = [
        f"n = {score.count}",
        f"by {score.backend}",
        about.color_space,
        f"crop: {about.crop}",
        f"reference: {score.reference}",
        about.settings,
        score.note,
    ]
    return f' title="{escape("; ".join(part for part in parts if part))}"'


def measures_block(found: Findings) -> str:
    """The same for a whole part, to be read: counts and references are those of the last row."""
    scores = {column: score_in(row, column) for row in found.rows for column in columns_of([row])}
    lines = []
    for measure in dict.fromkeys(column.measure for column in scores):
        score = next(one for one in scores.values() if one is not None and one.measure == measure)
        about = MEASURES[measure]
        counts = sorted({one.count for row in found.rows for one in row.scores if one.measure == measure})
        count = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
        settings = "; ".join(word for word in (about.settings, score.note) if word)
        words = (score.backend, about.color_space, about.crop, settings, score.reference)
        cells = "".join(f'<td class="words">{escape(word or "–")}</td>' for word in words)
        lines.append(f"<tr><td>{escape(about.title)}</td><td>{count}</td>{cells}</tr>")
    names = ("", "count", "back-end", "colour space", "crop", "settings", "reference")
    head = "".join(f"<th>{name}</th>" for name in names)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def differences_block(differences: Sequence[Difference]) -> str:
    """Every pair of makers; coloured where the interval leaves out 0."""
    if not differences:
        return ""
    measures = list(dict.fromkeys(one.measure for one in differences))
    found = {(one.condition, one.first, one.second, one.measure): one for one in differences}
    lines = []
    for condition, first, second in dict.fromkeys(key[:3] for key in found):
        cells = (difference_cell(found.get((condition, first, second, measure))) for measure in measures)
        who = f"{condition}: {second} − {first}"
        lines.append(f"<tr><td>{escape(who)}</td>{''.join(cells)}</tr>")
    head = "".join(f"<th>{escape(MEASURES[measure].title)}</th>" for measure in measures)
    return (
        "<details><summary>Differences on the same pictures, with 95 % intervals</summary>"
        f'<div class="scroll"><table><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div></details>"
    )


def difference_cell(one: Difference | None) -> str:
    if one is None:
        return "<td>–</td>"
    better = MEASURES[one.measure].better
    style = ""
    if one.is_clear and better != "neither":
        style = ' class="good"' if (one.value > 0) == (better == "higher") else ' class="bad"'
    return f'<td{style} title="n = {one.count}">{escape(show_difference(one))}</td>'


def charts_block(charts: Sequence[Chart], numbers: dict[str, int]) -> str:
    figures = [
        f"<figure><figcaption>{escape(chart.title)}</figcaption>{legend_of(chart, numbers)}{drawn}</figure>"
        for chart in charts
        if (drawn := svg_of(chart, numbers))
    ]
    return f'<div class="charts">{"".join(figures)}</div>' if figures else ""


def strips_block(strips: Sequence[Strip]) -> str:
    """Worst cases first."""
    figures = []
    for strip in strips:
        pictures = "".join(
            f'<div><img alt="{escape(label)}" loading="lazy" src="data:image/jpeg;base64,{jpeg}">'
            f"<span>{escape(label)}</span></div>"
            for label, jpeg in zip(strip.labels, strip.jpegs, strict=True)
        )
        caption = f"<figcaption>{escape(strip.caption)}</figcaption>"
        figures.append(f'<figure class="strip">{caption}<div class="row">{pictures}</div></figure>')
    if not figures:
        return ""
    grid = f'<div class="strips">{"".join(figures)}</div>'
    return f"<details open><summary>Worst cases first</summary>{grid}</details>"


def published_block(table: PublishedTable) -> str:
    """Set apart, so that nobody takes their figures for ours."""
    columns = list(dict.fromkeys(column for values in table.rows.values() for column in values))
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    lines = []
    for who, values in table.rows.items():
        cells = "".join(
            f"<td>{values[column]:g}</td>" if column in values else "<td>–</td>" for column in columns
        )
        lines.append(f"<tr><td>{escape(who)}</td>{cells}</tr>")
    caption = (
        '<span class="tag">as published, on their data</span>'
        f"<b>{escape(table.paper)}, {escape(table.place)}</b>: {escape(table.data)}. "
        f"Not ours: {escape(table.differs)}."
    )
    return (
        f'<div class="scroll published"><table><caption>{caption}</caption>'
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )
