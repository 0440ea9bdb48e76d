"""Things in front of a face: made-up shapes of flat or grainy colour, and given cut-outs.

Places and sizes are fractions of the picture's shorter side, so one draw fits any size.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mien.degrade.noise import uniform
from mien.image.resize import resize
from mien.image.warp import invert, warp_affine
from mien.types import Images, Masks

_NUM_WAVES = 4
_GRAINS = (5, 24)
"""Cells per side of the noise that textures are made of, coarse and fine."""


@dataclass(frozen=True)
class Occluders:
    """One shape per picture."""

    center: Float[Tensor, "batch 2"]
    """x and y as fractions of width and height."""
    radii: Float[Tensor, "batch 2"]
    """Along the shape's own axes; 0 is no occluder."""
    angle: Float[Tensor, " batch"]
    """Radians, from x towards y."""
    power: Float[Tensor, " batch"]
    """Of the superellipse: 1 a rhombus, 2 an ellipse, 10 nearly a rectangle."""
    waves: Float[Tensor, "batch waves 2"]
    """Cosine and sine parts of the outline's bumps, 2, 3, ... to the turn; 0 is smooth."""
    softness: Float[Tensor, " batch"]
    """Width over which the edge fades; 0 fades over one pixel."""
    color: Float[Tensor, "batch 3"]
    texture: Float[Tensor, " batch"]
    """How far the noise leads away from the colour; 0 is flat."""


@dataclass(frozen=True)
class Occluded:
    """Pictures with something in front of them."""

    images: Images
    mask: Masks
    """How much of each pixel is hidden."""


@dataclass(frozen=True)
class OccluderProfile:
    """Ranges that occluders are drawn from, evenly."""

    probability: float = 1.0
    """That a picture gets one at all."""
    radius: tuple[float, float] = (0.05, 0.3)
    center: tuple[float, float] = (0.1, 0.9)
    power: tuple[float, float] = (1.0, 8.0)
    waviness: float = 0.15
    softness: tuple[float, float] = (0.0, 0.05)
    hard_edges: float = 0.5
    """Share of occluders whose edge does not fade."""
    texture: tuple[float, float] = (0.0, 0.5)
    flat: float = 0.5
    """Share of occluders without texture."""

    def draw(self, num: int, generator: torch.Generator) -> Occluders:
        """Decide for `num` pictures, on the generator's device."""
        present = uniform(generator, num) < self.probability
        soft = uniform(generator, num) >= self.hard_edges
        grainy = uniform(generator, num) >= self.flat
        waves = self.waviness * (2 * uniform(generator, num, _NUM_WAVES, 2) - 1)
        return Occluders(
            center=_between(self.center, generator, num, 2),
            radii=_between(self.radius, generator, num, 2) * present[:, None],
            angle=uniform(generator, num) * math.pi,
            power=_between(self.power, generator, num),
            waves=waves / torch.arange(1, _NUM_WAVES + 1, device=waves.device)[:, None],
            softness=_between(self.softness, generator, num) * soft,
            color=uniform(generator, num, 3),
            texture=_between(self.texture, generator, num) * grainy,
        )


def occlude(images: Images, occluders: Occluders, generator: torch.Generator) -> Occluded:
    """Put a shape in front of each picture; the generator makes the textures."""
    height, width = images.shape[-2:]
    mask = shape_masks(occluders, height, width).to(images)
    fill = occluders.color.to(images)[:, :, None, None]
    if bool((occluders.texture > 0).any()):
        strength = occluders.texture.to(images)[:, None, None, None]
        fill = (fill + strength * _texture(images, generator)).clamp(0, 1)
    return Occluded(torch.lerp(images, fill.expand_as(images), mask), mask)


def shape_masks(occluders: Occluders, height: int, width: int) -> Float[Tensor, "batch 1 {height} {width}"]:
    """1 inside the shape, fading to 0 over its edge."""
    device, shorter = occluders.angle.device, min(height, width)
    y = torch.arange(height, device=device)[:, None] - occluders.center[:, 1, None, None] * (height - 1)
    x = torch.arange(width, device=device) - occluders.center[:, 0, None, None] * (width - 1)
    cosine, sine = torch.cos(occluders.angle)[:, None, None], torch.sin(occluders.angle)[:, None, None]
    radii = (occluders.radii * shorter)[:, :, None, None]
    along = (cosine * x + sine * y) / radii[:, 0].clamp(min=1e-6)
    across = (cosine * y - sine * x) / radii[:, 1].clamp(min=1e-6)
    power = occluders.power[:, None, None]
    reach = (along.abs() ** power + across.abs() ** power) ** (1 / power) / _outline(along, across, occluders)
    # distances from the edge in pixels, about: the reach grows by 1 over one radius
    inside = (1 - reach) * radii.amin(1)
    edge = (occluders.softness * shorter).clamp(min=1)[:, None, None]
    present = (occluders.radii > 0).all(1)[:, None, None]
    return ((inside / edge + 0.5).clamp(0, 1) * present)[:, None]


