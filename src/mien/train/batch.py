"""Batches on their way from the loader threads to the device."""

import dataclasses
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

import torch
from torch import Tensor

from mien.train.player import Batch

Part = TypeVar("Part")


def mapped(batch: Part, change: Callable[[Tensor], Tensor]) -> Part:
    """The same batch with every tensor changed."""
    if isinstance(batch, Tensor):
        return change(batch)
    if isinstance(batch, tuple):
        return type(batch)(mapped(part, change) for part in batch)
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        parts = {
            field.name: mapped(getattr(batch, field.name), change)
            for field in dataclasses.fields(batch)
            if field.init
        }
        return dataclasses.replace(batch, **parts)
    return batch


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch on `device`; from pinned memory the copy runs beside the computation."""
    return mapped(batch, lambda tensor: tensor.to(device, non_blocking=True))


def num_items(batch: object) -> int:
    """First dimension of the first tensor."""
    sizes: list[int] = []

    def note(tensor: Tensor) -> Tensor:
        sizes.append(len(tensor) if tensor.ndim else 1)
        return tensor

    mapped(batch, note)
    if not sizes:
        raise TypeError(f"a batch holds tensors, this {type(batch).__name__} has none")
    return sizes[0]


class Loader(Generic[Batch]):
    """Draws the batches number `first`, `first + 1`, ... in threads, a little ahead of their use."""

    def __init__(
        self, draw: Callable[[int], Batch], first: int, end: int, num_threads: int, pin: bool
    ) -> None:
        self._draw = draw
        self._pin = pin
        self._next = first
        self._end = end
        self._threads = ThreadPoolExecutor(num_threads, "loader") if num_threads else None
        self._ahead: deque[Future[Batch]] = deque()
        self._num_ahead = num_threads + 1

    def take(self) -> Batch:
        """The next batch."""
        if self._threads is None:
            self._next += 1
            return self._load(self._next - 1)
        while self._next < self._end and len(self._ahead) < self._num_ahead:
            self._ahead.append(self._threads.submit(self._load, self._next))
            self._next += 1
        return self._ahead.popleft().result()

    def __enter__(self) -> "Loader[Batch]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def _load(self, number: int) -> Batch:
        batch = self._draw(number)
        return mapped(batch, Tensor.pin_memory) if self._pin else batch
