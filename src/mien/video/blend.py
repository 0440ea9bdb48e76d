"""Recoveries of one face through time, blended so that what a model makes up does not flicker.

Each is laid over its neighbours along the motion between them, as far as they show the same; where something
moved that no flow explains, only the frame's own recovery speaks. Then each feature is moved to where the
frames before and after together have it: what a model makes up trembles in place, too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.types import Image, Images, Masks
from mien.video.flow import FINEST, Flow, chained, pull, resized, window_means

REACH = 0.3
"""Seconds to either side that are looked at."""
FEWEST, MOST = 2, 6
"""Frames that this may be."""
TOLERANCE = 0.05
"""Difference of what two frames show at which one counts 60 % for the other."""
DECLINE = -1.5
"""Logarithm of what the farthest frame counts."""
PATCH = 9
"""Side of the squares whose difference is taken, at the flow's finest size."""


TREMBLE = 0.012
"""In sides of the crop: a feature that lies this far off its way has moved by itself, as lips do."""


@dataclass(frozen=True)
class Hop:
    """The recovery of a frame, and how the face moved there from the frame that is one nearer."""

    pixels: Image
    flow: Float[Tensor, "2 side side"]


def reach_of(seconds_per_frame: float) -> int:
    """Frames to either side."""
    return min(max(round(REACH / seconds_per_frame), FEWEST), MOST)


@dataclass(frozen=True)
class Moved:
    """A recovery brought to another frame."""

    flow: Flow
    """From that frame to its own."""
    pixels: Images
    share: Masks
    """What it counts there."""


def blended(own: Image, earlier: Sequence[Hop], later: Sequence[Hop], reach: int) -> Image:
    """A recovery with those of the frames around it, each sequence from the nearest to the farthest."""
    middle = own[None]
    before, after = brought(middle, earlier, reach), brought(middle, later, reach)
    total, weight = middle, torch.ones_like(middle[:, :1])
    for moved in (*before, *after):
        total, weight = total + moved.share * moved.pixels, weight + moved.share
    steady = total / weight
    if before and after:
        steady = pull(steady, -trembling(before, after), "bicubic")
    return steady[0].clamp(0, 1)


def brought(middle: Images, hops: Sequence[Hop], reach: int) -> list[Moved]:
    """The frames to one side, from the nearest on, to the one in the middle."""
    found: list[Moved] = []
    flow: Flow | None = None
    for distance, hop in enumerate(hops, start=1):
        flow = hop.flow[None] if flow is None else chained(flow, hop.flow[None])
        whole = resized(flow, middle.shape[-1])
        pulled = pull(hop.pixels[None], whole, "bicubic")
        share = math.exp(DECLINE * (distance / reach) ** 2) * agreement(middle, pulled)
        found.append(Moved(whole, pulled, share))
    return found


def trembling(before: Sequence[Moved], after: Sequence[Moved]) -> Flow:
    """From where the middle frame has each feature to where it would be on a steady way.

    As many frames of one side as of the other, so that a steady motion comes to nothing.
    """
    total, weight = torch.zeros_like(before[0].flow), torch.ones_like(before[0].share)
    for one, other in zip(before, after, strict=False):
        share = torch.minimum(one.share, other.share)
        total, weight = total + share * (one.flow + other.flow), weight + 2 * share
    offset = total / weight
    away = offset.norm(dim=1, keepdim=True) / (TREMBLE * offset.shape[-1])
    return offset * (1 - away.square()).clamp(min=0).square()


def agreement(first: Images, second: Images) -> Masks:
    """From 0 to 1: how far two pictures show the same, whatever their grain."""
    side = first.shape[-1]
    small = min(side, FINEST)
    difference = F.interpolate(first - second, (small, small), mode="bilinear", antialias=True)
    plain = window_means(difference, 3).square().mean(dim=1, keepdim=True)
    patches = window_means(plain, PATCH)
    return F.interpolate(torch.exp(-patches / (2 * TOLERANCE**2)), (side, side), mode="bilinear")
