"""Where one scene ends and another begins, from tiny copies of the frames."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from mien.types import Image

SIDE = 8
"""Of the copies, in pixels."""
LEAST_CHANGE = 0.09
"""Mean difference of copies in [0, 1], from which there may be a cut."""
SURPRISE = 3.0
"""How many times as much as around it a picture must change: cameras move, too."""
AROUND = 6
"""Frames to either side that say what is usual."""

Glimpse = UInt8[Tensor, "3 8 8"]


def glimpse(image: Image) -> Glimpse:
    """The copy of a frame."""
    return (F.adaptive_avg_pool2d(image, SIDE).clamp(0, 1) * 255).round().to(torch.uint8)


def find_cuts(glimpses: UInt8[Tensor, "frames 3 8 8"]) -> list[int]:
    """The frames that are the first of a scene; frame 0 is one.

    A flash changes the picture twice but not the scene: the frame after next has to be another one, too.
    """
    if len(glimpses) == 0:
        return []
    steps = _changes(glimpses, 1)
    usual = _usual(steps)
    sudden = (steps > LEAST_CHANGE) & (steps > SURPRISE * usual)
    # step i lies between frames i and i + 1, leap i between frames i and i + 2
    leaps = torch.cat((_changes(glimpses, 2), steps[-1:]))
    lasting = leaps > LEAST_CHANGE
    # a flash goes as suddenly as it came: what it goes back to was there before it
    before = torch.cat((steps[:1], _changes(glimpses, 2)))
    return [0, *((sudden & lasting & (before > LEAST_CHANGE)).nonzero()[:, 0] + 1).tolist()]


def _changes(glimpses: UInt8[Tensor, "frames 3 8 8"], apart: int) -> Float[Tensor, " steps"]:
    numbers = glimpses.float() / 255
    return (numbers[apart:] - numbers[:-apart]).abs().mean(dim=(1, 2, 3))


def _usual(steps: Float[Tensor, " steps"]) -> Float[Tensor, " steps"]:
    """The median of the steps around each, itself left out."""
    if len(steps) == 0:
        return steps
    padded = F.pad(steps[None, None], (AROUND, AROUND), value=float("nan"))[0, 0]
    windows = padded.unfold(0, 2 * AROUND + 1, 1).clone()
    windows[:, AROUND] = float("nan")
    return windows.nanmedian(dim=1).values.nan_to_num(0.0)
