"""Recovered faces put back into their photo, which keeps everything that the recovery does not speak of.

A crop is not the photo: large faces were shrunk for it, small ones enlarged. So the photo counts as what its
crop shows and the detail that the crop does not hold. The recovery replaces the first; of the second stays
the share that the recovery kept of the finest detail it was shown. A recovery that changes nothing thus
changes nothing, light and colour change without loss of sharpness, and where noise was taken out of the
crop, the finer noise that only the photo has goes with it.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.image.blend import pasted_mask
from mien.image.color import is_gray, match_color, to_gray
from mien.image.warp import (
    Padding,
    compose,
    invert,
    largest_scale,
    rescaling,
    transform_points,
    translation,
    warp_affine,
)
from mien.types import Affine, Crop, Face, Image

CELL = 8
"""Side of the squares, in pixels of the finest detail, in which its kept share is measured."""
SMALLEST_DETAIL = (1 / 255) ** 2
"""Below this variance there is no detail to judge by, and the photo's is kept."""


@dataclass(frozen=True)
class Layer:
    """A change of a photo, ready to be laid on it: photo · (1 - removed) + added."""

    planes: Float[Tensor, "5 height width"]
    """added (3), removed (1), mask (1)."""
    left: int
    top: int


def scale_photo(photo: Image, factor: int) -> Float[Tensor, "3 new_height new_width"]:
    """Enlarged by bicubic interpolation (Keys' cubic with a = -0.5, which torch uses for `antialias`)."""
    if factor == 1:
        return photo
    enlarged = F.interpolate(photo[None], scale_factor=factor, mode="bicubic", antialias=True)
    return enlarged[0].clamp(0, 1)


def paste(
    photo: Image,
    crop: Crop,
    pixels: Float[Tensor, "3 size size"],
    mask: Float[Tensor, "1 size size"] | None = None,
) -> Image:
    """The photo with the crop recovered under a mask (by default an ellipse); the rest stays to the bit."""
    if mask is None:
        mask = pasted_mask(pixels.shape[-1])
    canvas = photo.clone()
    _lay(canvas, photo, _make_layer(photo, crop, pixels, mask, crop.photo_from_crop, "zeros"))
    return canvas


def paste_many(photo: Image, faces: tuple[Face, ...], scale: int = 1, match_colors: bool = False) -> Image:
    """All faces that are to be pasted, into a photo that was enlarged by `scale` after they were cut out.

    Where two overlap the surer covers the other, instead of both changing the same pixels.
    """
    canvas = photo.clone()
    for face in sorted(faces, key=lambda face: face.detection.score):
        if not face.pasted:
            continue
        pixels = face.recovery.pixels
        mask = pasted_mask(pixels.shape[-1], face.area)
        if match_colors:
            pixels = match_color(pixels, face.crop.pixels, mask)
        photo_from_crop = compose(rescaling(scale), face.crop.photo_from_crop)
        _lay(canvas, photo, _make_layer(photo, face.crop, pixels, mask, photo_from_crop, "zeros"))
    return canvas


def fit_whole(photo: Image, crop: Crop, pixels: Float[Tensor, "3 size size"]) -> Image:
    """A recovery of the whole photo in the photo's size: nothing is masked."""
    mask = torch.ones_like(pixels[:1])
    canvas = photo.clone()
    _lay(canvas, photo, _make_layer(photo, crop, pixels, mask, crop.photo_from_crop, "border"))
    return canvas


def kept_detail(
    crop: Float[Tensor, "3 size size"], pixels: Float[Tensor, "3 size size"], scale: float
) -> Float[Tensor, "1 size size"]:
    """How much of the crop's finest detail its recovery still has: least squares in each cell, in [0, 1].

    `scale` is photo pixels per crop pixel: an enlarged crop has no detail finer than its photo's.
    """
    size = crop.shape[-1]
    coarse = max(1, round(size * min(1.0, scale) / 2))
    both = torch.stack((crop, pixels))
    shrunk = F.interpolate(both, (coarse, coarse), mode="bicubic", antialias=True)
    before, after = both - F.interpolate(shrunk, (size, size), mode="bicubic", antialias=True)
    products = torch.stack(((before * after).mean(dim=0), before.square().mean(dim=0)))[None]
    shared, own = F.adaptive_avg_pool2d(products, math.ceil(2 * coarse / CELL))[0]
    share = ((shared + SMALLEST_DETAIL) / (own + SMALLEST_DETAIL)).clamp(0, 1)
    return F.interpolate(share[None, None], (size, size), mode="bilinear")[0]


def _make_layer(
    photo: Image,
    crop: Crop,
    pixels: Float[Tensor, "3 size size"],
    mask: Float[Tensor, "1 size size"],
    photo_from_crop: Affine,
    padding: Padding,
) -> Layer:
    if is_gray(crop.pixels):
        pixels = to_gray(pixels[None])[0].expand_as(pixels)
    kept = kept_detail(crop.pixels, pixels, largest_scale(crop.photo_from_crop))
    # recovery + kept · (photo - crop), sorted by what multiplies the photo, so that one warp serves all
    planes = torch.cat((mask * (pixels - kept * crop.pixels), mask * (1 - kept), mask))
    left, top, right, bottom = _seen(photo_from_crop, pixels.shape[-1], photo)
    if right <= left or bottom <= top:
        return Layer(planes[:, :0, :0], left, top)
    crop_from_region = compose(invert(photo_from_crop), translation(left, top))
    warped = warp_affine(planes[None], crop_from_region[None], bottom - top, right - left, padding)
    return Layer(warped[0], left, top)


def _seen(photo_from_crop: Affine, size: int, photo: Image) -> tuple[int, int, int, int]:
    """left, top, right, bottom of the part of the photo that the crop touches."""
    low, high = -0.5, size - 0.5
    corners = torch.tensor([[low, low], [high, low], [low, high], [high, high]], dtype=torch.float64)
    touched = transform_points(photo_from_crop, corners)
    left, top = touched.amin(dim=0).floor().long().clamp_min(0).tolist()
    right, bottom = touched.amax(dim=0).ceil().long().tolist()
    return left, top, min(right + 1, photo.shape[2]), min(bottom + 1, photo.shape[1])


def _lay(canvas: Image, photo: Image, layer: Layer) -> None:
    """Into the canvas itself. What other faces left under the mask gives way to the photo first."""
    height, width = layer.planes.shape[1:]
    place = (
        slice(None),
        slice(layer.top, layer.top + height),
        slice(layer.left, layer.left + width),
    )
    added, removed, mask = layer.planes.split((3, 1, 1))
    # bicubic sampling overshoots a little beside steep edges
    under = torch.lerp(canvas[place], photo[place], mask.clamp(0, 1).expand_as(added))
    canvas[place] = (under + added - removed * photo[place]).clamp(0, 1)
