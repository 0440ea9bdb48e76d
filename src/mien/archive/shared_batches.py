"""Faces of different photos in one batch: the network is always given as many as it likes best."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

import torch

from mien.archive.stages import Window, overlap
from mien.image.io import ImageError
from mien.types import Crop, Recoverer, Recovery

FAILURES = (ImageError, OSError, MemoryError, torch.cuda.OutOfMemoryError)
"""What one photo can bring about; anything else is a mistake of ours and ends the run."""


@runtime_checkable
class HasFaces(Protocol):
    """A photo, ready for the network."""

    @property
    def crops(self) -> tuple[Crop, ...]: ...

    @property
    def weight(self) -> int:
        """What it costs to keep waiting: pixels."""
        ...


P = TypeVar("P", bound=HasFaces)


@dataclass(frozen=True)
class Batching:
    """How faces are put together."""

    size: int
    """Faces to a batch."""
    num_at_once: int = 1
    """Batches that are worked on at a time."""
    pads: bool = False
    """Fill up a batch that would be smaller with copies of its last face. A processor whose results depend
    on the size of a batch (a GPU chooses its algorithm by it) then never sees another size."""
    most_waiting: Window = Window(64, 64_000_000)  # noqa: RUF009 (frozen)
    """Photos that may wait for a batch to fill, and their pixels."""


@dataclass(frozen=True)
class Served(Generic[P]):
    """A photo and what became of its faces."""

    photo: P
    recoveries: list[Recovery]
    seconds: float
    """Its share of the time that its batches took."""
    error: Exception | None = None


@dataclass(frozen=True)
class Answer:
    """What the network made of one face, or could not."""

    recovery: Recovery | None
    seconds: float
    error: Exception | None = None


def serve(photos: Iterable[P], model: Recoverer, batching: Batching, pool: Executor) -> Iterator[Served[P]]:
    """Every photo with its faces recovered, in order.

    The faces of a photo never depend on who shares their batch: models treat each face by itself, and where
    its size would matter all batches have one size.
    """
    waiting: deque[P] = deque()
    answers: deque[Answer] = deque()

    def work(crops: list[Crop]) -> list[Answer]:
        return answer(crops, model, batching)

    window = Window(batching.num_at_once + 1, 1)
    for made in overlap(gather(photos, waiting, batching), work, pool, window):
        answers.extend(made)
        while waiting and len(answers) >= len(waiting[0].crops):
            photo = waiting.popleft()
            yield served(photo, [answers.popleft() for _ in photo.crops])


def gather(photos: Iterable[P], waiting: deque[P], batching: Batching) -> Iterator[list[Crop]]:
    """Batches; each photo is put down as waiting before the batch with its last face comes.

    An empty batch says that a photo without faces waits: it must come out in its turn, too.
    """
    held: list[Crop] = []
    most = batching.most_waiting
    for photo in photos:
        waiting.append(photo)
        held.extend(photo.crops)
        while len(held) >= batching.size:
            yield held[: batching.size]
            held = held[batching.size :]
        is_crowded = len(waiting) >= most.num_items or sum(one.weight for one in waiting) >= most.weight
        if not held or is_crowded:
            yield held
            held = []
    if held:
        yield held


def answer(crops: list[Crop], model: Recoverer, batching: Batching) -> list[Answer]:
    """What the network makes of a batch; if it fails, of each face alone, so that only the guilty fail."""
    try:
        return recovered(crops, model, batching)
    except FAILURES as error:
        if len(crops) == 1:
            return [Answer(None, 0.0, error)]
    return [one for crop in crops for one in answer([crop], model, batching)]


@torch.no_grad()
def recovered(
    crops: list[Crop], model: Callable[[list[Crop]], list[Recovery]], batching: Batching
) -> list[Answer]:
    if not crops:
        return []
    num_more = batching.size - len(crops) if batching.pads else 0
    start = time.perf_counter()
    recoveries = model(crops + crops[-1:] * num_more)[: len(crops)]
    seconds = (time.perf_counter() - start) / len(crops)
    return [Answer(recovery, seconds) for recovery in recoveries]


def served(photo: P, answers: list[Answer]) -> Served[P]:
    """Answers put together again; of several errors the first."""
    recoveries = [one.recovery for one in answers if one.recovery is not None]
    error = next((one.error for one in answers if one.error is not None), None)
    return Served(photo, recoveries, sum((one.seconds for one in answers), 0.0), error)
