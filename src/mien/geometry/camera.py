"""From a turned face to the pixels of a picture.

A projected point is (x, y, depth): pixels as everywhere, and a depth that is smaller for what is
nearer and that changes linearly across the picture of a plane. What a camera cannot see is NaN.
"""

from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from mien.geometry.pose import nearest_rotation

TurnedPoints = Float[Tensor, "batch points 3"]
PicturePoints = Float[Tensor, "batch points 3"]

SMALLEST_SCALE = 1e-6
"""Of a camera fitted to points that all fall on one pixel."""
NEAREST = 1e-3
"""What is closer to a perspective camera than this share of its distance is not seen."""


@runtime_checkable
class Camera(Protocol):
    """Anything that makes pixels of a turned face, and a turned face of pixels with depth."""

    @property
    def is_perspective(self) -> bool:
        """Whether distances shrink with depth; depth is then -1 / distance."""
        ...

    def project(self, turned: TurnedPoints) -> PicturePoints: ...

    def unproject(self, points: PicturePoints) -> TurnedPoints: ...

    def resized(self, factor: float) -> "Camera":
        """The camera of the same picture at another size: 2.0 for one with twice the side."""
        ...

    def moved(self, x: float, y: float) -> "Camera":
        """The camera of a picture with its origin elsewhere, so that all in it moves by so much."""
        ...

    def repeated(self, times: int) -> "Camera":
        """So many of each camera of the batch, next to one another."""
        ...


@dataclass(frozen=True)
class WeakPerspective:
    """MDFR eq. 4, `f Pr Pi S + t`: what is farther is not smaller."""

    scale: Float[Tensor, " batch"]
    """Pixels per unit of the face."""
    shift: Float[Tensor, "batch 2"]
    """The pixel that face space's origin falls on."""

    @property
    def is_perspective(self) -> bool:
        return False

    def project(self, turned: TurnedPoints) -> PicturePoints:
        # y points down in a picture, and depth grows away from the viewer
        axes = turned.new_tensor([1.0, -1.0, -1.0])
        return turned * axes * self.scale[:, None, None] + self._shift_and_zero()

    def unproject(self, points: PicturePoints) -> TurnedPoints:
        axes = points.new_tensor([1.0, -1.0, -1.0])
        return (points - self._shift_and_zero()) * axes / self.scale[:, None, None]

    def resized(self, factor: float) -> "WeakPerspective":
        return WeakPerspective(self.scale * factor, (self.shift + 0.5) * factor - 0.5)

    def moved(self, x: float, y: float) -> "WeakPerspective":
        return replace(self, shift=self.shift + self.shift.new_tensor([x, y]))

    def repeated(self, times: int) -> "WeakPerspective":
        return WeakPerspective(self.scale.repeat_interleave(times), self.shift.repeat_interleave(times, 0))

    def _shift_and_zero(self) -> Float[Tensor, "batch 1 3"]:
        return torch.cat((self.shift, torch.zeros_like(self.shift[:, :1])), -1)[:, None]


@dataclass(frozen=True)
class Perspective:
    """CFR-GAN's: a camera on face space's z axis that looks at its origin, made for 224 px."""

    translation: Float[Tensor, "batch 3"]
    """Where the face's origin is moved before it is seen."""
    focal: float = 1015.0
    """In pixels."""
    centre: tuple[float, float] = (111.5, 111.5)
    """The pixel straight ahead: 112 in the paper's code counts from the picture's corner."""
    distance: float = 10.0
    """From the camera to the origin, in units of the face."""

    @property
    def is_perspective(self) -> bool:
        return True

    def project(self, turned: TurnedPoints) -> PicturePoints:
        x, y, z = (turned + self.translation[:, None]).unbind(-1)
        distance = self.distance - z
        is_seen = distance > self.distance * NEAREST
        inverse = 1 / torch.where(is_seen, distance, torch.ones_like(distance))
        pixels = (self.centre[0] + self.focal * x * inverse, self.centre[1] - self.focal * y * inverse)
        return torch.stack((*pixels, -inverse), -1).masked_fill(~is_seen[..., None], torch.nan)

    def unproject(self, points: PicturePoints) -> TurnedPoints:
        distance = -1 / points[..., 2]
        x = (points[..., 0] - self.centre[0]) * distance / self.focal
        y = (self.centre[1] - points[..., 1]) * distance / self.focal
        return torch.stack((x, y, self.distance - distance), -1) - self.translation[:, None]

    def resized(self, factor: float) -> "Perspective":
        x, y = ((place + 0.5) * factor - 0.5 for place in self.centre)
        return replace(self, focal=self.focal * factor, centre=(x, y))

    def moved(self, x: float, y: float) -> "Perspective":
        return replace(self, centre=(self.centre[0] + x, self.centre[1] + y))

    def repeated(self, times: int) -> "Perspective":
        return replace(self, translation=self.translation.repeat_interleave(times, 0))


def fit_weak_perspective(
    vertices: Float[Tensor, "batch points 3"],
    pixels: Float[Tensor, "batch points 2"],
    weights: Float[Tensor, "batch points"] | None = None,
) -> tuple[Float[Tensor, "batch 3 3"], WeakPerspective]:
    """The rotation and camera that bring points of a face onto their pixels, by weighted least squares.

    Points that are not finite count for nothing. Too few points, or points on a line, give
    finite numbers of which only those that the points can tell are meant.
    """
    is_known = vertices.isfinite().all(-1) & pixels.isfinite().all(-1)
    weights = is_known.to(vertices) if weights is None else weights * is_known
    weights = (weights / weights.sum(-1, keepdim=True).clamp(min=1e-12))[..., None]
    known_vertices = torch.where(is_known[..., None], vertices, torch.zeros_like(vertices))
    known_pixels = torch.where(is_known[..., None], pixels, torch.zeros_like(pixels))
    middle, middle_pixel = ((weights * known).sum(1) for known in (known_vertices, known_pixels))
    root = weights.sqrt()
    centred = root * (known_vertices - middle[:, None])
    centred_pixels = root * (known_pixels - middle_pixel[:, None]) * pixels.new_tensor([1.0, -1.0])
    affine = (torch.linalg.pinv(centred, rtol=1e-5) @ centred_pixels).mT  # (batch, 2, 3)
    third_row = torch.linalg.cross(affine[:, 0], affine[:, 1])
    size = torch.linalg.vector_norm(affine, dim=(1, 2), keepdim=True).clamp(min=1e-12)
    rotation = nearest_rotation(torch.cat((affine / size, third_row[:, None] / size**2), 1))
    rotated = centred @ rotation.mT[..., :2]
    spread = rotated.square().sum((1, 2))
    scale = ((rotated * centred_pixels).sum((1, 2)) / spread.clamp(min=1e-12)).clamp(min=SMALLEST_SCALE)
    origin = WeakPerspective(scale, torch.zeros_like(middle_pixel))
    moved = origin.project((rotation @ middle[..., None]).mT)[:, 0, :2]
    return rotation, WeakPerspective(scale, middle_pixel - moved)
