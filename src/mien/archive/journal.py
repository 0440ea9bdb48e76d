"""What was made of which picture: a file of JSON lines in the folder of results, each written before its
result comes to its place, so that whoever ends a run at whatever moment loses no more than what was at work.
"""

import hashlib
import json
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

NAME = ".mien-journal.jsonl"
Json = Mapping[str, object]


class JournalError(ValueError):
    """A journal that cannot be kept; one line that says why."""


@dataclass(frozen=True)
class Entry:
    """A result, by the hashes of everything it was made of and of everything it is."""

    target: str
    """The result below the folder, with slashes."""
    source: str
    """SHA-256 of the picture."""
    settings: str
    """Of all that results depend on beside it: options, weights, version."""
    files: Mapping[str, str]
    """SHA-256 of the result and of all that lies beside it, by their names below the folder."""
    report: Json | None
    """What the report says of it, if one was wanted."""


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_json(value: object) -> str:
    """SHA-256 of a value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def read_journal(folder: Path) -> dict[str, Entry]:
    """The last word on each result, by its name below the folder; nothing where there is no journal."""
    path = folder / NAME
    if not path.is_file():
        return {}
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise JournalError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    entries = [entry_of(line) for line in lines]
    return {entry.target: entry for entry in entries if entry is not None}


def entry_of(line: bytes) -> Entry | None:
    """None for other lines, and for one that a kill cut off."""
    try:
        value = json.loads(line)["done"]
        return Entry(**value)
    except (ValueError, KeyError, TypeError):
        return None


class Journal:
    """A journal to write to; of two runs into one folder the second is refused."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None

    def __enter__(self) -> "Journal":
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = (self.folder / NAME).open("ab", buffering=0)
            is_alone = lock(self._file.fileno())
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise JournalError(f"{self.folder / NAME}: cannot be written ({reason})") from error
        if not is_alone:
            self._file.close()
            raise JournalError(f"another run is at work on {self.folder}")
        with (self.folder / NAME).open("rb") as file:
            content = file.seek(0, os.SEEK_END)
            file.seek(max(0, content - 1))
            is_cut_off = file.read(1) not in (b"", b"\n")
        if is_cut_off:
            self._file.write(b"\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def begin(self, settings: str, what: Json) -> None:
        """Results with these settings follow; what they stand for, for people."""
        self._append({"run": {"settings": settings, **what}})

    def done(self, entry: Entry) -> None:
        """This result is made, and may come to its place."""
        self._append({"done": asdict(entry)})

    def failed(self, target: str, error: str) -> None:
        """This one is not; the next run tries again."""
        self._append({"failed": {"target": target, "error": error}})

    def _append(self, value: Json) -> None:
        """One write, which is on the disk when this returns."""
        line = json.dumps(value, allow_nan=False).encode() + b"\n"
        with self._lock:
            if self._file is None:
                raise ValueError("this journal is not open")
            try:
                num_written = self._file.write(line)
                os.fsync(self._file.fileno())
            except OSError as error:
                raise JournalError(
                    f"{self.folder / NAME}: {(error.strerror or str(error)).lower()}"
                ) from error
        if num_written != len(line):
            raise JournalError(f"{self.folder / NAME}: no space left on device")


def lock(descriptor: int) -> bool:
    """Whether a file or folder is ours alone from now on, until it is closed or the process ends, however."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
