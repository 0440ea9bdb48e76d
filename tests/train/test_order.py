from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.train.order import generator_at, mixed_seed, shuffled_indices


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 30), st.integers(1, 8), st.integers(0, 5))
def test_every_item_comes_once_per_epoch(num_items, batch_size, seed):
    steps = range(3 * num_items)
    taken = [index for step in steps for index in shuffled_indices(num_items, batch_size, step, seed)]
    for epoch in range(3 * batch_size):
        assert sorted(taken[epoch * num_items : (epoch + 1) * num_items]) == list(range(num_items))


def test_epochs_and_seeds_differ():
    first, second = (shuffled_indices(50, 50, step, seed=0) for step in (0, 1))
    assert first != second
    assert first != shuffled_indices(50, 50, 0, seed=1)
    assert first != list(range(50))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 30), st.integers(1, 6), st.integers(1, 4), st.integers(0, 40))
def test_processes_share_the_batch_of_one_process(num_items, batch_size, num_ranks, step):
    shared = [
        index
        for rank in range(num_ranks)
        for index in shuffled_indices(num_items, batch_size, step, 3, rank, num_ranks)
    ]
    assert shared == shuffled_indices(num_items, batch_size * num_ranks, step, 3)


def test_no_items_is_an_error():
    with pytest.raises(ValueError, match="no items"):
        shuffled_indices(0, 4, 0, 0)


def test_generators_depend_on_every_number():
    cpu = torch.device("cpu")
    draws = [
        tuple(torch.rand(3, generator=generator_at(cpu, seed, step, rank)).tolist())
        for seed in range(3)
        for step in range(3)
        for rank in range(3)
    ]
    assert len(set(draws)) == 27
    assert Counter(draws)[tuple(torch.rand(3, generator=generator_at(cpu, 2, 1, 0)).tolist())] == 1
    assert mixed_seed(1, 2) != mixed_seed(2, 1)
