"""The log of a training: JSON lines in a file, progress on the terminal or as plain lines."""

import json
import logging
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from mien.train.files import replaced

logger = logging.getLogger(__name__)


class NotFiniteError(RuntimeError):
    """A loss became NaN or infinite; nothing after it is worth keeping."""


class Window:
    """The terms since the last line of the log, left on the device until somebody reads them."""

    def __init__(self) -> None:
        self._seen: list[tuple[int, str, Tensor]] = []

    def add(self, step: int, player: str, terms: Mapping[str, Tensor]) -> None:
        """Note a player's terms; no waiting for the device."""
        self._seen.extend((step, f"{player}/{name}", term) for name, term in terms.items())

    def read(self, over_processes: Callable[[Tensor], Tensor]) -> dict[str, float]:
        """The mean of each term since the last reading."""
        seen, self._seen = self._seen, []
        if not seen:
            return {}
        values = over_processes(torch.stack([term.float() for _, _, term in seen])).tolist()
        gathered: dict[str, list[float]] = {}
        for (step, name, _), value in zip(seen, values, strict=True):
            if not abs(value) < float("inf"):
                raise NotFiniteError(f"step {step}: {name} is {value}")
            gathered.setdefault(name, []).append(value)
        return {name: sum(values) / len(values) for name, values in gathered.items()}


class Journal:
    """Writes the log of a run; in all processes but the first it stays silent."""

    def __init__(self, folder: Path, first_step: int, num_steps: int, speaks: bool) -> None:
        self.path = folder / "log.jsonl"
        self._speaks = speaks
        self._num_steps = num_steps
        self._first_step = first_step
        self._progress: Progress | None = None

    def __enter__(self) -> "Journal":
        if self._speaks:
            forget_after(self.path, self._first_step)
            self._file = self.path.open("a", encoding="utf-8")
            if sys.stderr.isatty():
                self._progress = _progress_bar()
                self._bar = self._progress.add_task("", total=self._num_steps, completed=self._first_step)
                self._progress.start()
        self._since = time.perf_counter()
        self._started = self._since
        self._items = 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
        if self._speaks:
            self._file.close()

    def count(self, num_items: int) -> None:
        """Note items trained on, for the speed."""
        self._items += num_items

    def write_terms(self, step: int, rates: Mapping[str, float], terms: Mapping[str, float]) -> None:
        """A line on the window that ends with `step`."""
        now = time.perf_counter()
        speed = self._items / max(now - self._since, 1e-9)
        line = {"step": step, "seconds": round(now - self._started, 3), "items_per_second": round(speed, 3)}
        self._write({**line, "rates": dict(rates), "terms": dict(terms)})
        self._show(step, f"{speed:.1f} items/s  {_figures(terms)}")
        self.resume_clock()

    def write_validation(self, step: int, figures: Mapping[str, float]) -> None:
        """A line on what the judge says."""
        self._write({"step": step, "validation": dict(figures)})
        self._show(step, f"validation: {_figures(figures)}")

    def resume_clock(self) -> None:
        """Count speed from here: validation and saving are not training."""
        self._since = time.perf_counter()
        self._items = 0

    def _write(self, line: Mapping[str, object]) -> None:
        if self._speaks:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()

    def _show(self, step: int, text: str) -> None:
        if self._progress is not None:
            self._progress.update(self._bar, completed=step, description=text)
        elif self._speaks:
            logger.info("step %d/%d  %s", step, self._num_steps, text)


def read_log(path: Path) -> list[dict]:
    """The lines of a log; the last one may have been cut by a kill and then is left out."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def forget_after(path: Path, step: int) -> None:
    """Drop the lines later than the checkpoint that a run goes on from: it will write them again."""
    kept = [line for line in read_log(path) if line["step"] <= step]
    with replaced(path) as file:
        file.write("".join(json.dumps(line) + "\n" for line in kept).encode())


def _progress_bar() -> Progress:
    columns = (BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=Console(stderr=True))


def _figures(values: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in values.items())
