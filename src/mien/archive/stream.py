"""Thousands of photos, from file to file: read and looked at, through the network together, finished."""

import os
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import torch

from mien.archive.shared_batches import FAILURES, Batching, HasFaces, Served, serve
from mien.archive.stages import Window, crew, overlap, torch_threads
from mien.image.io import ImageError
from mien.types import Crop, Recoverer, Recovery

MOST_WORKERS = 8
"""By default: beyond that, threads of Python wait for each other more than they help."""
PIXELS_AHEAD = 32_000_000
"""In photos that are read and not yet asked for; a photo larger than that is alone."""

Task = TypeVar("Task")
Begun = TypeVar("Begun", bound=HasFaces)
Made = TypeVar("Made")


@dataclass(frozen=True)
class Steps(Generic[Task, Begun, Made]):
    """What is done to each photo, before and after the network; from any thread."""

    weigh: Callable[[Task], int]
    """Pixels of a photo that is yet to be read."""
    begin: Callable[[Task], Begun]
    model: Recoverer
    end: Callable[[Begun, list[Recovery], float], Made]
    """Of a photo, what became of its faces, and the seconds that took."""


@dataclass(frozen=True)
class Failed:
    """A photo that could not be done."""

    error: Exception


@dataclass(frozen=True)
class Opened(Generic[Begun]):
    """A photo that was begun, or why it was not."""

    photo: Begun | None
    error: Exception | None = None

    @property
    def crops(self) -> tuple[Crop, ...]:
        return () if self.photo is None else self.photo.crops

    @property
    def weight(self) -> int:
        return 0 if self.photo is None else self.photo.weight


def default_workers() -> int:
    """One for each processor that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return min(MOST_WORKERS, len(os.sched_getaffinity(0)))
    return min(MOST_WORKERS, os.cpu_count() or 1)


def recover_stream(
    tasks: Iterable[Task], steps: Steps[Task, Begun, Made], num_workers: int, batching: Batching
) -> Generator[Made | Failed, None, None]:
    """What was made of each task, in their order; memory does not grow with their number.

    So many workers begin photos and end them, while batches go through the network. Each computes with its
    share of torch's threads.
    """
    num_threads = max(1, torch.get_num_threads() // num_workers)
    ahead = Window(max(2 * num_workers, num_workers + batching.size), PIXELS_AHEAD)
    behind = Window(2 * num_workers, PIXELS_AHEAD)
    with (
        torch_threads(num_threads),
        crew(num_workers, num_threads) as workers,
        crew(batching.num_at_once, num_threads) as network,
    ):
        opened = overlap(tasks, partial(begin, steps.begin), workers, ahead, steps.weigh)
        through = serve(opened, steps.model, batching, network)
        yield from overlap(through, partial(end, steps.end), workers, behind, weight_of)


@torch.no_grad()
def begin(work: Callable[[Task], Begun], task: Task) -> Opened[Begun]:
    """A photo read and looked at."""
    try:
        return Opened(work(task))
    except FAILURES as error:
        return Opened(None, error)


@torch.no_grad()
def end(work: Callable[[Begun, list[Recovery], float], Made], served: Served[Opened[Begun]]) -> Made | Failed:
    """A photo finished."""
    photo = served.photo.photo
    error = served.photo.error or served.error
    if photo is None or error is not None:
        return Failed(error or ImageError("nothing was read"))
    try:
        return work(photo, served.recoveries, served.seconds)
    except FAILURES as error:
        return Failed(error)


def weight_of(served: Served[Opened[Begun]]) -> int:
    """Of a photo on its way out."""
    return served.photo.weight
