"""Crops on their way through a network: some at a time, stacked, all of one size."""

from collections.abc import Callable, Iterable

import torch

from mien.types import Crop, Images, Recovery


def stacked(crops: list[Crop], size: int, model: str) -> Images:
    """All pixels as one batch; every crop must have the side that the model takes."""
    for crop in crops:
        if crop.pixels.shape[1:] != (size, size):
            raise ValueError(
                f"{model} takes crops of {size} x {size} pixels, "
                f"got {crop.pixels.shape[2]} x {crop.pixels.shape[1]}"
            )
    return torch.stack([crop.pixels for crop in crops])


def in_batches(
    crops: list[Crop], batch_size: int, recover: Callable[[list[Crop]], Iterable[Recovery]]
) -> list[Recovery]:
    """What `recover` makes of so many crops at a time, in their order."""
    parts = [crops[start : start + batch_size] for start in range(0, len(crops), batch_size)]
    return [recovery for part in parts for recovery in recover(part)]
