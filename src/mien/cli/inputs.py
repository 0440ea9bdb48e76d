"""Which pictures, or films, an INPUT stands for: files, folders, patterns, and standard input."""

import glob
import os
import re
from collections.abc import Iterator, Mapping
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

    def is_named(self, path: Path) -> bool:
        """Whether a file or a pattern has a suffix of the kind."""
        return path.suffix.lower() in self.suffixes

    def fits(self, path: Path) -> bool:
        """Whether it is a file of that name."""
        return self.is_named(path) and path.is_file()


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


ByKind = Mapping[Kind, tuple[Input | Problem, ...]]
"""What there is of each kind, or what is wrong."""


@dataclass(frozen=True)
class Found:
    """What all INPUTs together stand for."""

    inputs: tuple[Input, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Word:
    """An INPUT as it was given, and what of each kind it stands for."""

    text: str
    found: ByKind

    @property
    def is_search(self) -> bool:
        """Whether it names a folder or a pattern, and not a file."""
        path = Path(self.text)
        return self.text != STANDARD and (path.is_dir() or (not path.exists() and glob.has_magic(self.text)))

    def files(self, kind: Kind) -> list[Path]:
        """Those of a kind that it stands for."""
        found = (item for item in self.found[kind] if isinstance(item, Input))
        return [item.path for item in found if item.path is not None]


def collect(words: list[str], results: Path | None = None) -> Found:
    """The pictures, in the order of the words and sorted within a folder, each once.

    `results` is where results go: when it lies in a folder that is searched, what an earlier run
    left there is not taken for an input.
    """
    return gather(look_up(words, results, (PICTURE,)), PICTURE)


def look_up(words: list[str], results: Path | None, kinds: tuple[Kind, ...]) -> list[Word]:
    """What each word stands for; folders are walked once for all kinds. `results` as for `collect`."""
    if words.count(STANDARD) > 1:
        raise UsageError("standard input can be read only once")
    return [Word(word, expand(word, results, kinds)) for word in words]


def gather(words: list[Word], kind: Kind) -> Found:
    """All that the words stand for of a kind, each once."""
    found: dict[tuple[Path | None, Path], Input] = {}
    problems: list[Problem] = []
    for word in words:
        for item in word.found[kind]:
            if isinstance(item, Problem):
                problems.append(item)
            else:
                real = None if item.path is None else item.path.resolve()
                found.setdefault((real, item.place), item)
    return Found(tuple(found.values()), tuple(problems))


def expand(word: str, results: Path | None, kinds: tuple[Kind, ...]) -> ByKind:
    """What one INPUT stands for; a file is taken for whatever kind is asked for."""
    path = Path(word)
    if word != STANDARD and path.is_dir():
        return search(path, results, kinds)
    if word != STANDARD and not path.exists() and glob.has_magic(word):
        return match(word, results, kinds)
    return dict.fromkeys(kinds, (one_file(word),))


def one_file(word: str) -> Input | Problem:
    """What is neither a folder nor a pattern."""
    path = Path(word)
    if word == STANDARD:
        return Input(None, Path("stdin"))
    if path.is_file():
        return Input(path, Path(path.name))
    if path.exists():
        return Problem(one_line(word), "is neither a file nor a folder (a pipe can be read as -)")
    if os.path.lexists(path):
        return Problem(one_line(word), "is a link to nothing")
    return Problem(one_line(word), "no such file or folder")


def search(folder: Path, results: Path | None, kinds: tuple[Kind, ...]) -> ByKind:
    """All below a folder."""
    found = list(walk(folder, results, kinds))
    return or_problem(by_kind(found, kinds), str(folder), "there are no {}s in this folder")


def by_kind(found: list[Input | Problem], kinds: tuple[Kind, ...]) -> ByKind:
    """What cannot be read counts for each kind."""
    return {
        kind: tuple(item for item in found if isinstance(item, Problem) or kind.is_named(item.place))
        for kind in kinds
    }


def or_problem(found: ByKind, word: str, nothing: str) -> ByKind:
    """Where there is nothing of a kind, that is a problem."""
    return {
        kind: items or (Problem(one_line(word), nothing.format(kind.name)),) for kind, items in found.items()
    }


def walk(folder: Path, results: Path | None, kinds: tuple[Kind, ...]) -> Iterator[Input | Problem]:
    """All of some kinds below a folder; hidden names and everything else are passed over.

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
        for entry in entries:
            if any(kind.fits(entry) for kind in kinds):
                yield Input(entry, entry.relative_to(folder))
        waiting.extend(entry for entry in reversed(entries) if entry.is_dir())


def match(pattern: str, results: Path | None, kinds: tuple[Kind, ...]) -> ByKind:
    """What a pattern fits that the shell left alone: files, and folders of them."""
    fixed, changing = split_pattern(pattern)
    if "**" in changing:
        # not glob: it would follow a folder that links to itself, again and again
        found = walk(fixed, results, kinds)
        groups = [
            by_kind([item], kinds)
            for item in found
            if isinstance(item, Problem) or fits(item.place.parts, changing)
        ]
    else:
        paths = map(Path, sorted(glob.glob(pattern)))  # noqa: PTH207 (Path.glob takes no absolute pattern)
        groups = [
            search(path, results, kinds)
            if path.is_dir()
            else by_kind([Input(path, path.relative_to(fixed))] if path.is_file() else [], kinds)
            for path in paths
        ]
    merged = {kind: tuple(item for group in groups for item in group[kind]) for kind in kinds}
    return or_problem(merged, pattern, "no {} fits this pattern")


def split_pattern(pattern: str) -> tuple[Path, tuple[str, ...]]:
    """The folder that a pattern starts in, below which what fits keeps its place; and the rest."""
    parts = Path(pattern).parts
    names = [*map(literal, parts)]
    num_fixed = names.index(None) if None in names else len(names) - 1
    return Path(*filter(None, names[:num_fixed])), parts[num_fixed:]


def literal(part: str) -> str | None:
    """The one name that a part of a pattern fits, where nothing in it or all is escaped, as in [[]1950]."""
    name = re.sub(r"\[([*?[])\]", r"\1", part)
    return name if glob.escape(name) == part else None


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
