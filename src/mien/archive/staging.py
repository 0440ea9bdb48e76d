"""Results are written in a folder of their own and then renamed: all of a photo's files, and whole ones."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mien.archive.journal import digest
from mien.image.io import sync

FOLDER = ".mien-work"


@dataclass(frozen=True)
class Staged:
    """A photo's files, complete and on the disk, but not in their place."""

    folder: str
    target: str
    files: dict[str, str]
    """SHA-256 by name below `folder`, which is the name below the target's folder too."""


@contextmanager
def staging(target: Path, ticket: str) -> Iterator[Path]:
    """Where to write in place of `target`, on the same disk; it goes away if writing fails."""
    folder = Path(os.path.realpath(target)).parent / FOLDER / ticket
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    is_done = False
    try:
        yield folder / target.name
        is_done = True
    finally:
        if not is_done:
            shutil.rmtree(folder, ignore_errors=True)


def seal(staged: Path, target: Path) -> Staged:
    """Everything beside `staged` is complete: see that it stays so if the power fails."""
    files = [path for path in sorted(staged.parent.rglob("*")) if path.is_file()]
    for path in files:
        sync(path)
    names = {path.relative_to(staged.parent).as_posix(): digest(path) for path in files}
    return Staged(str(staged.parent), str(target), names)


def put_in_place(staged: Staged) -> None:
    """Rename each file, the result itself last; what links point to is replaced, not the links."""
    folder, target = Path(staged.folder), Path(staged.target)
    for name in sorted(staged.files, key=lambda name: (name == target.name, name)):
        place = Path(os.path.realpath(target.parent / name))
        place.parent.mkdir(parents=True, exist_ok=True)
        (folder / name).replace(place)
    sync(target.parent)
    shutil.rmtree(folder, ignore_errors=True)


def left_over(targets: Iterable[Path]) -> list[Path]:
    """Folders in which a run has written, or was killed while it did."""
    folders = {Path(os.path.realpath(target)).parent / FOLDER for target in targets}
    return sorted(folder for folder in folders if folder.is_dir())


def sweep(folders: Iterable[Path]) -> None:
    """Take away what was begun in them."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def as_named(text: str, ticket: str) -> str:
    """A message in which files have the names they would have got."""
    return text.replace(f"{os.sep}{FOLDER}{os.sep}{ticket}", "")