def _outline(
    along: Float[Tensor, "batch height width"],
    across: Float[Tensor, "batch height width"],
    occluders: Occluders,
) -> Float[Tensor, "batch height width"]:
    """By how much the bumps push the edge out, in each direction from the centre."""
    turn = torch.atan2(across, along)
    factor = torch.ones_like(turn)
    for order, wave in enumerate(occluders.waves.unbind(1), start=2):
        cosine, sine = wave[:, 0, None, None], wave[:, 1, None, None]
        factor = factor + cosine * torch.cos(order * turn) + sine * torch.sin(order * turn)
    return factor.clamp(min=0.2)


def _texture(like: Images, generator: torch.Generator) -> Images:
    """Coarse and fine noise around 0, of the pictures' size."""
    batch, _, height, width = like.shape
    layers = [uniform(generator, batch, 3, grain, grain).to(like) - 0.5 for grain in _GRAINS]
    return sum((resize(layer, height, width) for layer in layers), torch.zeros_like(like))


@dataclass(frozen=True)
class Placement:
    """Where one cut-out per picture goes."""

    center: Float[Tensor, "batch 2"]
    """x and y as fractions of width and height."""
    size: Float[Tensor, " batch"]
    """Longer side of the cut-out over the shorter side of the picture; 0 is no cut-out."""
    angle: Float[Tensor, " batch"]
    """Radians, from x towards y."""


@dataclass(frozen=True)
class PlacementProfile:
    """Ranges that placements are drawn from, evenly."""

    probability: float = 1.0
    center: tuple[float, float] = (0.2, 0.8)
    size: tuple[float, float] = (0.2, 0.7)
    turn: float = math.pi
    """Largest angle either way."""

    def draw(self, num: int, generator: torch.Generator) -> Placement:
        """Decide for `num` pictures, on the generator's device."""
        present = uniform(generator, num) < self.probability
        return Placement(
            center=_between(self.center, generator, num, 2),
            size=_between(self.size, generator, num) * present,
            angle=_between((-self.turn, self.turn), generator, num),
        )


def image_from_cutout(
    placement: Placement, cutout_size: tuple[int, int], image_size: tuple[int, int]
) -> Float[Tensor, "batch 2 3"]:
    """The similarity that puts a cut-out (height, width) into its place."""
    height, width = image_size
    scale = placement.size * min(image_size) / max(cutout_size)
    cosine, sine = scale * torch.cos(placement.angle), scale * torch.sin(placement.angle)
    linear = torch.stack((torch.stack((cosine, -sine), 1), torch.stack((sine, cosine), 1)), 1)
    middle = linear.new_tensor([(cutout_size[1] - 1) / 2, (cutout_size[0] - 1) / 2])
    target = placement.center * placement.center.new_tensor([width - 1, height - 1])
    return torch.cat((linear, (target - linear @ middle)[:, :, None]), 2)


def paste_cutouts(
    images: Images, cutouts: Float[Tensor, "batch 4 cutout_height cutout_width"], placement: Placement
) -> Occluded:
    """Put one RGBA cut-out (colours not multiplied by alpha) in front of each picture."""
    height, width = images.shape[-2:]
    present = placement.size > 0
    sized = Placement(placement.center, torch.where(present, placement.size, 1.0), placement.angle)
    cutout_size = (cutouts.shape[2], cutouts.shape[3])
    laid = lay_over(images, cutouts, image_from_cutout(sized, cutout_size, (height, width)))
    shown = present.to(images.device)[:, None, None, None]
    return Occluded(torch.where(shown, laid.images, images), laid.mask * shown)


def lay_over(
    images: Images,
    cutouts: Float[Tensor, "batch 4 cutout_height cutout_width"],
    image_from_cutout: Float[Tensor, "batch 2 3"],
) -> Occluded:
    """Put one RGBA cut-out (colours not multiplied by alpha) in front of each picture, where it belongs."""
    height, width = images.shape[-2:]
    matrix = invert(image_from_cutout).to(images.device)
    # mixed before they are sampled, so that colours of transparent pixels never show
    solid = torch.cat((cutouts[:, :3] * cutouts[:, 3:], cutouts[:, 3:]), 1).to(images)
    solid = warp_affine(solid, matrix, height, width, padding="zeros", method="bilinear").clamp(0, 1)
    mask = solid[:, 3:]
    return Occluded((images * (1 - mask) + solid[:, :3]).clamp(0, 1), mask)


def _between(bounds: tuple[float, float], generator: torch.Generator, *shape: int) -> Float[Tensor, "*shape"]:
    low, high = bounds
    return low + (high - low) * uniform(generator, *shape)
