"""Every protocol by its name."""

from collections.abc import Callable

from mien.evaluate.blind import BlindReport, evaluate_blind

PROTOCOLS: dict[str, Callable[..., BlindReport]] = {"blind": evaluate_blind}
