"""How triples are spoiled further while they are learned from, beside what was made of them once.

CFR-GAN learns mostly from parts that are no face, hence RandomErasing (section 3.3); its code also moves the
face's outline, since a surface that was read is never quite where the face is.
"""

from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from mien.data.cover import Cover
from mien.data.synthesis import Triples
from mien.data.variety import per_picture
from mien.data.worn import Wardrobe
from mien.degrade.noise import uniform
from mien.geometry.landmarks import MIRROR_68
from mien.image.occlusion import softened
from mien.types import Images, Masks

Chosen = Bool[Tensor, " batch"]


@dataclass(frozen=True)
class Spoiling:
    """How often, and how much; lengths in parts of the side."""

    shrunk_share: float = 0.25
    """Of the damaged pictures, halved and enlarged again."""
    erased_share: float = 0.2
    corner: tuple[float, float] = (0.3, 0.75)
    """Where the upper left corner of an erased box may be, to the right and down."""
    side: tuple[float, float] = (5 / 224, 1 / 3)
    noise: float = 0.25
    misaligned_share: float = 0.2
    across: float = 20 / 224
    down: tuple[float, float] = (7 / 224, 20 / 224)
    covered_share: float = 0.0
    """Behind a hand, a mask, glasses or anything: unlike the photos' own covers these have a true mask.
    The paper has none of it."""
    plain_share: float = 0.0
    """Not turned twice but as their photo is, as faces that keep their pose are in use. Only what is put on
    them is in their mask; else two fifths of a face are, and a network learns to doubt what is plain to see.
    The paper has none of it."""
    cover: Cover = field(default_factory=Cover)

    def __call__(self, triples: Triples, wardrobe: Wardrobe | None, generator: torch.Generator) -> Triples:
        triples = mirrored(triples, generator)
        if self.plain_share:
            triples = plain(triples, per_picture(triples.truth, generator) < self.plain_share)
        is_shrunk = per_picture(triples.truth, generator) < self.shrunk_share
        triples = replace(triples, damaged=torch.where(is_shrunk, shrunk(triples.damaged), triples.damaged))
        draw = per_picture(triples.truth, generator).flatten()
        erased = draw < self.erased_share
        shifted = ~erased & (draw < self.erased_share + self.misaligned_share)
        triples = self.erased(triples, erased, generator)
        triples = self.misaligned(triples, shifted, generator)
        return self.covered(triples, wardrobe, generator)

    def erased(self, triples: Triples, chosen: Chosen, generator: torch.Generator) -> Triples:
        """A box of each chosen picture gets another colour, plain or grainy (RandomErasing)."""
        batch, _, height, width = triples.damaged.shape
        low, high = self.side
        sides = (low + (high - low) * uniform(generator, batch, 2)) * min(height, width)
        first, last = self.corner
        corners = (first + (last - first) * uniform(generator, batch, 2)) * min(height, width)
        inside = boxes(corners, sides, height, width).to(triples.mask)
        return self.filled(triples, inside * chosen.to(inside)[:, None, None, None], generator)

    def misaligned(self, triples: Triples, chosen: Chosen, generator: torch.Generator) -> Triples:
        """The face as if it lay elsewhere: where it no longer is, another colour shows."""
        size = triples.face.shape[-1]
        low, high = self.down
        down = ((low + (high - low) * uniform(generator, len(chosen))) * size).round().long()
        across = ((2 * uniform(generator, len(chosen)) - 1) * self.across * size).round().long()
        moved = torch.cat(
            [shift(one[None], int(y), int(x)) for one, y, x in zip(triples.face, down, across, strict=True)]
        )
        uncovered = triples.face * (1 - moved)
        return self.filled(triples, uncovered * chosen.to(uncovered)[:, None, None, None], generator)

    def filled(self, triples: Triples, area: Masks, generator: torch.Generator) -> Triples:
        """An area of the face in a colour of its own or that of its surroundings, half of them with noise."""
        batch = len(area)
        area = area * triples.face
        color = uniform(generator, batch, 3, 1, 1).to(area)
        size = area.sum((2, 3), keepdim=True).clamp(min=1)
        local = (triples.damaged * area).sum((2, 3), keepdim=True) / size
        color = torch.where(per_picture(triples.truth, generator) < 0.5, color, local)
        grain = self.noise * (2 * uniform(generator, *triples.damaged.shape).to(area) - 1)
        is_grainy = (per_picture(triples.truth, generator) < 0.5).to(area)
        fill = (color + is_grainy * grain).clamp(0, 1)
        damaged = torch.lerp(triples.damaged, fill.expand_as(triples.damaged), area)
        return replace(triples, damaged=damaged, mask=torch.maximum(triples.mask, area))

    def covered(self, triples: Triples, wardrobe: Wardrobe | None, generator: torch.Generator) -> Triples:
        """Some faces behind things; under them the guide is the estimate, as it is in use."""
        chosen = (per_picture(triples.truth, generator).flatten() < self.covered_share).nonzero()[:, 0]
        if not len(chosen):
            return triples
        laid = self.cover(triples.damaged[chosen], triples.landmarks[chosen], wardrobe, generator)
        damaged, mask, guide = triples.damaged.clone(), triples.mask.clone(), triples.guide.clone()
        hidden = laid.mask * triples.face[chosen]
        damaged[chosen] = laid.images
        mask[chosen] = torch.maximum(mask[chosen], hidden)
        guide[chosen] = torch.lerp(guide[chosen], triples.estimate[chosen], softened(hidden))
        return replace(triples, damaged=damaged, mask=mask, guide=guide)


