"""How natural the small structure of a picture is: the 36 numbers per block that NIQE looks at.

Mittal et al., Making a completely blind image quality analyzer, 2013, with the settings of its published
code: a Gaussian of 7 pixels and sigma 7/6, shapes looked up in steps of 0.001, two scales.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.metrics.luma import luma
from mien.types import Images

NUM_FEATURES = 36
NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Down and right: the four that products of neighbouring pixels are taken with."""
WINDOW = 7
SIGMA = 7 / 6
_SHAPES = torch.arange(200, 10_001, dtype=torch.float64) / 1000
_HALVING = (-3.0, -9.0, 29.0, 111.0, 111.0, 29.0, -9.0, -3.0)
"""Keys' cubic (a = -1/2) stretched over 8 pixels and sampled at 1/4, 3/4, 5/4 and 7/4, times 256."""

Plane = Float[Tensor, "batch 1 height width"]
Rows = Float[Tensor, "rows samples"]


@dataclass(frozen=True)
class Blocks:
    """The blocks of each picture, row by row."""

    features: Float[Tensor, "batch blocks 36"]
    """NaN where a block is flat."""
    sharpness: Float[Tensor, "batch blocks"]
    """The mean of the local deviation, in steps of 8 bits."""


def natural_features(images: Images, block_size: int) -> Blocks:
    """Of whole blocks from the top left on; what does not fill one is left out."""
    height, width = (side // block_size * block_size for side in images.shape[-2:])
    if min(height, width) == 0 or block_size % 2:
        size = "x".join(str(side) for side in images.shape[-2:])
        raise ValueError(f"pictures of {size} pixels cannot be cut into even blocks of {block_size}")
    plane = (luma(images[..., :height, :width]) * 255).round()
    normalised, deviation = normalise(plane)
    fine = _block_features(_cut(normalised, block_size))
    coarse = _block_features(_cut(normalise(halve(plane))[0], block_size // 2))
    return Blocks(torch.cat((fine, coarse), dim=-1), _cut(deviation, block_size).mean(dim=(2, 3)))


def normalise(plane: Plane) -> tuple[Plane, Plane]:
    """MSCN coefficients (equations 1 to 3), and the local deviation they are divided by."""
    mean = _window_mean(plane)
    deviation = (_window_mean(plane * plane) - mean * mean).abs().sqrt()
    return (plane - mean) / (deviation + 1), deviation


def halve(plane: Plane) -> Float[Tensor, "batch 1 half_height half_width"]:
    """Bicubic, smoothed as MATLAB does it: the picture is mirrored at its edge, border pixel included."""
    taps = plane.new_tensor(_HALVING) / 256
    rows = F.conv2d(_mirrored(plane), taps[None, None, None], stride=(1, 2))
    columns = F.conv2d(_mirrored(rows.mT), taps[None, None, None], stride=(1, 2))
    return columns.mT


def asymmetric_gaussian(
    samples: Rows,
) -> tuple[Float[Tensor, " rows"], Float[Tensor, " rows"], Float[Tensor, " rows"]]:
    """Shape, and spread to the left and the right, of a generalised Gaussian with two sides (equation 7).

    By moments (Lasmar et al., 2009); NaN where all samples lie on one side.
    """
    negative, positive = samples < 0, samples > 0
    squares = samples * samples
    left = ((squares * negative).sum(1) / negative.sum(1)).sqrt()
    right = ((squares * positive).sum(1) / positive.sum(1)).sqrt()
    skew = left / right
    peak = samples.abs().mean(1) ** 2 / squares.mean(1)
    peak = peak * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shape = _look_up(peak)
    stretch = torch.exp((torch.lgamma(1 / shape) - torch.lgamma(3 / shape)) / 2)
    return shape, left * stretch, right * stretch


def _block_features(
    blocks: Float[Tensor, "batch blocks side side"],
) -> Float[Tensor, "batch blocks 18"]:
    batch, num_blocks = blocks.shape[:2]
    shape, left, right = asymmetric_gaussian(blocks.flatten(0, 1).flatten(1))
    found = [shape, (left + right) / 2]
    for offset in NEIGHBOURS:
        products = blocks * blocks.roll(offset, dims=(2, 3))
        shape, left, right = asymmetric_gaussian(products.flatten(0, 1).flatten(1))
        mean = (right - left) * torch.exp(torch.lgamma(2 / shape) - torch.lgamma(1 / shape))  # equation 8
        found += [shape, mean, left, right]
    return torch.stack(found, dim=1).reshape(batch, num_blocks, -1)


def _look_up(peak: Float[Tensor, " rows"]) -> Float[Tensor, " rows"]:
    """The shape of the grid whose ratio of moments is nearest; the ratio rises with the shape."""
    shapes = _SHAPES.to(peak.device)
    ratios = torch.exp(2 * torch.lgamma(2 / shapes) - torch.lgamma(1 / shapes) - torch.lgamma(3 / shapes))
    above = torch.searchsorted(ratios, peak.contiguous()).clamp(1, len(ratios) - 1)
    nearest = torch.where(peak - ratios[above - 1] <= ratios[above] - peak, above - 1, above)
    return torch.where(peak.isnan(), peak, shapes[nearest])


def _cut(plane: Plane, side: int) -> Float[Tensor, "batch blocks {side} {side}"]:
    tiles = plane[:, 0].unfold(1, side, side).unfold(2, side, side)
    return tiles.flatten(1, 2)


def _window_mean(plane: Plane) -> Plane:
    offsets = torch.arange(WINDOW, dtype=plane.dtype, device=plane.device) - WINDOW // 2
    taps = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    taps = taps / taps.sum()
    padded = F.pad(plane, (WINDOW // 2,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, taps[None, None, None]), taps[None, None, :, None])


def _mirrored(plane: Plane) -> Float[Tensor, "batch 1 height wider"]:
    return torch.cat((plane[..., :3].flip(-1), plane, plane[..., -3:].flip(-1)), dim=-1)
