"""Recoveries of one face through time, blended so that what a model makes up does not flicker.

Each is laid over its neighbours along the motion between them, as far as they show the same; where something
moved that no flow explains, only the frame's own recovery speaks.
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


@dataclass(frozen=True)
class Hop:
    """The recovery of a frame, and how the face moved there from the frame that is one nearer."""

    pixels: Image
    flow: Float[Tensor, "2 side side"]


def reach_of(seconds_per_frame: float) -> int:
    """Frames to either side."""
    return min(max(round(REACH / seconds_per_frame), FEWEST), MOST)


def blended(own: Image, earlier: Sequence[Hop], later: Sequence[Hop], reach: int) -> Image:
    """A recovery with those of the frames around it, each sequence from the nearest to the farthest."""
    middle = own[None]
    total, weight = middle.clone(), torch.ones_like(middle[:, :1])
    for hops in (earlier, later):
        flow: Flow | None = None
        for distance, hop in enumerate(hops, start=1):
            flow = hop.flow[None] if flow is None else chained(flow, hop.flow[None])
            pulled = pull(hop.pixels[None], resized(flow, own.shape[-1]), "bicubic")
            share = math.exp(DECLINE * (distance / reach) ** 2) * agreement(middle, pulled)
            total, weight = total + share * pulled, weight + share
    return (total / weight)[0].clamp(0, 1)


def agreement(first: Images, second: Images) -> Masks:
    """From 0 to 1: how far two pictures show the same, whatever their grain."""
    side = first.shape[-1]
    small = min(side, FINEST)
    difference = F.interpolate(first - second, (small, small), mode="bilinear", antialias=True)
    plain = window_means(difference, 3).square().mean(dim=1, keepdim=True)
    patches = window_means(plain, PATCH)
    return F.interpolate(torch.exp(-patches / (2 * TOLERANCE**2)), (side, side), mode="bilinear")
