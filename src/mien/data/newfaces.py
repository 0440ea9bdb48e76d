"""Faces that nobody has: two people mixed, and bent a little. A teacher can tell what it makes of them.

A few thousand people are too few to learn from; what a teacher does is learned from any face.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from mien.data.photos import to_unit_range
from mien.data.variety import drop_color, mirror, relight
from mien.types import Images, Masks

SCALE = 1.5
"""Stored pixels over those of a face that is looked at."""
KNOTS = 5
"""Along each side, between which a bend and the border of a mixture are smooth."""


@dataclass(frozen=True)
class NewFaces:
    """How far a face goes from the one that was stored."""

    size: int = 112
    degrees: float = 5.0
    """All of these are standard deviations."""
    scale: float = 0.04
    shift: float = 1.5
    """In pixels."""
    bend: float = 2.0
    bent_share: float = 0.5
    mixed_share: float = 0.5
    brightness: float = 0.15
    contrast: float = 0.3
    gray_share: float = 0.05

    def __call__(
        self, pixels: Tensor, partners: Tensor, generator: torch.Generator
    ) -> tuple[Images, Bool[Tensor, " batch"]]:
        """Faces, and which of them are still the person they were."""
        num, device = len(pixels), pixels.device
        bent = torch.rand(num, generator=generator, device=device) < self.bent_share
        mixed = torch.rand(num, generator=generator, device=device) < self.mixed_share
        grid = self.places(num, bent, generator)
        faces = look(pixels, grid)
        chosen = mixed.nonzero()[:, 0]
        if len(chosen):
            others = recolored(look(partners[chosen], grid[chosen]), faces[chosen])
            share = mixture(len(chosen), self.size, generator)
            faces = faces.index_copy(0, chosen, torch.lerp(faces[chosen], others, share))
        faces = relight(mirror(faces, generator), self.brightness, self.contrast, generator)
        return drop_color(faces, self.gray_share, generator), ~(bent | mixed)

    def places(
        self, num: int, bent: Bool[Tensor, " batch"], generator: torch.Generator
    ) -> Float[Tensor, "batch size size 2"]:
        """Where each pixel comes from, in pixels from the middle of the stored face at its own scale."""

        def chance(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, device=bent.device)

        angle = torch.deg2rad(self.degrees * chance(num))
        factor = torch.exp(self.scale * chance(num))
        cosine, sine = factor * angle.cos(), factor * angle.sin()
        turn = torch.stack((cosine, -sine, sine, cosine), dim=-1).reshape(num, 1, 2, 2)
        straight = straight_places(self.size, bent.device).reshape(1, -1, 2)  # (1, H W, 2)
        moved = (straight @ turn.mT[:, 0]).reshape(num, self.size, self.size, 2)
        bends = self.bend * bent[:, None, None, None] * chance(num, 2, KNOTS, KNOTS)
        smooth = F.interpolate(bends, (self.size, self.size), mode="bicubic", align_corners=True)
        return moved + smooth.permute(0, 2, 3, 1) + self.shift * chance(num, 1, 1, 2)


def straight_places(size: int, device: torch.device) -> Float[Tensor, "size size 2"]:
    """Of a face that is looked at as it is."""
    steps = torch.arange(size, device=device) - (size - 1) / 2
    return torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1)


def look(stored: Tensor, places: Float[Tensor, "batch height width 2"]) -> Images:
    """Stored bytes sampled there."""
    pixels = to_unit_range(stored)
    grid = places * (SCALE * 2 / pixels.shape[-1])
    return F.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)


def stored_faces(stored: Tensor, size: int = 112) -> Images:
    """As they are used: unchanged, without the margin."""
    places = straight_places(size, stored.device)
    return look(stored, places.expand(len(stored), -1, -1, -1))


def recolored(faces: Images, like: Images) -> Images:
    """With the mean and contrast of each channel of another picture."""
    mean, deviation = _statistics(faces)
    wanted_mean, wanted_deviation = _statistics(like)
    gain = (wanted_deviation / deviation.clamp_min(0.02)).clamp(0.5, 2)
    return ((faces - mean) * gain + wanted_mean).clamp(0, 1)


def _statistics(faces: Images) -> tuple[Tensor, Tensor]:
    return faces.mean((2, 3), keepdim=True), faces.std((2, 3), keepdim=True)


def mixture(num: int, size: int, generator: torch.Generator) -> Masks:
    """How much of the partner is where: half of the faces evenly, half in parts with soft borders."""
    device = generator.device
    noise = torch.randn((num, 1, KNOTS, KNOTS), generator=generator, device=device)
    smooth = F.interpolate(noise, (size, size), mode="bicubic", align_corners=True)
    parts = torch.sigmoid(6 * smooth)
    even, choice = torch.rand((2, num, 1, 1, 1), generator=generator, device=device)
    return torch.where(choice < 0.5, parts, (0.25 + 0.5 * even).expand_as(parts))
