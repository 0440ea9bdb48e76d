"""Painting training pictures for finding faces: photos into cells, cells into canvases, labels with them."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from mien.data.facepool import FACE, IGNORE, NOTHING, SIZES, bounds
from mien.image.warp import compose, invert, rescaling, transform_points, warp_affine
from mien.types import Images

MIRRORED = [1, 0, 2, 4, 3]
"""Left and right of the five points change places in a mirror."""
REPEATED, PASTED, CUT_OUT, FLAT = range(4)
"""What surrounds a photo in its cell: its own border, a background, that close around the face, one color."""


@dataclass(frozen=True)
class Cells:
    """What some cells of one size will show."""

    photos: UInt8[Tensor, "cells 3 stored stored"]
    backgrounds: UInt8[Tensor, "cells 3 side side"]
    cell_from_photo: Float[Tensor, "cells 2 3"]
    outlines: Float[Tensor, "cells 4 83 2"]
    kinds: Int[Tensor, "cells 4"]
    extents: Float[Tensor, "cells 2"]
    mirrored: Bool[Tensor, " cells"]
    surrounds: Int[Tensor, " cells"]
    empty: Bool[Tensor, " cells"]
    scrambled: Bool[Tensor, " cells"]
    places: Int[Tensor, " cells"]
    """Where they belong among all cells of their size."""


@dataclass(frozen=True)
class Draft:
    """A batch before it is painted."""

    numbers: Int[Tensor, " canvases"]
    whole: tuple[Cells, ...]
    tiles: tuple[Cells, ...]
    fine: tuple[Cells, ...]


@dataclass(frozen=True)
class Scenes:
    """Pictures and the faces in them, in their pixels."""

    pictures: Images
    boxes: Float[Tensor, "scenes faces 4"]
    points: Float[Tensor, "scenes faces 5 2"]
    kinds: Int[Tensor, "scenes faces"]


def compose_scenes(draft: Draft, covered_share: float, generator: torch.Generator) -> Scenes:
    """Paint a batch: small tiles into tiles, tiles into canvases, and the whole canvases first."""
    whole = paint_all(draft.whole, covered_share, generator)
    tiles = paint_all(draft.tiles, covered_share, generator)
    fine = paint_all(draft.fine, covered_share, generator)
    return tidy(join(whole, assemble(shuffle(join(tiles, assemble(fine)), generator))))


def paint_all(parts: tuple[Cells, ...], covered_share: float, generator: torch.Generator) -> Scenes:
    painted = [paint(cells, covered_share, generator) for cells in parts]
    order = torch.cat([cells.places for cells in parts]).argsort()
    return pick(join(*painted), order)


def paint(cells: Cells, covered_share: float, generator: torch.Generator) -> Scenes:
    """One cell each: the photo as placed, on its background, and what can be seen of its faces."""
    side = cells.backgrounds.shape[-1]
    stored = rescaling(cells.photos.shape[-1] / SIZES[0]).to(cells.cell_from_photo)
    photo_from_cell = invert(cells.cell_from_photo)
    stored_from_cell = compose(stored.expand_as(photo_from_cell), photo_from_cell)
    photos = warp_affine(cells.photos.float() / 255, stored_from_cell, side, side, "border", "bilinear")
    backs = made_or_given(cells.backgrounds.float() / 255, generator)
    outlines = transform_points(cells.cell_from_photo[:, None].expand(-1, 4, -1, -1), cells.outlines)
    boxes = bounds(outlines[:, :, 5:])
    shown = visibility(cells, photo_from_cell.float(), boxes[:, 0], side)
    flat = (cells.surrounds == FLAT)[:, None, None, None]
    backs = torch.where(flat, backs[:, :, :1, :1], backs)
    pictures = photos * shown + backs * (1 - shown)
    pictures = cover(pictures, boxes[:, 0], covered_share, generator)
    pictures = torch.where(cells.scrambled[:, None, None, None], scramble(pictures, generator), pictures)
    points = outlines[:, :, :5]
    points = torch.where(cells.mirrored[:, None, None, None], points[:, :, MIRRORED], points)
    kinds = torch.where((cells.empty | cells.scrambled)[:, None], NOTHING, cells.kinds)
    # beside a face that was cut out, others of its photo may or may not be visible
    others = torch.arange(4, device=kinds.device) > 0
    hidden = (cells.surrounds == CUT_OUT)[:, None] & others & (kinds == FACE)
    return clip(Scenes(pictures, boxes, points, torch.where(hidden, IGNORE, kinds)))


def visibility(
    cells: Cells, photo_from_cell: Float[Tensor, "cells 2 3"], boxes: Float[Tensor, "cells 4"], side: int
) -> Float[Tensor, "cells 1 side side"]:
    """1 where the photo is seen, 0 where its background is."""
    axis = torch.arange(side, device=boxes.device, dtype=torch.float32)
    matrix = photo_from_cell[:, :, :, None, None]
    spots = (
        matrix[:, :, 0] * axis + matrix[:, :, 1] * axis[:, None] + matrix[:, :, 2]
    )  # (cells, 2, side, side)
    inside = ((spots > -0.5) & (spots < cells.extents[:, :, None, None] - 0.5)).all(1, keepdim=True).float()
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    across = (axis - centre[:, :1]) / half[:, :1]
    along = (axis - centre[:, 1:]) / half[:, 1:]
    radius = (across[:, None, :] ** 2 + along[:, :, None] ** 2).sqrt()[:, None]
    # from just outside the box, where its corners are cut, over a soft edge
    oval = ((1.45 - radius) * 5).clamp(0, 1)
    style = cells.surrounds[:, None, None, None]
    seen = torch.where(style == CUT_OUT, oval * inside, torch.where(style == REPEATED, 1.0, inside))
    return torch.where(cells.empty[:, None, None, None], 0.0, seen)


def made_or_given(backgrounds: Images, generator: torch.Generator) -> Images:
    """A third of the backgrounds are clouds of color, from one flat color to fine noise."""
    chance = torch.rand(len(backgrounds), generator=generator, device=backgrounds.device)
    chosen = (chance < 0.33).nonzero()[:, 0]
    return backgrounds.index_copy(0, chosen, clouds(len(chosen), backgrounds.shape[-1], generator))


def clouds(count: int, side: int, generator: torch.Generator) -> Float[Tensor, "{count} 3 {side} {side}"]:
    """Noise of several sizes, each with its own strength."""
    device = generator.device
    made = torch.zeros(count, 3, side, side, device=device)
    for fineness in (1, 2, 5, side // 4, side):
        noise = torch.rand((count, 3, fineness, fineness), generator=generator, device=device)
        strength = torch.rand((count, 1, 1, 1), generator=generator, device=device) ** 2
        made += strength * F.interpolate(noise, size=(side, side), mode="bilinear", align_corners=False)
    return made / made.amax((1, 2, 3), keepdim=True).clamp(min=1) if count else made


def cover(
    pictures: Images, boxes: Float[Tensor, "cells 4"], share: float, generator: torch.Generator
) -> Images:
    """An ellipse, in one color or with another cell's pixels, over a part of some faces."""
    count, side = len(pictures), pictures.shape[-1]
    rand = torch.rand((count, 8), generator=generator, device=pictures.device)
    extent = (boxes[:, 2:] - boxes[:, :2]).amin(-1)
    angle = 2 * torch.pi * rand[:, 0]
    away = extent * (0.3 + 0.3 * rand[:, 1])
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2 + torch.stack((angle.cos(), angle.sin()), -1) * away[:, None]
    radii = extent[:, None] * (0.12 + 0.25 * rand[:, 2:4])
    axis = torch.arange(side, device=pictures.device, dtype=torch.float32)
    across = (axis - middle[:, :1]) / radii[:, :1]
    along = (axis - middle[:, 1:]) / radii[:, 1:]
    # power 2 is an ellipse, power 8 nearly a rectangle
    power = torch.where(rand[:, 4] < 0.5, 2.0, 8.0)[:, None, None]
    inside = across.abs()[:, None, :] ** power + along.abs()[:, :, None] ** power < 1
    inside = (inside & (rand[:, 5] < share)[:, None, None])[:, None]
    flat = torch.rand((count, 3, 1, 1), generator=generator, device=pictures.device)
    # a color from the picture itself, often skin, hides best
    own = pictures[:, :, side // 2, side // 2, None, None]
    color = torch.where(rand[:, 6, None, None, None] < 0.5, own, flat)
    paint_with = torch.where(rand[:, 7, None, None, None] < 0.5, color, pictures.roll(1, 0).flip(-1))
    return torch.where(inside, paint_with, pictures)


def scramble(pictures: Images, generator: torch.Generator, blocks: int = 4) -> Images:
    """Every picture's blocks in another order."""
    count, _, side, _ = pictures.shape
    part = side // blocks
    split = pictures.unflatten(3, (blocks, part)).unflatten(
        2, (blocks, part)
    )  # (n, 3, blocks, part, blocks, part)
    flat = split.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
    order = torch.randperm(blocks * blocks, generator=generator, device=pictures.device)
    mixed = flat[:, order].unflatten(1, (blocks, blocks)).permute(0, 3, 1, 4, 2, 5)
    return mixed.reshape(count, 3, side, side)


def clip(scenes: Scenes) -> Scenes:
    """Boxes end where the picture does; a face of which too little is left is ignored, then nothing."""
    side = scenes.pictures.shape[-1]
    boxes = scenes.boxes.clamp(-0.5, side - 0.5)
    left = areas(boxes) / areas(scenes.boxes).clamp(min=1e-3)
    kinds = torch.where((scenes.kinds == FACE) & (left < 0.55), IGNORE, scenes.kinds)
    return Scenes(scenes.pictures, boxes, scenes.points, torch.where(left < 0.2, NOTHING, kinds))


def areas(boxes: Float[Tensor, "*boxes 4"]) -> Float[Tensor, "*boxes"]:
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)


