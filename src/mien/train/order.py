"""Order and chance as functions of the step: a run that resumes draws what it would have drawn."""

from functools import lru_cache

import numpy as np
import torch


def mixed_seed(*numbers: int) -> int:
    """One seed out of several numbers, such as seed, step and process; any change changes all bits."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator_at(device: torch.device, *numbers: int) -> torch.Generator:
    """A generator on `device` that depends on these numbers alone."""
    return torch.Generator(device).manual_seed(mixed_seed(*numbers))


def reseed(device: torch.device, seed: int) -> None:
    """Reseed what dropout draws from: torch's global generators of the CPU and of `device`.

    `torch.manual_seed` would look at every kind of device and keep a stack trace for each.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


@lru_cache(maxsize=4)
def _permutation(num_items: int, seed: int, epoch: int) -> tuple[int, ...]:
    generator = generator_at(torch.device("cpu"), seed, epoch)
    return tuple(torch.randperm(num_items, generator=generator).tolist())


def shuffled_indices(
    num_items: int, batch_size: int, step: int, seed: int, rank: int = 0, num_ranks: int = 1
) -> list[int]:
    """The items of batch `step` in process `rank`: every item once per epoch, each epoch shuffled anew.

    Batches follow each other without a gap over the end of an epoch. The processes' batches of one
    step, put together, are the batch that one process with `num_ranks * batch_size` would take.
    """
    if num_items < 1:
        raise ValueError("there are no items to draw batches from")
    first = (step * num_ranks + rank) * batch_size
    places = (divmod(place, num_items) for place in range(first, first + batch_size))
    return [_permutation(num_items, seed, epoch)[place] for epoch, place in places]
