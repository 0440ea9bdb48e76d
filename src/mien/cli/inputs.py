"""Which pictures, or films, an INPUT stands for: files, folders, patterns, and standard input."""

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from mien.cli.arguments import READABLE, UsageError

STANDARD = "-"
"""As a file's name: standard input, or standard output where something is written."""


@dataclass(frozen=True)
class Kind:
    """What folders and patterns are searched for."""

    name: str
    suffixes: tuple[str, ...]

    def fits(self, path: Path) -> bool:
        """By its name."""
        return path.suffix.lower() in self.suffixes and path.is_file()


PICTURE = Kind("picture", READABLE)


@dataclass(frozen=True)
class Input:
    """A picture to work on."""

    path: Path | None
    """None is standard input."""
    place: Path
    """Where it belongs below a folder of results; a folder's tree is kept."""

    @property
    def name(self) -> str:
        """As messages call it."""
        return "standard input" if self.path is None else one_line(str(self.path))


@dataclass(frozen=True)
class Problem:
    """Something that was asked for and cannot be had."""

    name: str
    reason: str

    def as_json(self) -> dict[str, str]:
        """As reports say it."""
        return {"input": self.name, "error": self.reason}


@dataclass(frozen=True)
class Found:
    """What all INPUTs together stand for."""

    inputs: tuple[Input, ...]
    problems: tuple[Problem, ...]


def collect(words: list[str], results: Path | None = None, kind: Kind = PICTURE) -> Found:
    """The pictures, in the order of the words and sorted within a folder, each once.

    `results` is where results go: when it lies in a folder that is searched, what an earlier run
    left there is not taken for an input.
    """
    if words.count(STANDARD) > 1:
        raise UsageError("standard input can be read only once")
    found: dict[tuple[Path | None, Path], Input] = {}
    problems: list[Problem] = []
    for word in words:
        for item in expand(word, results, kind):
            if isinstance(item, Problem):
                problems.append(item)
            else:
                real = None if item.path is None else item.path.resolve()
                found.setdefault((real, item.place), item)
    return Found(tuple(found.values()), tuple(problems))


def expand(word: str, results: Path | None, kind: Kind) -> Iterator[Input | Problem]:
    """What one INPUT stands for."""
    path = Path(word)
    if word == STANDARD:
        yield Input(None, Path("stdin"))
    elif path.is_dir():
        yield from search(path, results, kind)
    elif path.is_file():
        yield Input(path, Path(path.name))
    elif path.exists():
        yield Problem(one_line(word), "is neither a file nor a folder (a pipe can be read as -)")
    elif glob.has_magic(word):
        yield from match(word, results, kind)
    elif os.path.lexists(path):
        yield Problem(one_line(word), "is a link to nothing")
    else:
        yield Problem(one_line(word), "no such file or folder")


def search(folder: Path, results: Path | None, kind: Kind) -> Iterator[Input | Problem]:
    """All of a kind below a folder."""
    found = list(walk(folder, results, kind))
    if not found:
        yield Problem(one_line(str(folder)), f"there are no {kind.name}s in this folder")
    yield from found


def walk(folder: Path, results: Path | None, kind: Kind) -> Iterator[Input | Problem]:
    """All of a kind below a folder; hidden names and everything else are passed over.

    Links are followed, but no folder is entered twice, so that one which holds itself comes to an end.
    """
    entered = {results.resolve()} if results is not None else set()
    entered.discard(folder.resolve())
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        if here.resolve() in entered:
            continue
        entered.add(here.resolve())
        try:
            entries = sorted(entry for entry in here.iterdir() if not entry.name.startswith("."))
        except OSError as error:
            yield Problem(one_line(str(here)), reason(error))
            continue
        yield from (Input(entry, entry.relative_to(folder)) for entry in entries if kind.fits(entry))
        waiting.extend(entry for entry in reversed(entries) if entry.is_dir())


def match(pattern: str, results: Path | None, kind: Kind) -> Iterator[Input | Problem]:
    """What a pattern fits that the shell left alone: files of a kind, and folders of them."""
    fixed, changing = split_pattern(pattern)
    found: list[Input | Problem] = []
    if "**" in changing:
        # not glob: it would follow a folder that links to itself, again and again
        for item in walk(fixed, results, kind):
            if isinstance(item, Problem) or fits(item.place.parts, changing):
                found.append(item)
    else:
        for path in map(Path, sorted(glob.glob(pattern))):  # noqa: PTH207 (Path.glob takes no absolute pattern)
            if kind.fits(path):
                found.append(Input(path, path.relative_to(fixed)))
            elif path.is_dir():
                found.extend(search(path, results, kind))
    if not found:
        yield Problem(one_line(pattern), f"no {kind.name} fits this pattern")
    yield from found


def split_pattern(pattern: str) -> tuple[Path, tuple[str, ...]]:
    """The folder that a pattern starts in, below which what fits keeps its place; and the rest."""
    parts = Path(pattern).parts
    fixed = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:fixed]), parts[fixed:]


def fits(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether a path fits a pattern, `**` standing for any number of folders."""
    if not parts or not pattern:
        return parts == pattern or pattern == ("**",)
    if pattern[0] == "**":
        return fits(parts, pattern[1:]) or fits(parts[1:], pattern)
    return fnmatchcase(parts[0], pattern[0]) and fits(parts[1:], pattern[1:])


def reason(error: OSError) -> str:
    """An error of the system in a few words, without the file's name."""
    return (error.strerror or str(error)).lower()


def one_line(text: str) -> str:
    """A file's name as it may be shown: whatever would break the line or the terminal is escaped."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
