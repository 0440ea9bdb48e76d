"""Faces with something in front of them: hands, masks, glasses, any shape; and how much of them is hidden."""

from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.data.worn import Wardrobe
from mien.degrade.hands import HandProfile
from mien.degrade.occlude import Occluded, OccluderProfile, Occluders, occlude
from mien.types import Images, Masks

PointSets = Float[Tensor, "batch 68 2"]

SPOKES = (0.15, 0.4, 0.6, 0.75, 0.87, 0.97)
"""How far from the face's middle to its outline it is asked what is hidden; farther out, farther apart, so
that each place stands for about as much of the face."""
OUTLINE = slice(0, 27)
"""Jaw and brows."""


@dataclass(frozen=True)
class Cover:
    """What may be in front of a face, and how often."""

    hands: HandProfile = field(
        default_factory=lambda: HandProfile(length=(0.35, 1.1), second_length=(0.25, 0.5), arm=1.0)
    )
    """Larger ones than those by which a reader is judged, with their arms."""
    blocks: OccluderProfile = field(
        default_factory=lambda: OccluderProfile(radius=(0.08, 0.3), center=(0.2, 0.8))
    )
    """Anything, from a leaf to a signboard."""
    strands: OccluderProfile = field(
        default_factory=lambda: OccluderProfile(radius=(0.02, 0.06), center=(0.2, 0.8), power=(2.0, 3.0))
    )
    """Hair, twigs, bars: three at a time."""
    shares: tuple[float, float, float, float] = (0.5, 0.2, 0.15, 0.15)
    """Of hands, of what is worn, of blocks, of strands."""

    def __call__(
        self, images: Images, points: PointSets, wardrobe: Wardrobe | None, generator: torch.Generator
    ) -> Occluded:
        """Every face behind something; without a wardrobe nothing is worn but more is held."""
        shares = torch.tensor(self.shares, device=generator.device)
        kinds = torch.multinomial(shares, len(images), replacement=True, generator=generator)
        kinds = kinds.to(images.device)
        if wardrobe is None:
            kinds = torch.where(kinds == 1, 0, kinds)
        pixels, masks = images.clone(), torch.zeros_like(images[:, :1])
        for kind in kinds.unique().tolist():
            chosen = (kinds == kind).nonzero()[:, 0]
            covered = self.covered(kind, images[chosen], points[chosen], wardrobe, generator)
            pixels[chosen], masks[chosen] = covered.images, covered.mask
        return Occluded(pixels, masks)

    def covered(
        self,
        kind: int,
        images: Images,
        points: PointSets,
        wardrobe: Wardrobe | None,
        generator: torch.Generator,
    ) -> Occluded:
        """All of them behind one kind of thing."""
        if kind == 0:
            return self.hands(images, points, generator)
        if kind == 1 and wardrobe is not None:
            return wardrobe.put_on(images, points, generator)
        profiles = (self.blocks,) if kind == 2 else (self.strands,) * 3
        free = torch.ones_like(images[:, :1])
        for profile in profiles:
            drawn = profile.draw(len(images), generator)
            laid = occlude(images, lengthened(drawn) if kind == 3 else drawn, generator)
            images, free = laid.images, free * (1 - laid.mask)
        return Occluded(images, 1 - free)


def lengthened(shapes: Occluders) -> Occluders:
    """As long as a face, as thin as they were."""
    stretch = shapes.radii.new_tensor([12.0, 1.0])
    return replace(shapes, radii=shapes.radii * stretch)


def hidden_share(masks: Masks, points: PointSets) -> Float[Tensor, " batch"]:
    """How much of the face within jaw and brows is hidden, asked at places spread over it."""
    rim = points[:, OUTLINE]
    middle = rim.mean(1, keepdim=True)
    places = torch.cat([middle + share * (rim - middle) for share in SPOKES], 1)  # (B, places, 2)
    size = masks.new_tensor([masks.shape[3], masks.shape[2]])
    grid = ((2 * places + 1) / size - 1)[:, None].to(masks)
    return F.grid_sample(masks, grid, align_corners=False).mean((1, 2, 3))
