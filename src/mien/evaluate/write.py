"""A report to a folder: a page, JSON and CSV."""

import json
from pathlib import Path

from mien.evaluate.page import page_of
from mien.evaluate.report import Report
from mien.evaluate.tables import as_csv, as_json
from mien.image.io import write_bytes

PAGE, NUMBERS, LINES = "index.html", "report.json", "scores.csv"


def write_report(folder: Path, report: Report) -> Path:
    """The page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / NUMBERS, (json.dumps(as_json(report), indent=1, allow_nan=False) + "\n").encode())
    write_bytes(folder / LINES, as_csv(report).encode())
    write_bytes(folder / PAGE, page_of(report).encode())
    return folder / PAGE
