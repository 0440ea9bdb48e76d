"""Evidence for people to look at: what of a face was seen, what mirrored, what lent, what guessed."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mien.image.blend import pasted_mask
from mien.image.color import to_gray
from mien.image.warp import compose, invert, rescaling, transform_points, translation, warp_affine
from mien.types import Affine, Image, Mask, Recovery, Result

SEEN, MIRRORED, GUESSED = (0.1, 0.75, 0.3), (1.0, 0.8, 0.1), (0.9, 0.15, 0.15)
"""Green, yellow, red."""
LENT = (0.15, 0.4, 1.0)
"""Blue."""
STRENGTH = 0.45
"""Of the colours over the picture in gray."""


def overlay(recovery: Recovery) -> Image:
    """The face in gray under green where it was seen, yellow where mirrored, blue where another photo showed
    it, red where guessed."""
    seen = recovery.evidence
    mirrored = torch.zeros_like(seen) if recovery.mirrored is None else recovery.mirrored
    lent = torch.zeros_like(seen) if recovery.guidance is None else recovery.guidance.lent
    guessed = (1 - seen - mirrored - lent).clamp(min=0)
    parts = ((seen, SEEN), (mirrored, MIRRORED), (lent, LENT), (guessed, GUESSED))
    colors = torch.stack([share * share.new_tensor(color)[:, None, None] for share, color in parts]).sum(0)
    gray = to_gray(recovery.pixels[None])[0].expand(3, -1, -1)
    return torch.lerp(gray, colors.clamp(0, 1), STRENGTH)


def overlay_photo(result: Result, scale: int = 1) -> Image:
    """The recovered photo, enlarged by `scale` when that was done, with the overlay of each pasted face."""
    canvas = result.photo.clone()
    for face in sorted(result.faces, key=lambda face: face.detection.score):
        if face.pasted:
            pixels = overlay(face.recovery)
            mask = pasted_mask(pixels.shape[-1], face.area)
            lay(canvas, pixels, mask, compose(rescaling(scale), face.crop.photo_from_crop))
    return canvas


def lay(
    canvas: Image,
    pixels: Float[Tensor, "3 size size"],
    mask: Float[Tensor, "1 size size"],
    canvas_from_pixels: Affine,
) -> None:
    """A crop into the canvas itself, where the mask says."""
    size = pixels.shape[-1]
    low, high = -0.5, size - 0.5
    corners = torch.tensor([[low, low], [high, low], [low, high], [high, high]], dtype=torch.float64)
    touched = transform_points(canvas_from_pixels, corners)
    left, top = touched.amin(0).floor().long().clamp_min(0).tolist()
    right = min(math.ceil(float(touched[:, 0].max())) + 1, canvas.shape[2])
    bottom = min(math.ceil(float(touched[:, 1].max())) + 1, canvas.shape[1])
    if right <= left or bottom <= top:
        return
    pixels_from_region = compose(invert(canvas_from_pixels), translation(left, top))
    planes = torch.cat((pixels * mask, mask))[None]
    drawn = warp_affine(planes, pixels_from_region[None], bottom - top, right - left, "zeros")[0]
    place = (slice(None), slice(top, bottom), slice(left, right))
    canvas[place] = (canvas[place] * (1 - drawn[3:].clamp(0, 1)) + drawn[:3]).clamp(0, 1)


def share_of_face(map_of_crop: Mask, area: Mask | None = None) -> float:
    """Its mean over what of a crop is pasted, which is the face; `area` as in `pasted_mask`."""
    mask = pasted_mask(map_of_crop.shape[-1], area)
    return float((mask * map_of_crop).sum() / mask.sum())
