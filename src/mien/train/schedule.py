"""Learning-rate factors as functions of the step."""

import math
from collections.abc import Callable


def constant(step: int) -> float:
    """The optimizer's own learning rate, always."""
    return 1.0


def warmup_cosine(num_warmup: int, num_steps: int, floor: float = 0.0) -> Callable[[int], float]:
    """Linear rise over `num_warmup` steps, then half a cosine down to `floor` at `num_steps`."""
    if not 0 <= num_warmup < num_steps:
        raise ValueError(f"warm-up must end before step {num_steps}, got {num_warmup}")

    def factor(step: int) -> float:
        if step < num_warmup:
            return (step + 1) / num_warmup
        progress = min((step - num_warmup) / (num_steps - num_warmup), 1.0)
        return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2

    return factor


def halve_at(*steps: int) -> Callable[[int], float]:
    """Half the rate from each of these steps on."""

    def factor(step: int) -> float:
        return 0.5 ** sum(step >= boundary for boundary in steps)

    return factor
