"""How what a picture shows has moved in another: dense flow by Lucas and Kanade's method, coarse to fine.

Lucas and Kanade, An iterative image registration technique, 1981, with the pyramid of Bouguet, 2000: in a
window around each pixel the shift is sought for which both pictures agree best.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.image.color import to_gray
from mien.image.filter import gaussian_blur
from mien.types import Images, Masks

Flow = Float[Tensor, "batch 2 height width"]
"""In pixels, x before y: what is at p in the first picture is at p + flow in the second."""

FINEST, COARSEST = 128, 32
"""Sides of the smaller pictures that are compared; between them each is twice the one before."""
NUM_STEPS = 3
"""At each of them."""
WINDOW = 9
"""Side of the window, in pixels."""
LARGEST_STEP = 1.5
"""Pixels that one step may go."""
LEAST_GRADIENT = 1e-4
"""Added to the mean squared gradients: where nothing is to be seen, nothing moves."""


def estimate_flow(first: Images, second: Images) -> Float[Tensor, "batch 2 side side"]:
    """Between square pictures; of large ones in pixels of their copies of side FINEST."""
    side = first.shape[-1]
    grays = to_gray(torch.cat((first, second)))
    flow = first.new_zeros(len(first), 2, 1, 1)
    for level in _levels(side):
        small = F.interpolate(grays, (level, level), mode="bilinear", antialias=True, align_corners=False)
        one, other = gaussian_blur(small, small.new_full((len(small),), 1.0)).chunk(2)
        flow = resized(flow, level)
        for _ in range(NUM_STEPS):
            flow = window_means(flow + _step(one, pull(other, flow)), 5)
    return flow


def window_means(
    planes: Float[Tensor, "batch channels height width"], side: int
) -> Float[Tensor, "batch channels height width"]:
    """Over squares of odd side; beyond the border lies the border's pixel."""
    reach = side // 2
    padded = F.pad(planes, (reach,) * 4, mode="replicate")
    return _running_sums(_running_sums(padded, side, 3), side, 2) / side**2


def _running_sums(planes: Tensor, side: int, axis: int) -> Tensor:
    """Of so many neighbours, put together of sums over 1, 2, 4, ...: many times as fast as pooling."""
    length = planes.shape[axis] - side + 1
    sums, reach, total, done = planes, 1, torch.zeros(()), 0
    while done < side:
        if side & reach:
            total = total + sums.narrow(axis, done, length)
            done += reach
        rest = sums.shape[axis] - reach
        sums, reach = sums.narrow(axis, 0, rest) + sums.narrow(axis, reach, rest), 2 * reach
    return total


def _levels(side: int) -> list[int]:
    levels = [min(side, FINEST)]
    while levels[0] >= 2 * COARSEST:
        levels.insert(0, levels[0] // 2)
    return levels


def _step(one: Masks, other: Masks) -> Flow:
    """The least squares answer in each window: gradients times shift make up the difference."""
    padded = F.pad(one + other, (1, 1, 1, 1), mode="replicate") / 2
    x = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]) / 2
    y = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]) / 2
    rest = one - other
    sums = window_means(torch.cat((x * x, x * y, y * y, x * rest, y * rest), dim=1), WINDOW)
    xx, xy, yy, xr, yr = sums.split(1, dim=1)
    xx, yy = xx + LEAST_GRADIENT, yy + LEAST_GRADIENT
    area = xx * yy - xy * xy
    shift = torch.cat((yy * xr - xy * yr, xx * yr - xy * xr), dim=1) / area
    return shift.clamp(-LARGEST_STEP, LARGEST_STEP)


def resized(flow: Float[Tensor, "batch 2 height width"], side: int) -> Float[Tensor, "batch 2 {side} {side}"]:
    """For the same pictures in another size."""
    if flow.shape[-1] == side:
        return flow
    return F.interpolate(flow, (side, side), mode="bilinear", align_corners=False) * (side / flow.shape[-1])


def pull(
    pictures: Float[Tensor, "batch channels height width"], flow: Flow, method: str = "bilinear"
) -> Float[Tensor, "batch channels height width"]:
    """What the pictures show where the flow leads."""
    height, width = pictures.shape[-2:]
    x = torch.arange(width, dtype=flow.dtype) + flow[:, 0]
    y = torch.arange(height, dtype=flow.dtype)[:, None] + flow[:, 1]
    grid = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / height - 1), dim=-1)
    return F.grid_sample(pictures, grid, method, padding_mode="border", align_corners=False)


def chained(first: Flow, second: Flow) -> Flow:
    """From one picture to a third, by way of the second."""
    return first + pull(second, first)
