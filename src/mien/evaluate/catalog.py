"""Every protocol by its name."""

from collections.abc import Callable

from mien.evaluate.blind import BlindReport, evaluate_blind
from mien.evaluate.speed import SpeedReport, measure_speed

PROTOCOLS: dict[str, Callable[..., BlindReport | SpeedReport]] = {
    "blind": evaluate_blind,
    "speed": measure_speed,
}
