"""Hands in front of faces: made shapes of skin colour, since no cut-outs of hands can be had freely.

A hand is a palm, five fingers and perhaps a forearm, all of them capsules (what is nearer to a segment than
a radius). CFR-GAN's occluders are silhouettes of one flat colour as well.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mien.degrade.noise import uniform
from mien.degrade.occlude import Occluded
from mien.image.resize import resize
from mien.types import Images, Masks

Landmarks = Float[Tensor, "batch points 2"]

ROOTS = ((-0.36, -0.02), (-0.22, -0.36), (-0.04, -0.42), (0.14, -0.40), (0.29, -0.31))
"""Where thumb and fingers begin, from the palm's middle; the fingers point up."""
DIRECTIONS = (-62.0, -14.0, -3.0, 7.0, 18.0)
"""Degrees from up, clockwise."""
LENGTHS = (0.34, 0.42, 0.48, 0.44, 0.34)
FINGER, ARM = 0.085, 0.26
"""Radii."""
PALM = (0.06, 0.30)
"""Half the way along it, and its radius."""
HAND = 1.26
"""From the longest finger's tip to the wrist, in the units of these shapes."""
GRAIN = 6
"""Cells per side of the noise that shades a hand."""


@dataclass(frozen=True)
class HandProfile:
    """Ranges that hands are drawn from, evenly (the paper's code; its second hand is always a small one)."""

    second_share: float = 0.2
    length: tuple[float, float] = (0.25, 0.67)
    """Finger tips to wrist, in parts of the face."""
    second_length: tuple[float, float] = (0.25, 0.25)
    arm: float = 0.0
    """Of the forearm, how much is seen, in lengths of the hand."""
    degrees: float = 90.0
    """Largest angle either way from pointing up."""
    shift: float = 0.09
    """Largest way from the landmark that it is centred on, in parts of the face."""
    spread: float = 0.25
    """How differently the fingers of two hands lie, in radians."""
    folded_share: float = 0.2
    """Of the fingers, those that are bent away."""
    shading: float = 0.25

    def __call__(self, images: Images, points: Landmarks, generator: torch.Generator) -> Occluded:
        """One hand in front of every face, or two."""
        first = self.hand(images, points, self.length, generator)
        second = self.hand(images, points, self.second_length, generator)
        shown = uniform(generator, len(images)) < self.second_share
        alone = shown.to(images)[:, None, None, None] * second.mask
        pixels = torch.lerp(images, first.images, first.mask)
        return Occluded(torch.lerp(pixels, second.images, alone), 1 - (1 - first.mask) * (1 - alone))

    def hand(
        self,
        images: Images,
        points: Landmarks,
        length: tuple[float, float],
        generator: torch.Generator,
    ) -> Occluded:
        """The hand's colours everywhere, and where it is."""
        num, size = len(images), face_sizes(points)
        chosen = (uniform(generator, num) * points.shape[1]).long().to(points.device)
        away = (2 * uniform(generator, num, 2) - 1).to(points) * self.shift * size[:, None]
        middle = points[torch.arange(num, device=points.device), chosen] + away
        scale = size / HAND * (length[0] + (length[1] - length[0]) * uniform(generator, num)).to(points)
        angle = math.radians(self.degrees) * (2 * uniform(generator, num) - 1)
        side = torch.where(uniform(generator, num) < 0.5, -1.0, 1.0)  # left hands and right ones
        starts, ends, radii = self.capsules(num, generator)
        cosine, sine = angle.cos(), angle.sin()
        matrix = torch.stack((cosine * side, -sine, sine * side, cosine), -1).view(num, 2, 2).to(points)
        place = [
            middle[:, None] + scale[:, None, None] * (ends_.to(points) @ matrix.mT)
            for ends_ in (starts, ends)
        ]
        widths = radii.to(points) * scale[:, None]
        mask = capsule_masks(place[0], place[1], widths, images.shape[2], images.shape[3])
        return Occluded(self.colors(images, generator), mask.to(images))

    def capsules(self, num: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Starts, ends (num, 7, 2) and radii (num, 7), of hands of length 1, on the generator's device."""
        device = generator.device
        roots = torch.tensor(ROOTS, device=device).expand(num, -1, -1)
        lean = self.spread * (2 * uniform(generator, num, 5) - 1)
        angle = torch.deg2rad(torch.tensor(DIRECTIONS, device=device)) + lean + lean.mean(1, keepdim=True)
        folded = uniform(generator, num, 5) < self.folded_share
        reach = torch.tensor(LENGTHS, device=device) * (0.85 + 0.3 * uniform(generator, num, 5))
        reach = torch.where(folded, 0.1 * reach, reach)
        tips = roots + reach[..., None] * torch.stack((angle.sin(), -angle.cos()), -1)
        palm = torch.tensor([[0.0, -PALM[0]], [0.0, PALM[0]]], device=device).expand(num, -1, -1)
        end = PALM[0] + PALM[1] - ARM + HAND * self.arm
        wrist = torch.tensor([[0.0, PALM[0]], [0.0, end]], device=device).expand(num, -1, -1)
        starts = torch.cat((roots, palm[:, :1], wrist[:, :1]), 1)
        ends = torch.cat((tips, palm[:, 1:], wrist[:, 1:]), 1)
        widths = torch.tensor([FINGER] * 5 + [PALM[1], ARM], device=device)
        radii = widths * (0.9 + 0.2 * uniform(generator, num, 1))
        return starts.float(), ends.float(), radii.float()

    def colors(self, images: Images, generator: torch.Generator) -> Images:
        """Skin from dark to light, a little shaded."""
        num = len(images)
        bright = 0.25 + 0.7 * uniform(generator, num)
        green = bright * (0.6 + 0.25 * uniform(generator, num))
        blue = green * (0.6 + 0.3 * uniform(generator, num))
        skin = torch.stack((bright, green, blue), -1).to(images)
        noise = uniform(generator, num, 1, GRAIN, GRAIN).to(images) - 0.5
        shade = 1 + self.shading * resize(noise, images.shape[2], images.shape[3])
        return (skin[:, :, None, None] * shade).clamp(0, 1)


def face_sizes(points: Landmarks) -> Float[Tensor, " batch"]:
    """sqrt(width * height) of the landmarks' box."""
    return (points.amax(1) - points.amin(1)).prod(-1).clamp(min=1.0).sqrt()


def capsule_masks(
    starts: Float[Tensor, "batch capsules 2"],
    ends: Float[Tensor, "batch capsules 2"],
    radii: Float[Tensor, "batch capsules"],
    height: int,
    width: int,
) -> Masks:
    """1 in any of the capsules, fading over one pixel at the edge."""
    rows = torch.arange(height, dtype=starts.dtype, device=starts.device)[:, None]
    columns = torch.arange(width, dtype=starts.dtype, device=starts.device)
    inside = starts.new_full((len(starts), height, width), -torch.inf)
    for start, end, radius in zip(starts.unbind(1), ends.unbind(1), radii.unbind(1), strict=True):
        x, y = (start[:, axis, None, None] for axis in (0, 1))
        along = end - start
        length = along.square().sum(-1).clamp(min=1e-9)
        ax, ay = (along[:, axis, None, None] for axis in (0, 1))
        share = (((columns - x) * ax + (rows - y) * ay) / length[:, None, None]).clamp(0, 1)
        distance = torch.hypot(columns - x - share * ax, rows - y - share * ay)
        inside = torch.maximum(inside, radius[:, None, None] - distance)
    return (inside + 0.5).clamp(0, 1)[:, None]
