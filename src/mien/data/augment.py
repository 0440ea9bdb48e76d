"""Changes that a critic sees true and made pictures through, so that few photos last longer.

Karras et al., Training generative adversarial networks with limited data (ADA), 2020, appendix B: each change
befalls a picture with one chance, and as long as that is well below 1, made pictures do not take it over.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from mien.types import Images

Numbers = Float[Tensor, " batch"]
Warps = Float[Tensor, "batch 3 3"]
Colors = Float[Tensor, "batch 4 4"]
GRAY = (1.0, 1.0, 1.0, 0.0)


@dataclass(frozen=True)
class Chance:
    """What is drawn for one batch, on the pictures' device whatever the generator's."""

    num: int
    strength: Float[Tensor, ""]
    """The chance of every change."""
    generator: torch.Generator

    def uniform(self) -> Numbers:
        return torch.rand(self.num, generator=self.generator, device=self.generator.device).to(self.strength)

    def normal(self) -> Numbers:
        return torch.randn(self.num, generator=self.generator, device=self.generator.device).to(self.strength)

    def angle(self, most: float) -> Numbers:
        return (2 * self.uniform() - 1) * most

    def befalls(self, chance: Float[Tensor, ""] | None = None) -> Bool[Tensor, " batch"]:
        return self.uniform() < (self.strength if chance is None else chance)

    def sometimes(self, values: Numbers, otherwise: float = 0.0) -> Numbers:
        return torch.where(self.befalls(), values, otherwise)


@dataclass(frozen=True)
class Augmentation:
    """How large the changes are: the picture is moved about, then its colours are."""

    shift: float = 0.125
    """Share of the side, in whole pixels."""
    size_deviation: float = 0.2
    """Of the binary logarithm, as for stretch, contrast and saturation."""
    stretch_deviation: float = 0.2
    move_deviation: float = 0.125
    brightness_deviation: float = 0.2
    contrast_deviation: float = 0.5
    saturation_deviation: float = 1.0

    def __call__(self, images: Images, strength: Float[Tensor, ""], generator: torch.Generator) -> Images:
        """Pictures in [-1, 1]; each change has the chance `strength`."""
        if not bool(strength > 0):
            return images
        chance = Chance(len(images), strength.float(), generator)
        return recolor(warp(images, self.warps(chance, images.shape[-1])), self.colors(chance))

    def warps(self, chance: Chance, side: int) -> Warps:
        """`source_from_target`, lengths in half sides from the middle."""
        one = torch.ones_like(chance.uniform())
        warps = scaled(chance.sometimes(1 - 2 * (2 * chance.uniform()).floor(), 1.0), one)
        warps = warps @ turned(chance.sometimes((4 * chance.uniform()).floor() * math.pi / 2))
        pixels = [(chance.angle(self.shift) * side).round() for _ in range(2)]
        warps = warps @ moved_together(chance, [2 * number / side for number in pixels])
        size = chance.sometimes(torch.exp2(self.size_deviation * chance.normal()), 1.0)
        warps = warps @ scaled(size, size)
        # turns before and after the stretch, which together have the chance of one
        half = 1 - (1 - chance.strength).clamp(min=0).sqrt()
        warps = warps @ turned(torch.where(chance.befalls(half), chance.angle(math.pi), 0.0))
        stretch = chance.sometimes(torch.exp2(self.stretch_deviation * chance.normal()), 1.0)
        warps = warps @ scaled(stretch, 1 / stretch)
        warps = warps @ turned(torch.where(chance.befalls(half), chance.angle(math.pi), 0.0))
        return warps @ moved_together(chance, [2 * self.move_deviation * chance.normal() for _ in range(2)])

    def colors(self, chance: Chance) -> Colors:
        """Matrices on (red, green, blue, 1), the last change first."""
        brightness = chance.sometimes(self.brightness_deviation * chance.normal())
        contrast = chance.sometimes(torch.exp2(self.contrast_deviation * chance.normal()), 1.0)
        flips = chance.sometimes((2 * chance.uniform()).floor())
        hue = chance.sometimes(chance.angle(math.pi))
        saturation = chance.sometimes(torch.exp2(self.saturation_deviation * chance.normal()), 1.0)
        eye = torch.eye(4, device=contrast.device)
        along = contrast.new_tensor(GRAY) / math.sqrt(3)
        luma = torch.outer(along, along)
        light = torch.diag(contrast.new_tensor(GRAY))
        brighter = eye + brightness[:, None, None] * torch.outer(contrast.new_tensor(GRAY), eye[3])
        contrasted = eye + (contrast[:, None, None] - 1) * light
        mirrored = eye - 2 * flips[:, None, None] * luma
        saturated = eye + (saturation[:, None, None] - 1) * (light - luma)
        return saturated @ around_gray(hue) @ mirrored @ contrasted @ brighter


def scaled(across: Numbers, down: Numbers) -> Warps:
    """Along the two axes."""
    return torch.diag_embed(torch.stack((across, down, torch.ones_like(across)), dim=1))


def turned(angle: Numbers) -> Warps:
    """About the middle."""
    cosine, sine, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    rows = (cosine, -sine, zero, sine, cosine, zero, zero, zero, one)
    return torch.stack(rows, dim=1).reshape(-1, 3, 3)


def moved_together(chance: Chance, steps: list[Numbers]) -> Warps:
    """Along both axes or not at all."""
    befalls = chance.befalls()
    across, down = (torch.where(befalls, step, 0.0) for step in steps)
    zero, one = torch.zeros_like(across), torch.ones_like(across)
    return torch.stack((one, zero, across, zero, one, down, zero, zero, one), dim=1).reshape(-1, 3, 3)


def around_gray(angle: Numbers) -> Colors:
    """A turn about the axis of grays: Rodrigues' formula."""
    axis = 1 / math.sqrt(3)
    cross = angle.new_tensor([[0, -axis, axis, 0], [axis, 0, -axis, 0], [-axis, axis, 0, 0], [0, 0, 0, 0]])
    sine, rest = angle.sin()[:, None, None], (1 - angle.cos())[:, None, None]
    return torch.eye(4, device=angle.device) + sine * cross + rest * (cross @ cross)


def warp(images: Images, source_from_target: Warps) -> Images:
    """Beyond its border a picture is mirrored."""
    grid = F.affine_grid(source_from_target[:, :2].to(images.dtype), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def recolor(images: Images, matrices: Colors) -> Images:
    """Each pixel by the matrix of its picture."""
    matrices = matrices.to(images.dtype)
    mixed = torch.einsum("bij,bjhw->bihw", matrices[:, :3, :3], images)
    return mixed + matrices[:, :3, 3, None, None]
