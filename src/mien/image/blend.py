"""Pictures laid over and beside one another."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.types import Image, Mask

AnyImage = Float[Tensor, "3 _ _"]
"""One of several, each in its own size."""


def ellipse_mask(
    size: int,
    centre: tuple[float, float] = (0.5, 0.5),
    axes: tuple[float, float] = (0.48, 0.48),
    core: float = 0.78,
) -> Float[Tensor, "1 size size"]:
    """1 inside the core of an ellipse, falling smoothly to 0 at its rim; lengths in shares of the side.

    The default holds an FFHQ-aligned head with most of its hair, and ends just before the border.
    """
    places = (torch.arange(size) + 0.5) / size
    across, down = (places - centre[0]) / axes[0], (places - centre[1]) / axes[1]
    radius = torch.hypot(across[None, :], down[:, None])
    inwards = ((1 - radius) / (1 - core)).clamp(0, 1)
    return (inwards * inwards * (3 - 2 * inwards))[None]


def pasted_mask(size: int, area: Mask | None = None) -> Float[Tensor, "1 size size"]:
    """Where in a crop its recovery goes into the photo: under an ellipse, and of that where the face is."""
    mask = ellipse_mask(size)
    return mask if area is None else mask * area


def feather(mask: Mask, radius: int) -> Mask:
    """The mask with a soft rim of about `radius` pixels inside its edge, and inside the picture's border."""
    reach = max(1, round(radius / 4))  # twice to erode, twice to blur
    # what lies beyond the border counts as outside
    outside = F.pad(1 - mask[None], (2 * reach,) * 4, value=1.0)
    eroded = 1 - F.max_pool2d(outside, 4 * reach + 1, stride=1, padding=2 * reach)
    soft = F.avg_pool2d(eroded, 2 * reach + 1, stride=1)
    return F.avg_pool2d(soft, 2 * reach + 1, stride=1)[0]


def compose(under: Image, over: Image, mask: Mask) -> Image:
    """`over` where the mask is 1, `under` where it is 0."""
    return torch.lerp(under, over, mask.expand_as(over))


def side_by_side(images: list[AnyImage], gap: int = 8, background: float = 1.0) -> AnyImage:
    """In a row, each in its own size, centred in height."""
    if not images:
        raise ValueError("there is no picture to lay out")
    width = sum(image.shape[2] for image in images) + gap * (len(images) - 1)
    row = images[0].new_full((3, max(image.shape[1] for image in images), width), background)
    left = 0
    for image in images:
        top = (row.shape[1] - image.shape[1]) // 2
        row[:, top : top + image.shape[1], left : left + image.shape[2]] = image
        left += image.shape[2] + gap
    return row


def contact_sheet(images: list[AnyImage], columns: int, gap: int = 8, background: float = 1.0) -> AnyImage:
    """Row by row in equal cells, each picture in the middle of its own."""
    if not images or columns < 1:
        raise ValueError(f"a sheet needs pictures and columns, got {len(images)} and {columns}")
    columns = min(columns, len(images))
    height, width = (max(image.shape[axis] for image in images) for axis in (1, 2))
    rows = math.ceil(len(images) / columns)
    size = (3, rows * (height + gap) - gap, columns * (width + gap) - gap)
    sheet = images[0].new_full(size, background)
    for place, image in enumerate(images):
        top = place // columns * (height + gap) + (height - image.shape[1]) // 2
        left = place % columns * (width + gap) + (width - image.shape[2]) // 2
        sheet[:, top : top + image.shape[1], left : left + image.shape[2]] = image
    return sheet
