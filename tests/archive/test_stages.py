"""Stages that overlap: order, windows, ends."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mien.archive.stages import Window, crew, overlap, torch_threads


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 4), st.integers(1, 4), st.integers(0, 12))
def test_the_order_stays_and_nothing_is_lost(
    items: list[int], num_workers: int, num_items: int, weight: int
) -> None:
    with ThreadPoolExecutor(num_workers) as pool:
        made = overlap(items, lambda item: item * 10, pool, Window(num_items, weight), lambda item: item)
        assert [*made] == [item * 10 for item in items]


def test_nothing_is_drawn_beyond_the_window() -> None:
    drawn: list[int] = []

    def source() -> Iterator[int]:
        for number in range(20):
            drawn.append(number)
            yield number

    with ThreadPoolExecutor(2) as pool:
        stream = overlap(source(), lambda item: item, pool, Window(3, 100))
        assert next(stream) == 0
        assert drawn == [0, 1, 2, 3]
        assert next(stream) == 1
        assert len(drawn) == 5


def test_heavy_items_wait_for_each_other() -> None:
    at_work, most, lock = [0], [0], threading.Lock()

    def work(weight: int) -> None:
        with lock:
            at_work[0] += weight
            most[0] = max(most[0], at_work[0])
        time.sleep(0.002)
        with lock:
            at_work[0] -= weight

    with ThreadPoolExecutor(4) as pool:
        assert len([*overlap([6, 3, 5, 20, 1, 4], work, pool, Window(4, 10), lambda weight: weight)]) == 6
    assert most[0] == 20  # one that is heavier than the window goes alone


def test_stages_on_end_work_at_the_same_time() -> None:
    both = threading.Barrier(2)

    def meet(item: int) -> int:
        if item in (0, 2):  # the first of the later stage meets the third of the earlier one
            both.wait(timeout=10)
        return item

    def early(item: int) -> int:
        return meet(item) if item == 2 else item

    def late(item: int) -> int:
        return meet(item) if item == 0 else item

    with crew(2, 1) as first, crew(2, 1) as second:
        assert [*overlap(overlap(range(6), early, first, Window(3, 1)), late, second, Window(2, 1))] == [
            *range(6)
        ]


def test_an_error_comes_out_where_its_item_would() -> None:
    with ThreadPoolExecutor(2) as pool:
        stream = overlap([1, 0, 2], lambda item: 1 // item, pool, Window(2, 1))
        assert next(stream) == 1
        with pytest.raises(ZeroDivisionError):
            next(stream)


def test_what_has_not_begun_is_left_undone() -> None:
    done: list[int] = []
    gate = threading.Event()

    def work(item: int) -> None:
        gate.wait(timeout=5)
        done.append(item)

    with crew(1, 1) as pool:
        for number in range(5):
            pool.submit(work, number)
        threading.Timer(0.05, gate.set).start()
    assert done == [0]


def test_torch_has_its_threads_back() -> None:
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_a_window_of_nothing() -> None:
    with pytest.raises(ValueError, match="at least one item, got 0"):
        Window(0, 10)
