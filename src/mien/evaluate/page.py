"""A report as one page that needs no network: tables, curves and pictures are all inside."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from mien.evaluate.blocks import (
    charts_block,
    differences_block,
    figures_block,
    list_block,
    measures_block,
    published_block,
    scores_block,
    strips_block,
)
from mien.evaluate.catalog import PROTOCOLS
from mien.evaluate.highlights import highlights
from mien.evaluate.published import PUBLISHED
from mien.evaluate.report import Entry, Report

STYLE = Path(__file__).with_name("page.css")
TITLE = "How good is it?"
JUDGE = "judge of "
"""Entries that begin so are names, not checksums."""


def page_of(report: Report) -> str:
    """HTML."""
    numbers = {name: number for number, name in enumerate(report.models)}
    protocols = list(dict.fromkeys(entry.protocol for entry in report.entries))
    sections = [
        section(protocol, [entry for entry in report.entries if entry.protocol == protocol], numbers)
        for protocol in protocols
    ]
    links = [*((name, heading(name, report.entries)) for name in protocols), ("made", "How it was made")]
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>mien: {TITLE}</title><style>{STYLE.read_text(encoding='utf-8')}</style></head><body>",
            top(report),
            navigation(links),
            "<main>",
            *sections,
            made(report),
            f"</main>{footer(report)}</body></html>\n",
        ]
    )


def top(report: Report) -> str:
    """What was judged, and the figures to remember."""
    sets = ", ".join(f"{name} ({count:,})" for name, count in report.sets.items())
    return (
        f'<header class="top"><h1>{TITLE}</h1>'
        f'<p class="lead">{words(report.models)} judged by mien on {escape(report.date)}, '
        f"on pictures of {escape(sets)}. "
        "Every model was given the same damage, byte for byte.</p>"
        f"{problems(report)}{figures_block(highlights(report))}</header>"
    )


def words(models: Sequence[str]) -> str:
    return ", ".join(f"<b>{escape(name)}</b>" for name in models) or "No model"


def problems(report: Report) -> str:
    return list_block((escape(problem) for problem in report.problems), "notes problem")


def navigation(links: Iterable[tuple[str, str]]) -> str:
    items = "".join(f'<li><a href="#{escape(name)}">{escape(words)}</a></li>' for name, words in links)
    return f"<nav><ul>{items}</ul></nav>"


def heading(protocol: str, entries: Sequence[Entry]) -> str:
    """Of the first part of a protocol, without what is the part's own."""
    titles = (entry.findings.title for entry in entries if entry.protocol == protocol)
    return next(titles).partition(",")[0]


def section(protocol: str, entries: Sequence[Entry], numbers: dict[str, int]) -> str:
    """All parts of one protocol."""
    about = PROTOCOLS[protocol].summary if protocol in PROTOCOLS else ""
    return "".join(
        [
            f'<section id="{escape(protocol)}"><h2>{escape(heading(protocol, entries))}</h2>',
            f'<p class="lead">{escape(about)}</p>',
            *(part(entry, numbers) for entry in entries),
            *(published_block(table) for table in PUBLISHED.get(protocol, ())),
            "</section>",
        ]
    )


def part(entry: Entry, numbers: dict[str, int]) -> str:
    """Scores first, then what explains them."""
    found = entry.findings
    settings = " · ".join(f"{escape(name)} <b>{escape(value)}</b>" for name, value in found.settings.items())
    return "".join(
        [
            f"<h3>{escape(entry.part)}</h3>",
            scores_block(found),
            list_block((escape(note) for note in found.notes), "notes"),
            charts_block(found.charts, numbers),
            differences_block(found.differences),
            strips_block(found.strips),
            f"<details><summary>How each number came about</summary>{measures_block(found)}"
            f'<p class="about">{settings} · took <b>{found.seconds:.0f} s</b></p></details>',
        ]
    )


def made(report: Report) -> str:
    """Checksums, what is not all of its folder, and what nobody used."""
    checksums = (
        f"{escape(name)}: <code>{escape(mark if name.startswith(JUDGE) else mark[:16])}</code>"
        for name, mark in report.checksums.items()
    )
    left = [f"not used: {escape(name)}" for name in report.unused]
    left += [escape(line) for line in report.skipped]
    skipped = f"<h3>Left out</h3>{list_block(left, 'notes')}" if left else ""
    part_of = [escape(line) for line in report.subsampled] or ["every part took all pictures of its folder"]
    return "".join(
        [
            '<section id="made"><h2>How it was made</h2>',
            "<h3>Weights (SHA-256) and judges</h3>",
            list_block(checksums, "notes"),
            "<h3>Pictures that are not all of their folder</h3>",
            list_block(part_of, "notes"),
            skipped,
            "</section>",
        ]
    )


def footer(report: Report) -> str:
    kept = sum(entry.was_kept for entry in report.entries)
    again = f", {kept} of {len(report.entries)} parts kept from an earlier run" if kept else ""
    total = sum(entry.findings.seconds for entry in report.entries)
    return (
        f"<footer>Made in {report.seconds / 60:.1f} min{again}; all parts took {total / 60:.1f} min. "
        "The numbers with their settings are in report.json and scores.csv beside this page.</footer>"
    )
