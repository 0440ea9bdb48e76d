"""How a result stands that may have been made before: by the journal, and by what is on the disk."""

from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path

from mien.archive.journal import Entry, digest


class Standing(Enum):
    """What to do about a photo follows from it."""

    OPEN = "yet to be made"
    """Or begun by an earlier run, whose pieces may be replaced."""
    DONE = "made before"
    CHANGED = "made from another picture or with other settings"
    FOREIGN = "made by somebody else, or changed since"


def standing(
    entry: Entry | None, folder: Path, source: Path, target: Path, written: Sequence[Path], settings: str
) -> Standing:
    """`written` are the files and folders that the result consists of, `target` first."""
    present = [file for path in written for file in files_of(path)]
    if entry is None:
        return Standing.FOREIGN if present else Standing.OPEN
    known = {folder / name: content for name, content in entry.files.items()}
    is_asked_for = entry.settings == settings and digest(source) in sources_of(entry, known, source, target)
    if is_asked_for and all(path.is_file() and digest(path) == content for path, content in known.items()):
        return Standing.DONE
    if not present:
        return Standing.OPEN
    if any(digest(file) != known.get(file) for file in present):
        return Standing.FOREIGN
    return Standing.OPEN if is_asked_for else Standing.CHANGED


def sources_of(entry: Entry, known: dict[Path, str], source: Path, target: Path) -> set[str]:
    """What the picture may contain if the result is of it: a picture replaced by its result is the result."""
    is_same = target.exists() and source.exists() and target.samefile(source)
    return {entry.source, known.get(target, entry.source)} if is_same else {entry.source}


def files_of(path: Path) -> Iterator[Path]:
    """Itself, or all files in it; nothing where there is nothing."""
    if path.is_dir():
        yield from (file for file in sorted(path.rglob("*")) if file.is_file())
    elif path.exists():
        yield path
