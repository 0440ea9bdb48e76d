"""Planes of brightness and colour to RGB, and what changed in RGB back into them.

Only changes go back: a pixel that nobody touched keeps its value to the bit, whatever its range, depth and
matrix are. Both ways are those of ITU-T H.273, tables 3 and 4. Colour planes of half the width lie on every
second column of brightness, those of half the height between two rows, as MPEG-2 and later place them.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.types import Image
from mien.video.film import Plane

WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
"""What red and blue weigh in brightness, by H.273's number of the matrix."""
BT601, BT709 = 6, 1
LARGEST_601 = (1024, 576)
"""Of a film that does not name its matrix, players go by its width and height."""


@dataclass(frozen=True)
class Coding:
    """How numbers in planes stand for colours."""

    matrix: int
    """A key of WEIGHTS."""
    is_full_range: bool
    bits: int
    halves: tuple[bool, bool]
    """Whether colour planes have half the width, half the height."""

    @property
    def luma(self) -> tuple[float, float]:
        """The number for black, and how many there are up to white."""
        unit = 2.0 ** (self.bits - 8)
        return (0.0, 2.0**self.bits - 1) if self.is_full_range else (16 * unit, 219 * unit)

    @property
    def chroma(self) -> tuple[float, float]:
        """The number for no colour, and how many there are from the least to the most."""
        unit = 2.0 ** (self.bits - 8)
        return 128 * unit, 2.0**self.bits - 1 if self.is_full_range else 224 * unit


def likely_matrix(width: int, height: int) -> int:
    """For a film that does not say."""
    return BT601 if width <= LARGEST_601[0] and height <= LARGEST_601[1] else BT709


def rgb_from_planes(planes: tuple[Plane, ...], coding: Coding) -> Image:
    """Not clamped: some numbers stand for colours that no screen has."""
    height, width = planes[0].shape
    black, reach = coding.luma
    luma = (planes[0].float() - black) / reach
    middle, spread = coding.chroma
    blue, red = (
        _widened((plane.float() - middle) / spread, coding.halves)[:height, :width] for plane in planes[1:]
    )
    red_weight, blue_weight = WEIGHTS[coding.matrix]
    r = luma + 2 * (1 - red_weight) * red
    b = luma + 2 * (1 - blue_weight) * blue
    g = (luma - red_weight * r - blue_weight * b) / (1 - red_weight - blue_weight)
    return torch.stack((r, g, b))


def repainted(planes: tuple[Plane, ...], change: Image, coding: Coding) -> tuple[Plane, ...]:
    """The planes with a change of their RGB, rounded but still floats."""
    red_weight, blue_weight = WEIGHTS[coding.matrix]
    r, g, b = change
    luma = red_weight * r + (1 - red_weight - blue_weight) * g + blue_weight * b
    blue = _narrowed((b - luma) / (2 * (1 - blue_weight)), coding.halves)
    red = _narrowed((r - luma) / (2 * (1 - red_weight)), coding.halves)
    reaches = (coding.luma[1], coding.chroma[1], coding.chroma[1])
    changes = zip(planes, (luma, blue, red), reaches, strict=True)
    return tuple(
        (plane + part * reach).round().clamp(0, 2**coding.bits - 1) for plane, part, reach in changes
    )


def enlarged(planes: tuple[Plane, ...], scale: int) -> tuple[Plane, ...]:
    """By bicubic interpolation, as floats."""
    floats = tuple(plane.float() for plane in planes)
    if scale == 1:
        return floats
    height, width = floats[0].shape
    grown = []
    for plane in floats:
        larger = F.interpolate(plane[None, None], scale_factor=scale, mode="bicubic")[0, 0]
        rows, columns = (
            length * scale if own == length else -(-length * scale // 2)  # half a pixel less where it was odd
            for own, length in zip(plane.shape, (height, width), strict=True)
        )
        grown.append(larger[:rows, :columns])
    return tuple(grown)


def _widened(plane: Plane, halves: tuple[bool, bool]) -> Plane:
    if halves[0]:
        after = torch.cat((plane[:, 1:], plane[:, -1:]), dim=1)
        plane = torch.stack((plane, (plane + after) / 2), dim=2).flatten(1)
    if halves[1]:
        above, below = torch.cat((plane[:1], plane[:-1])), torch.cat((plane[1:], plane[-1:]))
        plane = torch.stack((0.75 * plane + 0.25 * above, 0.75 * plane + 0.25 * below), dim=1).flatten(0, 1)
    return plane


def _narrowed(plane: Float[Tensor, "height width"], halves: tuple[bool, bool]) -> Plane:
    if halves[0]:
        padded = F.pad(plane[None], (1, 1 + plane.shape[1] % 2), mode="replicate")[0]
        plane = (padded[:, :-2:2] + 2 * padded[:, 1:-1:2] + padded[:, 2::2]) / 4
    if halves[1]:
        padded = F.pad(plane[None, None], (0, 0, 0, plane.shape[0] % 2), mode="replicate")[0, 0]
        plane = (padded[::2] + padded[1::2]) / 2
    return plane
