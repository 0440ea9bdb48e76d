"""A learning rate that drops when the validation no longer gets better."""

from collections.abc import Callable, Sequence
from pathlib import Path

from mien.train.log import read_log


def drop_on_plateau(
    log: Path, figure: str, factor: float, most_drops: int, patience: int
) -> Callable[[int], float]:
    """A factor that falls each time `figure` was not lower than ever before in `patience` validations.

    It is worked out from the run's own log, so that a run that resumes goes on with the same rate; what a
    log says beyond the checkpoint that a run goes on from is dropped before its first step.
    """
    known: dict[int, float] = {}

    def schedule(step: int) -> float:
        size = log.stat().st_size if log.exists() else 0
        if size not in known:
            values = [line["validation"][figure] for line in read_log(log) if "validation" in line]
            known.clear()
            known[size] = factor ** min(most_drops, num_plateaus(values, patience))
        return known[size]

    return schedule


def num_plateaus(values: Sequence[float], patience: int) -> int:
    """How often in a row so many values were no improvement; after each such row counting begins anew."""
    best, waited, count = float("inf"), 0, 0
    for value in values:
        waited = 0 if value < best else waited + 1
        best = min(best, value)
        if waited == patience:
            count, waited = count + 1, 0
    return count