def assemble(scenes: Scenes) -> Scenes:
    """Every four scenes become one of twice the side."""
    side = scenes.pictures.shape[-1]
    quads = scenes.pictures.unflatten(0, (-1, 2, 2)).permute(0, 3, 1, 4, 2, 5)
    pictures = quads.reshape(-1, 3, 2 * side, 2 * side)
    corner = scenes.boxes.new_tensor([[0, 0], [side, 0], [0, side], [side, side]])
    boxes = scenes.boxes.unflatten(0, (-1, 4)) + corner.repeat(1, 2)[:, None]
    points = scenes.points.unflatten(0, (-1, 4)) + corner[:, None, None]
    return Scenes(
        pictures, boxes.flatten(1, 2), points.flatten(1, 2), scenes.kinds.unflatten(0, (-1, 4)).flatten(1, 2)
    )


def join(*scenes: Scenes) -> Scenes:
    """Several batches as one, with room for as many faces as the fullest has."""
    room = max(part.kinds.shape[1] for part in scenes)
    parts = [(part, room - part.kinds.shape[1]) for part in scenes]
    return Scenes(
        pictures=torch.cat([part.pictures for part, _ in parts]),
        boxes=torch.cat([F.pad(part.boxes, (0, 0, 0, more)) for part, more in parts]),
        points=torch.cat([F.pad(part.points, (0, 0, 0, 0, 0, more)) for part, more in parts]),
        kinds=torch.cat([F.pad(part.kinds, (0, more), value=NOTHING) for part, more in parts]),
    )


def pick(scenes: Scenes, order: Int[Tensor, " picked"]) -> Scenes:
    return Scenes(scenes.pictures[order], scenes.boxes[order], scenes.points[order], scenes.kinds[order])


def shuffle(scenes: Scenes, generator: torch.Generator) -> Scenes:
    device = scenes.pictures.device
    return pick(scenes, torch.randperm(len(scenes.pictures), generator=generator, device=device))


def tidy(scenes: Scenes) -> Scenes:
    """Faces first, and no more room than the fullest picture needs."""
    order = (scenes.kinds == NOTHING).long().argsort(stable=True, dim=1)
    room = max(1, int((scenes.kinds != NOTHING).sum(1).max()))
    order = order[:, :room]
    rows = torch.arange(len(order), device=order.device)[:, None]
    boxes, points, kinds = (part[rows, order] for part in (scenes.boxes, scenes.points, scenes.kinds))
    return Scenes(scenes.pictures, boxes, points, kinds)
