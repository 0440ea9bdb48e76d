"""Losing resolution: every picture of a batch by its own factor, and back to its size."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mien.image.filter import apply_separable, gaussian_weights
from mien.image.resize import resize_weights
from mien.types import Images


def shrunk_sizes(height: int, width: int, scale: Float[Tensor, " batch"]) -> Int[Tensor, "batch 2"]:
    """Height and width after shrinking by each factor, at least one pixel."""
    full = torch.tensor([height, width], device=scale.device, dtype=torch.float64)
    return (full / scale.double()[:, None]).round().long().clamp(min=1)


def blur_and_shrink(
    images: Images, sigma: Float[Tensor, " batch"], sizes: Int[Tensor, "batch 2"], canvas: tuple[int, int]
) -> Float[Tensor, "batch 3 canvas_height canvas_width"]:
    """Gaussian blur, then bicubic to each picture's size in the top-left corner of the canvas.

    Both are linear along an axis, so their matrices are multiplied before they meet the pixels.
    """
    height, width = images.shape[-2:]
    same = height == width and canvas[0] == canvas[1]
    rows = _blur_and_shrink_weights(height, sigma, sizes[:, 0], canvas[0]).to(images.dtype)
    if same:
        return apply_separable(images, rows, rows)
    columns = _blur_and_shrink_weights(width, sigma, sizes[:, 1], canvas[1]).to(images.dtype)
    return apply_separable(images, rows, columns)


def grow(
    small: Float[Tensor, "batch 3 canvas_height canvas_width"],
    sizes: Int[Tensor, "batch 2"],
    height: int,
    width: int,
) -> Images:
    """Bicubic from each picture's size on the canvas to height × width."""
    rows = _grow_weights(small.shape[2], sizes[:, 0], height).to(small.dtype)
    columns = _grow_weights(small.shape[3], sizes[:, 1], width).to(small.dtype)
    return apply_separable(small, rows, columns)


def _blur_and_shrink_weights(
    size: int, sigma: Float[Tensor, " batch"], targets: Int[Tensor, " batch"], canvas: int
) -> Float[Tensor, "batch canvas size"]:
    shrink = resize_weights(torch.full_like(targets, size), targets, size, canvas).to(sigma.dtype)
    return shrink @ gaussian_weights(size, sigma)


def _grow_weights(
    canvas: int, sources: Int[Tensor, " batch"], size: int
) -> Float[Tensor, "batch size canvas"]:
    return resize_weights(sources, torch.full_like(sources, size), canvas, size)
