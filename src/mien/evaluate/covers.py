"""Things to put in front of faces whose answer is known: hands, a mask, glasses, blocks; all of them made."""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from mien.data.worn import HEIGHT, WIDTH, image_from_glasses, image_from_mask, lay_each
from mien.degrade.hands import HandProfile
from mien.degrade.occlude import Occluded, OccluderProfile, occlude
from mien.types import Images

Points = Float[Tensor, "batch 68 2"]
PutOn = Callable[[Images, Points, torch.Generator], Occluded]
Cutout = Float[Tensor, "4 96 128"]
CLOTHS = ((0.55, 0.75, 0.9), (0.12, 0.12, 0.14), (0.93, 0.93, 0.95))
"""Colours of masks: light blue, black, white."""
PLEATS = 6
GLASSES_ASPECT = 0.36
BLOCKS = OccluderProfile(radius=(0.1, 0.2), center=(0.35, 0.65))


def hands(images: Images, points: Points, generator: torch.Generator) -> Occluded:
    return HandProfile()(images, points, generator)


def masks(images: Images, points: Points, generator: torch.Generator) -> Occluded:
    """A pleated mask over nose, mouth and chin."""
    number = torch.randint(len(CLOTHS), (len(images),), generator=generator).tolist()
    cutouts = torch.stack([mask_cutout(CLOTHS[index]) for index in number]).to(images)
    return lay_each(images, cutouts, image_from_mask(points))


def glasses(images: Images, points: Points, generator: torch.Generator) -> Occluded:
    """Dark glasses."""
    aspect = points.new_full((len(points),), GLASSES_ASPECT)
    cutouts = glasses_cutout().to(images).expand(len(images), -1, -1, -1)
    return lay_each(images, cutouts, image_from_glasses(points, aspect))


def blocks(images: Images, points: Points, generator: torch.Generator) -> Occluded:
    """Any shape in any colour, near the middle."""
    return occlude(images, BLOCKS.draw(len(images), generator), generator)


COVERS: Mapping[str, PutOn] = {"hands": hands, "masks": masks, "glasses": glasses, "blocks": blocks}
"""Condition to what makes it."""


def mask_cutout(color: tuple[float, float, float]) -> Cutout:
    """A rounded piece of cloth with folds."""
    y, x = _grid()
    inside = (x.abs() ** 4 + ((y + 0.05).abs() / 0.98) ** 4 < 1).float()
    folds = 1 - 0.1 * (torch.sin(PLEATS * torch.pi * y) > 0.8).float() - 0.15 * x.square()
    painted = torch.tensor(color)[:, None, None] * folds
    return torch.cat((painted, inside[None]))


def glasses_cutout() -> Cutout:
    """Two dark lenses, a bridge, and a rim."""
    y, x = _grid()
    lenses = (((x.abs() - 0.5) / 0.42).abs() ** 3 + (y / 0.85).abs() ** 3) < 1
    bridge = (x.abs() < 0.15) & ((y + 0.3).abs() < 0.1)
    temples = (x.abs() > 0.85) & ((y + 0.35).abs() < 0.12)
    inside = (lenses | bridge | temples).float()
    gray = 0.08 + 0.1 * (1 - y) / 2
    return torch.cat((gray.expand(3, -1, -1), inside[None]))


def _grid() -> tuple[Float[Tensor, "96 128"], Float[Tensor, "96 128"]]:
    """y and x from -1 to 1."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, HEIGHT), torch.linspace(-1, 1, WIDTH), indexing="ij")
    return y, x
