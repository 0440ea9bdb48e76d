"""What a person sees while a command works: a bar on a terminal, plain lines elsewhere.

All of it goes to standard error, since standard output may carry a picture or JSON.
"""

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from mien.cli.arguments import EXIT_DONE, EXIT_FAILED
from mien.cli.inputs import Problem

if TYPE_CHECKING:
    from rich.progress import Progress

NAME_WIDTH = 40
"""Of a long name a bar shows the end, which says most."""


class Show:
    """Tells how far a command is, and remembers whether anything failed."""

    def __init__(self, num_steps: int) -> None:
        self._num_steps = num_steps
        self._bar: Progress | None = None
        self.num_done = 0
        self.num_failed = 0

    def __enter__(self) -> "Show":
        if sys.stderr.isatty() and self._num_steps > 1:
            self._bar = make_bar()
            self._bar.add_task("", total=self._num_steps)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    @property
    def status(self) -> int:
        """The command's exit status."""
        return EXIT_FAILED if self.num_failed else EXIT_DONE

    def begin(self, name: str) -> None:
        """Work on this has begun."""
        if self._bar is not None:
            shown = name if len(name) <= NAME_WIDTH else f"…{name[1 - NAME_WIDTH :]}"
            self._bar.update(self._bar.task_ids[0], description=shown)

    def say(self, line: str) -> None:
        """Something a person should know, on a terminal too."""
        if self._bar is None:
            print(line, file=sys.stderr)
        else:
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def done(self, line: str) -> None:
        """A step is done; on a terminal the bar says enough."""
        self.num_done += 1
        if self._bar is None:
            print(line, file=sys.stderr)
        self.advance()

    def fail(self, problem: Problem) -> None:
        """Something is not to be had; the rest goes on."""
        self.num_failed += 1
        self.say(f"{problem.name}: error: {problem.reason}")

    def advance(self) -> None:
        """One step further, well or not."""
        if self._bar is not None:
            self._bar.advance(self._bar.task_ids[0])


def make_bar() -> "Progress":
    """A bar with a count, the time left, and what is worked on."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        BarColumn(24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
        console=Console(stderr=True),
        redirect_stdout=False,  # rich would send what is printed to standard error
        redirect_stderr=False,
    )
