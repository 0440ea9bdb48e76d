"""Two makers on the same pictures: the mean of the differences, with an interval by the bootstrap."""

from collections.abc import Sequence
from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor

from mien.evaluate.findings import Difference
from mien.evaluate.sheets import EvaluationError, Sheet

NUM_RESAMPLES = 10_000
INTERVAL = (0.025, 0.975)
METHOD = "95 % interval: percentiles of 10,000 bootstrap resamples of the pictures"
_CHUNK = 500
"""Resamples held at a time."""


def differences(sheets: Sequence[Sheet], seed: int = 0) -> tuple[Difference, ...]:
    """Every pair of makers under every condition, for all that both were measured by."""
    found = []
    for first, second in combinations(sheets, 2):
        if first.condition != second.condition:
            continue
        if first.names != second.names:
            raise EvaluationError(f"{first.who} and {second.who} were not measured on the same pictures")
        for measure in first.values:
            if measure in second.values:
                found.append(difference(first, second, measure, seed))
    return tuple(one for one in found if one is not None)


def difference(first: Sheet, second: Sheet, measure: str, seed: int) -> Difference | None:
    """Pictures that one of the two has no number for are left out of both; None where under two are left."""
    gaps = torch.tensor(second.values[measure], dtype=torch.float64) - torch.tensor(
        first.values[measure], dtype=torch.float64
    )
    gaps = gaps[gaps.isfinite()]
    if len(gaps) < 2:
        return None
    low, high = bootstrap_interval(gaps, torch.Generator().manual_seed(seed))
    return Difference(
        measure=measure,
        condition=first.condition,
        first=first.who,
        second=second.who,
        value=float(gaps.mean()),
        low=low,
        high=high,
        count=len(gaps),
    )


def bootstrap_interval(
    values: Float[Tensor, " pictures"], generator: torch.Generator, num_resamples: int = NUM_RESAMPLES
) -> tuple[float, float]:
    """Of the mean (Efron, 1979)."""
    means = []
    for start in range(0, num_resamples, _CHUNK):
        shape = (min(_CHUNK, num_resamples - start), len(values))
        means.append(values[torch.randint(len(values), shape, generator=generator)].mean(dim=1))
    low, high = torch.quantile(torch.cat(means), torch.tensor(INTERVAL, dtype=torch.float64)).tolist()
    return low, high