def plain(triples: Triples, chosen: Bool[Tensor, "batch 1 1 1"]) -> Triples:
    """The chosen ones' photos as they are, beside what was read from them."""
    return replace(
        triples,
        damaged=torch.where(chosen, triples.truth, triples.damaged),
        guide=torch.where(chosen, triples.estimate, triples.guide),
        mask=triples.mask * ~chosen,
    )


def mirrored(triples: Triples, generator: torch.Generator) -> Triples:
    """Half of the faces seen in a mirror, everything of a triple together."""
    is_flipped = per_picture(triples.truth, generator) < 0.5

    def flip(planes: Images | Masks) -> Tensor:
        return torch.where(is_flipped, planes.flip(3), planes)

    x, y = triples.landmarks[:, MIRROR_68.to(triples.landmarks.device)].unbind(-1)
    points = torch.stack((triples.truth.shape[-1] - 1 - x, y), -1)
    return Triples(
        flip(triples.damaged),
        flip(triples.guide),
        flip(triples.estimate),
        flip(triples.mask),
        flip(triples.face),
        flip(triples.truth),
        torch.where(is_flipped[:, :, :, 0], points, triples.landmarks),
    )


def shrunk(images: Images) -> Images:
    """Half the size and back."""
    return F.interpolate(F.avg_pool2d(images, 2), images.shape[-2:], mode="bilinear", align_corners=False)


def boxes(
    corners: Float[Tensor, "batch 2"], sides: Float[Tensor, "batch 2"], height: int, width: int
) -> Float[Tensor, "batch 1 {height} {width}"]:
    """1 inside a box given by its upper left corner and its sides, x before y."""
    x = torch.arange(width, device=corners.device)
    y = torch.arange(height, device=corners.device)
    end = corners + sides
    is_across = (x >= corners[:, :1]) & (x < end[:, :1])
    is_down = (y >= corners[:, 1:]) & (y < end[:, 1:])
    return (is_down[:, None, :, None] & is_across[:, None, None, :]).float()


def shift(planes: Masks, down: int, across: int) -> Masks:
    """Moved by whole pixels; what comes in is empty."""
    height, width = planes.shape[-2:]
    moved = torch.zeros_like(planes)
    rows, columns = slice(max(down, 0), height + min(down, 0)), slice(max(across, 0), width + min(across, 0))
    source_rows = slice(max(-down, 0), height + min(-down, 0))
    source_columns = slice(max(-across, 0), width + min(-across, 0))
    moved[:, :, rows, columns] = planes[:, :, source_rows, source_columns]
    return moved
