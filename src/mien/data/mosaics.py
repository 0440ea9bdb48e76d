"""Training pictures for finding faces: canvases of one, four or sixteen photos, turned and resized.

`draw` decides and gathers, `scenes.compose_scenes` samples. Every pixel of a canvas is sampled once,
whatever the number of its faces.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from mien.data.facepool import SIZES, FacePool, bounds
from mien.data.scenes import Cells, Draft


@dataclass(frozen=True)
class MosaicConfig:
    """What the canvases are like."""

    side: int = 256
    num_whole: int = 16
    """Canvases of one photo."""
    num_split: int = 24
    """Canvases of four tiles."""
    fine_share: float = 0.25
    """Of the tiles, those of four smaller ones."""
    sizes: tuple[tuple[float, float], ...] = ((40.0, 330.0), (20.0, 140.0), (10.0, 64.0))
    """Smallest and largest side of a face in a whole canvas, a tile, a small tile."""
    upright_share: float = 0.45
    """The others lie at any angle."""
    upright_degrees: float = 14.0
    empty_share: float = 0.12
    """Cells of background alone."""
    scrambled_share: float = 0.06
    """Faces cut into blocks and shuffled: eyes and mouths that are no face."""
    piece_share: float = 0.05
    """Cells that show a small part of a huge face, which is no face either."""
    covered_share: float = 0.3
    surrounds: tuple[float, float, float, float] = (0.25, 0.35, 0.25, 0.15)
    """Shares of repeated, pasted, cut out and flat."""

    @property
    def num_canvases(self) -> int:
        return self.num_whole + self.num_split

    @property
    def num_cells(self) -> tuple[int, int, int]:
        """Of the three sizes."""
        num_fine = round(4 * self.num_split * self.fine_share)
        return self.num_whole, 4 * self.num_split - num_fine, 4 * num_fine


@dataclass(frozen=True)
class _Plan:
    """Random decisions about some cells."""

    numbers: Int[Tensor, " cells"]
    cell_from_photo: Float[Tensor, "cells 2 3"]
    mirrored: Bool[Tensor, " cells"]
    surrounds: Int[Tensor, " cells"]
    empty: Bool[Tensor, " cells"]
    scrambled: Bool[Tensor, " cells"]


def draw(
    pool: FacePool,
    chosen: Int[Tensor, " photos"],
    backgrounds: np.ndarray,
    config: MosaicConfig,
    generator: torch.Generator,
) -> Draft:
    """Decide about a batch and gather what it needs; `chosen` are the photos of the pool to draw from."""
    parts = []
    for level, (count, sizes) in enumerate(zip(config.num_cells, config.sizes, strict=True)):
        side = config.side >> level
        plan = decide(pool, chosen, count, side, sizes, config, generator)
        backs = cut_backgrounds(backgrounds, count, side, generator)
        parts.append(gather(pool, plan, backs))
    return Draft(torch.arange(config.num_canvases), *parts)


def decide(
    pool: FacePool,
    chosen: Int[Tensor, " photos"],
    count: int,
    side: int,
    sizes: tuple[float, float],
    config: MosaicConfig,
    generator: torch.Generator,
) -> _Plan:
    def chance(*shape: int) -> Tensor:
        return torch.rand((count, *shape), generator=generator)

    picks = chosen[torch.multinomial(pool.weights[chosen], count, replacement=True, generator=generator)]
    fate = chance()
    ends = np.cumsum([config.empty_share, config.scrambled_share, config.piece_share])
    scrambled, piece = (fate >= ends[0]) & (fate < ends[1]), (fate >= ends[1]) & (fate < ends[2])
    size = sizes[0] * (sizes[1] / sizes[0]) ** chance()
    size = torch.where(scrambled, side * (0.9 + 0.5 * chance()), size)
    size = torch.where(piece, side * (2.6 + 2 * chance()), size)
    upright = torch.randn(count, generator=generator) * config.upright_degrees
    degrees = torch.where(chance() < config.upright_share, upright, 360 * chance())
    mirrored = chance() < 0.5
    low = torch.minimum(0.35 * size, torch.full_like(size, 0.38 * side))
    centre = low[:, None] + chance(2) * (side - 2 * low)[:, None] - 0.5
    stretch = torch.exp(0.06 * torch.randn(count, generator=generator))
    weights = torch.tensor(config.surrounds)
    return _Plan(
        numbers=picks,
        cell_from_photo=place(bounds(pool.outlines[picks, 0, 5:]), size, degrees, mirrored, stretch, centre),
        mirrored=mirrored,
        surrounds=torch.multinomial(weights, count, replacement=True, generator=generator),
        empty=fate < ends[0],
        scrambled=scrambled,
    )


def place(
    boxes: Float[Tensor, "cells 4"],
    size: Float[Tensor, " cells"],
    degrees: Float[Tensor, " cells"],
    mirrored: Bool[Tensor, " cells"],
    stretch: Float[Tensor, " cells"],
    centre: Float[Tensor, "cells 2"],
) -> Float[Tensor, "cells 2 3"]:
    """The transform that puts a face's box, made this large and turned, at this centre."""
    scale = size / (boxes[:, 2:] - boxes[:, :2]).prod(-1).clamp(min=1).sqrt()
    angle = torch.deg2rad(degrees)
    turn = torch.stack((angle.cos(), -angle.sin(), angle.sin(), angle.cos()), -1).unflatten(-1, (2, 2))
    across = torch.where(mirrored, -stretch, stretch)
    linear = turn * torch.stack((across, torch.ones_like(across)), -1)[:, None] * scale[:, None, None]
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    shift = centre - (linear @ middle[..., None])[..., 0]
    return torch.cat((linear, shift[..., None]), -1)


def cut_backgrounds(
    backgrounds: np.ndarray, count: int, side: int, generator: torch.Generator
) -> UInt8[Tensor, "cells 3 side side"]:
    """Squares of face-free pictures, each as it is or at half its resolution."""
    full = backgrounds.shape[-1]
    out = np.empty((count, 3, side, side), np.uint8)
    for index in range(count):
        number = int(torch.randint(len(backgrounds), (), generator=generator))
        step = 2 if 2 * side <= full and int(torch.randint(2, (), generator=generator)) else 1
        top, left = torch.randint(full - step * side + 1, (2,), generator=generator).tolist()
        piece = backgrounds[number, :, top : top + step * side : step, left : left + step * side : step]
        if int(torch.randint(2, (), generator=generator)):
            piece = piece.swapaxes(1, 2)
        out[index] = piece
    return torch.from_numpy(out)


def gather(pool: FacePool, plan: _Plan, backgrounds: UInt8[Tensor, "cells 3 side side"]) -> tuple[Cells, ...]:
    """The cells by the stored size they are best taken from, so that shrinking never aliases."""
    shrinking = plan.cell_from_photo[:, :, :2].det().abs().rsqrt()
    levels = (shrinking / 1.1).log2().ceil().clamp(0, len(SIZES) - 1).long()
    groups = []
    for level in levels.unique().tolist():
        places = (levels == level).nonzero().flatten()
        numbers = plan.numbers[places]
        groups.append(
            Cells(
                photos=pool.gather(numbers, level),
                backgrounds=backgrounds[places],
                cell_from_photo=plan.cell_from_photo[places],
                outlines=pool.outlines[numbers],
                kinds=pool.kinds[numbers],
                extents=pool.extents[numbers],
                mirrored=plan.mirrored[places],
                surrounds=plan.surrounds[places],
                empty=plan.empty[places],
                scrambled=plan.scrambled[places],
                places=places,
            )
        )
    return tuple(groups)
