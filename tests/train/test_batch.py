import threading
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from mien.train.batch import Loader, mapped, num_items, to_device


@dataclass(frozen=True)
class Pair:
    clean: Tensor
    parts: tuple[Tensor, Tensor]
    name: str = "pair"


def test_every_tensor_moves():
    pair = Pair(torch.zeros(3, 1), (torch.ones(3), torch.ones(3, 2)))
    doubled = mapped(pair, lambda tensor: tensor + 1)
    assert doubled.clean.sum() == 3
    assert doubled.parts[1].sum() == 12
    assert doubled.name == "pair"
    assert to_device(pair, torch.device("meta")).parts[0].device.type == "meta"
    assert num_items(pair) == 3


def test_a_batch_without_tensors_is_an_error():
    with pytest.raises(TypeError, match="this str has none"):
        num_items("words")


@pytest.mark.parametrize("num_threads", [0, 1, 3])
def test_batches_come_in_order_and_none_too_many(num_threads):
    drawn = []

    def draw(number):
        drawn.append(number)
        return torch.tensor([number])

    with Loader(draw, 5, 12, num_threads, pin=False) as loader:
        assert [int(loader.take()) for _ in range(5, 12)] == list(range(5, 12))
    assert sorted(drawn) == list(range(5, 12))


def test_batches_are_drawn_ahead():
    ahead = threading.Event()

    def draw(number):
        if number == 1:
            ahead.set()
        return torch.tensor([number])

    with Loader(draw, 0, 9, 1, pin=False) as loader:
        loader.take()
        assert ahead.wait(5)


def test_an_error_in_a_thread_reaches_the_loop():
    def draw(number):
        raise OSError("photo 7 is broken")

    with Loader(draw, 0, 9, 1, pin=False) as loader, pytest.raises(OSError, match="photo 7"):
        loader.take()
