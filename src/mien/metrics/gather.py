"""States over processes.

Every measure that is gathered in parts has a frozen state with three habits: `of(...)` makes it from one
batch, `+` joins two as if their batches had been one, and what it says is a property or a function of it.
"""

import operator
from functools import reduce
from typing import TypeVar

import torch.distributed as dist

State = TypeVar("State")
"""Something that can be added to its like."""


def gathered(state: State) -> State:
    """The sum of all processes' states, in the order of their ranks; where there is one process, the state.

    Every process must ask, and each gets the whole. Processes of one training or judging trust
    each other: states travel between them as Python objects.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return state
    parts: list[State] = [state] * dist.get_world_size()
    dist.all_gather_object(parts, state)
    return reduce(operator.add, parts)  # pyright: ignore[reportArgumentType]
