"""Stages that overlap: each works ahead of the next, in threads, as far as its window lets it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Window:
    """How far a stage may be ahead: so many items, and no more weight than this unless one alone has it."""

    num_items: int
    weight: int

    def __post_init__(self) -> None:
        if self.num_items < 1:
            raise ValueError(f"a window holds at least one item, got {self.num_items}")


def weightless(item: object) -> int:
    """For items that are all small."""
    return 0


def overlap(
    items: Iterable[T],
    work: Callable[[T], R],
    pool: Executor,
    window: Window,
    weigh: Callable[[T], int] = weightless,
) -> Iterator[R]:
    """What `work` makes of each item, in their order; the pool works on those to come meanwhile.

    Nothing is drawn from `items` beyond the window, so stages on end hold only what their windows hold.
    """
    waiting: deque[tuple[Future[R], int]] = deque()
    total = 0
    for item in items:
        weight = weigh(item)
        while waiting and (len(waiting) >= window.num_items or total + weight > window.weight):
            future, done = waiting.popleft()
            total -= done
            yield future.result()
        waiting.append((pool.submit(work, item), weight))
        total += weight
        del item
    while waiting:
        yield waiting.popleft()[0].result()


@contextmanager
def crew(num_workers: int, num_torch_threads: int) -> Iterator[ThreadPoolExecutor]:
    """Threads for a stage; when it ends early, what has not begun is left undone."""
    pool = ThreadPoolExecutor(num_workers, initializer=torch.set_num_threads, initargs=(num_torch_threads,))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """So many threads inside each operation of torch, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
