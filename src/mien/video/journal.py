"""What is done of a film, in a folder beside the result, so that a killed run goes on where it was.

A line is on the disk before the next is begun, a segment has its name only when it is whole; what a kill
leaves half written is made again. Everything that later work depends on is read back from here, also in a
run that nobody disturbs, so that both make the same film.
"""

import base64
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from mien.image.io import sync
from mien.types import Detection
from mien.video.cuts import SIDE, Glimpse
from mien.video.film import FilmError
from mien.video.track import Person, Sight

Told = TypeVar("Told")
SETTINGS, LOOKS, SEGMENTS = "settings.json", "looks.jsonl", "segments.jsonl"
OWN = (SETTINGS, LOOKS, SEGMENTS, "segment-*", "unfinished.*", "whole.*")
"""What may lie in the folder; one with anything else in it is somebody's own."""
END = "null"
"""The line after the last frame's."""
SECONDS_AT_RISK = 2.0
"""Lines that came within so long go to the disk together; a power cut may take them."""
PERSON_STEP = 1 / 127
"""People are kept in whole numbers of it."""


@dataclass(frozen=True)
class Look:
    """What was seen in one frame."""

    time: int
    duration: int
    glimpse: Glimpse
    sights: tuple[Sight, ...]


@dataclass(frozen=True)
class Sums:
    """What a segment tells of each track: how often it was shown, and its cosines."""

    shown: dict[int, int]
    cosines: dict[int, list[float]]


class Journal:
    """One folder; it is emptied when it is of another film, or was made with other settings."""

    def __init__(self, folder: Path, settings: str) -> None:
        self.folder = folder
        self._synced = time.monotonic()
        kept = folder / SETTINGS
        self.goes_on = kept.exists() and kept.read_bytes() == settings.encode()
        if not self.goes_on:
            folder.mkdir(parents=True, exist_ok=True)
            empty(folder)
            kept.write_bytes(settings.encode())
            sync(kept)
        for name in (LOOKS, SEGMENTS):
            drop_torn_line(folder / name)

    def note(self, look: Look) -> None:
        """The next frame's."""
        self._append(LOOKS, json.dumps(look_to_json(look)), urgent=False)

    def end_looks(self) -> None:
        """There are no more frames."""
        self._append(LOOKS, END, urgent=True)

    def looks(self) -> Iterator[Look]:
        """Those of all frames so far."""
        yield from self._read(LOOKS, look_from_json)

    @property
    def has_all_looks(self) -> bool:
        last = ""
        for line in lines(self.folder / LOOKS):
            last = line
        return last == END

    def segment(self, number: int, suffix: str) -> Path:
        """Where it is, or will be."""
        return self.folder / f"segment-{number:06d}{suffix}"

    def keep(self, written: Path, segment: Path, sums: Sums) -> None:
        """A segment that is whole."""
        sync(written)
        written.replace(segment)
        sync(self.folder)
        self._append(SEGMENTS, json.dumps(sums_to_json(sums)), urgent=True)

    def sums(self) -> list[Sums]:
        """Of the segments that are done, from the first on."""
        return [*self._read(SEGMENTS, sums_from_json)]

    def remove(self) -> None:
        shutil.rmtree(self.folder)

    def _read(self, name: str, read: Callable[..., Told]) -> Iterator[Told]:
        """What each line tells, but for the last one's `null`."""
        for number, line in enumerate(lines(self.folder / name), start=1):
            if line == END:
                continue
            try:
                told = read(json.loads(line))
            except (ValueError, TypeError, LookupError, RuntimeError) as error:  # the last is torch's
                raise FilmError(
                    f"line {number} of {self.folder / name} is damaged: without the folder "
                    f"{self.folder} work begins anew"
                ) from error
            yield told

    def _append(self, name: str, line: str, urgent: bool) -> None:
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            if urgent or time.monotonic() - self._synced > SECONDS_AT_RISK:
                os.fsync(file.fileno())
                self._synced = time.monotonic()


def empty(folder: Path) -> None:
    """Of what an earlier run left; the folder itself stays, as somebody may hold it."""
    files = sorted(folder.iterdir())
    for file in files:
        if file.is_dir() or not any(fnmatchcase(file.name, name) for name in OWN):
            raise FilmError(f"{folder} is in the way: {file.name} in it is not mien's")
    for file in files:
        file.unlink()


def lines(path: Path) -> Iterator[str]:
    if path.exists():
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                yield line.rstrip("\n")


def drop_torn_line(path: Path) -> None:
    """Of a file whose last line has no end."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        whole = end
        while whole > 0:
            start = max(0, whole - 65536)
            file.seek(start)
            place = file.read(whole - start).rfind(b"\n")
            if place >= 0:
                whole = start + place + 1
                break
            whole = start
        if whole < end:
            file.truncate(whole)


def look_to_json(look: Look) -> list[object]:
    faces = [
        [
            [*sight.detection.box.tolist(), *sight.detection.points.flatten().tolist()],
            sight.detection.score,
            None if sight.person is None else packed(sight.person),
        ]
        for sight in look.sights
    ]
    seen = base64.b64encode(look.glimpse.numpy().tobytes()).decode("ascii")
    return [look.time, look.duration, seen, faces]


def look_from_json(told: list) -> Look:
    moment, duration, seen, faces = told
    glimpse = torch.frombuffer(bytearray(unlettered(seen)), dtype=torch.uint8).reshape(3, SIDE, SIDE)
    sights = []
    for place, score, person in faces:
        numbers = torch.tensor(place, dtype=torch.float32)
        face = Detection(numbers[:4], numbers[4:].reshape(5, 2), score)
        sights.append(Sight(face, None if person is None else unpacked(person)))
    return Look(moment, duration, glimpse, tuple(sights))


def sums_to_json(sums: Sums) -> dict[str, object]:
    return {"shown": [*sums.shown.items()], "cosines": [*sums.cosines.items()]}


def sums_from_json(told: dict) -> Sums:
    return Sums(dict(told["shown"]), dict(told["cosines"]))


def packed(person: Person) -> str:
    whole = (person / PERSON_STEP).round().clamp(-127, 127).to(torch.int8)
    return base64.b64encode(whole.numpy().tobytes()).decode("ascii")


def unpacked(text: str) -> Float[Tensor, " features"]:
    whole = torch.frombuffer(bytearray(unlettered(text)), dtype=torch.int8)
    return torch.nn.functional.normalize(whole.float(), dim=0)


def unlettered(text: str) -> bytes:
    """Letters that are none of base64's are an error."""
    return base64.b64decode(text, validate=True)
