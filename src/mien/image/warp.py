"""Affine transforms in pixel-centre coordinates, and pictures sampled through them.

Transforms are kept in float64: in float32 a corner of a large photo moves by hundredths of a pixel.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.types import Affine

Padding = Literal["border", "reflection", "zeros"]
Method = Literal["bilinear", "bicubic"]

TOLERATED_SHRINKING = 1.2
"""A shrinking this slight shows no aliasing, and averaging would cost sharpness."""
LARGEST_SUPERSAMPLING = 4
"""Beyond it the input is first averaged over whole blocks of pixels, which is cheaper than more samples."""


def invert(affine: Float[Tensor, "*batch 2 3"]) -> Float[Tensor, "*batch 2 3"]:
    linear, shift = affine.double().split((2, 1), dim=-1)
    inverse = torch.linalg.inv(linear)
    return torch.cat((inverse, -inverse @ shift), dim=-1)


def compose(
    c_from_b: Float[Tensor, "*batch 2 3"], b_from_a: Float[Tensor, "*batch 2 3"]
) -> Float[Tensor, "*batch 2 3"]:
    """`c_from_a`."""
    outer, outer_shift = c_from_b.double().split((2, 1), dim=-1)
    inner, inner_shift = b_from_a.double().split((2, 1), dim=-1)
    return torch.cat((outer @ inner, outer @ inner_shift + outer_shift), dim=-1)


def transform_points(
    target_from_source: Float[Tensor, "*batch 2 3"], points: Float[Tensor, "*batch points 2"]
) -> Float[Tensor, "*batch points 2"]:
    matrix = target_from_source.double()
    moved = points.double() @ matrix[..., :2].mT + matrix[..., 2].unsqueeze(-2)
    return moved.to(points.dtype)


def similarity(scale: float | int, degrees: float | int, shift: tuple[float | int, float | int]) -> Affine:
    """Scale, then turn (clockwise to the eye, as y points down), then shift."""
    cosine = scale * math.cos(math.radians(degrees))
    sine = scale * math.sin(math.radians(degrees))
    rows = [[cosine, -sine, shift[0]], [sine, cosine, shift[1]]]
    return torch.tensor(rows, dtype=torch.float64)


def identity() -> Affine:
    return similarity(1.0, 0.0, (0.0, 0.0))


def translation(x: float | int, y: float | int) -> Affine:
    return similarity(1.0, 0.0, (x, y))


def rescaling(factor: float | int) -> Affine:
    """What resizing a picture does to its points: p -> (p + 1/2) factor - 1/2."""
    shift = (factor - 1) / 2
    return similarity(factor, 0.0, (shift, shift))


def largest_scale(affine: Float[Tensor, "*batch 2 3"]) -> float:
    """The most that a length grows under any of the transforms."""
    return float(scales(affine).max())


def scales(affine: Float[Tensor, "*batch 2 3"]) -> Float[Tensor, "*batch"]:
    """The most that a length grows under each transform: its larger singular value."""
    matrix = affine[..., :2].detach().double()
    # of both singular values squared; their product is the area
    total = matrix.square().sum((-2, -1))
    apart = (total.square() - 4 * areas(affine.detach()).square()).clamp(min=0).sqrt()
    return ((total + apart) / 2).sqrt()


def areas(affine: Float[Tensor, "*batch 2 3"]) -> Float[Tensor, "*batch"]:
    """What a unit square becomes, negative where it is seen in a mirror: the determinant."""
    (a, b), (c, d) = (row.unbind(-1) for row in affine[..., :2].double().unbind(-2))
    return a * d - b * c


def warp_affine(
    images: Float[Tensor, "batch channels height width"],
    input_from_output: Float[Tensor, "batch 2 3"],
    height: int,
    width: int,
    padding: Padding = "border",
    method: Method = "bicubic",
) -> Float[Tensor, "batch channels new_height new_width"]:
    """Pictures of the given size, each of their pixels taken from where the transform puts it.

    Where the transform shrinks, an output pixel is the mean over the area that it covers.
    Bicubic sampling may leave the range of the input by a little at edges.
    """
    if _is_identity(images, input_from_output, height, width):
        return images.clone()
    scale = largest_scale(input_from_output)
    images, input_from_output = _cut(images, input_from_output, height, width, padding, scale)
    block = math.floor(scale / 2) if scale > LARGEST_SUPERSAMPLING else 1
    images, input_from_output = _shrunk(images, input_from_output, block)
    samples = _num_samples(scale / block)
    return _supersample(images, input_from_output, height, width, padding, method, samples)


def _supersample(
    images: Tensor,
    input_from_output: Tensor,
    height: int,
    width: int,
    padding: Padding,
    method: Method,
    samples: int,
) -> Tensor:
    """Each pixel the mean of `samples` squared of them."""
    if samples == 1:
        return _sample(images, input_from_output, height, width, padding, method)
    output_from_fine = rescaling(1 / samples).to(input_from_output.device)
    input_from_fine = compose(input_from_output, output_from_fine.expand_as(input_from_output))
    # a mean over nine and more samples does not show how each was taken
    fine_method = method if samples == 2 else "bilinear"
    fine = _sample(images, input_from_fine, height * samples, width * samples, padding, fine_method)
    return _block_means(fine, samples)


def cut_many(
    image: Float[Tensor, "channels height width"],
    image_from_cuts: Float[Tensor, "cuts 2 3"],
    size: int,
    padding: Padding = "border",
) -> Float[Tensor, "cuts channels {size} {size}"]:
    """Squares out of one picture, for networks that look at many.

    Where a transform shrinks by two and more, blocks of pixels are averaged first: several times cheaper than
    `warp_affine`, and a little softer. Squares that shrink alike are cut together.
    """
    shrinking = scales(image_from_cuts).tolist()
    groups: dict[tuple[int, int], list[int]] = {}
    for index, scale in enumerate(shrinking):
        block = max(1, math.floor(scale))
        groups.setdefault((block, _num_samples(scale / block)), []).append(index)
    cuts = image.new_empty(len(image_from_cuts), len(image), size, size)
    for (block, samples), group in groups.items():
        most = max(shrinking[index] for index in group)
        part, moves = _cut(image[None], image_from_cuts[group], size, size, padding, most)
        part, moves = _shrunk(part, moves, block)
        parts = part.expand(len(group), -1, -1, -1)
        cuts[group] = _supersample(parts, moves, size, size, padding, "bilinear", samples)
    return cuts


def _num_samples(scale: float) -> int:
    """Per pixel and side, for a transform that shrinks so many times."""
    return max(1, math.ceil(scale - (TOLERATED_SHRINKING - 1)))


def _is_identity(images: Tensor, input_from_output: Tensor, height: int, width: int) -> bool:
    same = identity().to(input_from_output.device)
    return tuple(images.shape[-2:]) == (height, width) and bool((input_from_output == same).all())


def _then(
    input_from_output: Tensor, factors: tuple[float, float], shifts: tuple[float, float]
) -> Float[Tensor, "batch 2 3"]:
    """The transform to where the points of the input go next: p -> factors p + shifts."""
    device = input_from_output.device
    growth = torch.tensor(factors, dtype=torch.float64, device=device)[:, None]
    added = torch.tensor([[0.0, 0.0, shift] for shift in shifts], dtype=torch.float64, device=device)
    return input_from_output.double() * growth + added


def _cut(
    images: Tensor, input_from_output: Tensor, height: int, width: int, padding: Padding, scale: float
) -> tuple[Tensor, Tensor]:
    """The part of the input that the output can see, so that cost follows the output and not the photo."""
    matrix = input_from_output.detach().double()
    half = torch.tensor([width / 2, height / 2], dtype=torch.float64, device=matrix.device)
    middles = matrix[..., :2] @ (half - 0.5) + matrix[..., 2]
    reaches = matrix[..., :2].abs() @ half
    margin = 3 + math.ceil(scale)
    lows = [math.floor(low) - margin for low in (middles - reaches).amin(dim=0).tolist()]
    highs = [math.ceil(high) + margin + 1 for high in (middles + reaches).amax(dim=0).tolist()]
    left, right = _seen_range(lows[0], highs[0], images.shape[-1], padding)
    top, bottom = _seen_range(lows[1], highs[1], images.shape[-2], padding)
    part_from_output = _then(input_from_output, (1.0, 1.0), (float(-left), float(-top)))
    return images[..., top:bottom, left:right], part_from_output


def _shrunk(images: Tensor, input_from_output: Tensor, block: int) -> tuple[Tensor, Tensor]:
    """The means of whole blocks of pixels, and the transform into them."""
    if block == 1:
        return images, input_from_output
    factor, shift = 1 / block, (1 / block - 1) / 2
    return _block_means(images, block), _then(input_from_output, (factor, factor), (shift, shift))


def _seen_range(low: int, high: int, size: int, padding: Padding) -> tuple[int, int]:
    """A range inside [0, size) that holds all that is asked for, and at least the nearest border pixel."""
    if padding == "reflection":
        low, high = min(low, 2 * size - high), max(high, -low)
    low = min(max(low, 0), size - 1)
    return low, max(min(high, size), low + 1)


def _block_means(images: Tensor, block: int) -> Tensor:
    """Of the blocks that reach over the edge, the mean of what they hold.

    Whole rows and columns are added, which is four times faster than pooling.
    """
    height, width = images.shape[-2:]
    rows = images[..., ::block, :].clone()
    for start in range(1, min(block, height)):
        part = images[..., start::block, :]
        rows[..., : part.shape[-2], :] += part
    sums = rows[..., ::block].clone()
    for start in range(1, min(block, width)):
        part = rows[..., start::block]
        sums[..., : part.shape[-1]] += part
    return sums / (_held(height, block)[:, None] * _held(width, block)).to(images)


def _held(size: int, block: int) -> Float[Tensor, " blocks"]:
    """How many places of a side each block has."""
    starts = torch.arange(0, size, block)
    return (size - starts).clamp(max=block).float()


def _sample(
    images: Tensor, input_from_output: Tensor, height: int, width: int, padding: Padding, method: Method
) -> Tensor:
    """`grid_sample` with pixel coordinates: its own count from -1 to 1 between the picture's outer edges."""
    sides = images.shape[-1], images.shape[-2]
    matrix = _then(input_from_output, (2 / sides[0], 2 / sides[1]), (1 / sides[0] - 1, 1 / sides[1] - 1))
    x = torch.arange(width, dtype=torch.float64, device=matrix.device)
    y = torch.arange(height, dtype=torch.float64, device=matrix.device)
    # only the last sum is in single precision; planes (batch, 2, height, width) add faster than pairs
    across = (x * matrix[:, :, 0, None] + matrix[:, :, 2, None]).to(images)  # (batch, 2, width)
    down = (y * matrix[:, :, 1, None]).to(images)  # (batch, 2, height)
    grid = (across[:, :, None] + down[..., None]).permute(0, 2, 3, 1)
    return F.grid_sample(images, grid, mode=method, padding_mode=padding, align_corners=False)
