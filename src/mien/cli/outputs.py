"""Where results go: one file, a folder that keeps the inputs' tree, or standard output."""

import json
import shutil
import sys
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO

from mien.cli.arguments import READABLE, WRITABLE, OutputError, UsageError
from mien.cli.inputs import STANDARD, Found, Input, Problem, one_line, reason

OUTPUT_HELP = """
OUT is a file where one file goes in and OUT has the suffix of a picture (.png .jpg .webp .tif);
else it is a folder, made where it is missing. There a picture keeps its name, and its suffix
where mien can write it (else .png); - is standard output.
"""


@dataclass(frozen=True)
class Job:
    """A picture and where its result goes."""

    source: Input
    target: Path | None
    """None is standard output."""
    endings: tuple[str, ...] = ()
    """What is written beside the result: photo.jpg with `compare.png` has photo_compare.png."""

    @property
    def name(self) -> str:
        """As messages call it."""
        return self.source.name

    @property
    def target_name(self) -> str:
        """The result, as messages call it."""
        return "standard output" if self.target is None else one_line(str(self.target))

    @property
    def written(self) -> tuple[Path, ...]:
        """All files and folders that come to be."""
        if self.target is None:
            return ()
        return (self.target, *(beside(self.target, ending) for ending in self.endings))


def beside(target: Path, ending: str) -> Path:
    """A file or folder next to a result."""
    return target.with_name(f"{target.stem}_{ending}")


def plan(
    words: list[str], found: Found, out: str, suffix: str | None = None, beside: tuple[str, ...] = ()
) -> tuple[Job, ...]:
    """A target for each input, none twice.

    `suffix` is for all results in a folder, else each keeps its own; `beside` names what is written
    next to each result.
    """
    if out == STANDARD:
        if len(found.inputs) > 1:
            raise UsageError("standard output takes one picture only")
        if beside:
            raise UsageError("there is no place beside standard output: name a file or folder with -o")
        return tuple(Job(source, None) for source in found.inputs)
    folder = Path(out)
    if names_one_picture(words, folder):
        return tuple(Job(source, folder, beside) for source in found.inputs)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{one_line(out)} is a file, and the results need a folder")
    jobs = tuple(Job(source, folder / renamed(source, suffix), beside) for source in found.inputs)
    refuse_clashes(jobs)
    return jobs


def names_one_picture(words: list[str], out: Path) -> bool:
    """Whether OUT is a file and not a folder."""
    suffix = out.suffix.lower()
    if out.is_dir() or suffix not in (*READABLE, *WRITABLE):
        return False
    if len(words) > 1 or Path(words[0]).is_dir():
        raise UsageError(
            f"{one_line(str(out))} is one picture, and what goes in may be several: name a folder"
        )
    if suffix not in WRITABLE:
        raise UsageError(f"{suffix} cannot be written; {' '.join(WRITABLE)} can")
    return True


def renamed(source: Input, suffix: str | None) -> Path:
    """The input's place, with a suffix that can be written."""
    if suffix is None:
        suffix = source.place.suffix if source.place.suffix.lower() in WRITABLE else ".png"
    return source.place.with_suffix(suffix)


def refuse_clashes(jobs: Sequence[Job]) -> None:
    """No result may overwrite another of the same run, nor what lies beside it."""
    owners: dict[Path, Job] = {}
    for job in jobs:
        for path in job.written:
            other = owners.setdefault(path, job)
            if other is not job:
                raise UsageError(
                    f"{other.source.name} and {job.source.name} would both write {one_line(str(path))}: "
                    "work on them one after the other, into different folders"
                )


def refusal(job: Job, overwrite: bool) -> Problem | None:
    """Why a result must not be written, if so."""
    present = [path for path in job.written if path.exists()]
    if overwrite or not present:
        return None
    same = job.source.path is not None and present[0].samefile(job.source.path)
    what = "is the input itself" if same else "exists already"
    return Problem(job.source.name, f"{one_line(str(present[0]))} {what}; --overwrite replaces it")


@contextmanager
def all_or_nothing(job: Job) -> Iterator[None]:
    """What a job began to write goes away again if it does not come to its end."""
    new = [path for path in job.written if not path.exists()]
    is_done = False
    try:
        yield
        is_done = True
    finally:
        for path in () if is_done else new:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def allow(
    jobs: Sequence[Job], overwrite: bool, known: Container[Path | None] = ()
) -> tuple[list[Job], list[Problem]]:
    """The jobs whose results may be written, and what is wrong with the others; results that are `known`
    are looked at later."""
    refusals = [(job, None if job.target in known else refusal(job, overwrite)) for job in jobs]
    allowed = [job for job, problem in refusals if problem is None]
    return allowed, [problem for _, problem in refusals if problem is not None]


class TextOutput:
    """Lines that go out as they come: to a file, to standard output, or nowhere."""

    def __init__(self, file: str | None, found: Found) -> None:
        self._name = "standard output" if file == STANDARD else one_line(file or "")
        self._stream: TextIO | None = None
        self._opened: TextIO | None = None
        if file == STANDARD:
            self._stream = sys.stdout
        elif file is not None:
            if any(source.path is not None and is_same(Path(file), source.path) for source in found.inputs):
                raise UsageError(f"{self._name} is one of the inputs")
            try:
                self._opened = Path(file).open("w", encoding="utf-8")  # noqa: SIM115 (closed by __exit__)
            except OSError as error:
                raise UsageError(f"cannot write {self._name}: {reason(error)}") from error
            self._stream = self._opened

    def __enter__(self) -> "TextOutput":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            with suppress(OSError):  # all was flushed; a line that failed is only tried again
                self._opened.close()

    @property
    def is_wanted(self) -> bool:
        """Whether anybody reads what is written."""
        return self._stream is not None

    def write(self, value: object, indent: int | None = None) -> None:
        """One value as JSON: a line, or several where there is an indent."""
        if self._stream is None:
            return
        try:
            self._stream.write(json.dumps(value, indent=indent, allow_nan=False) + "\n")
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"cannot write {self._name}: {reason(error)}") from error


def is_same(first: Path, second: Path) -> bool:
    """Whether both names lead to one file that is there."""
    return first.exists() and second.exists() and first.samefile(second)
