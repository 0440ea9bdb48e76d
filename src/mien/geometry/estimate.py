"""The face that a reading describes, as a surface with its own colours, which nothing covers."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mien.geometry.camera import WeakPerspective
from mien.geometry.fit import Fit
from mien.geometry.mesh import Closure, vertex_normals
from mien.geometry.morphable import LinearMorphable
from mien.geometry.pose import turn
from mien.geometry.rasterize import Rasterizer, rasterize
from mien.geometry.rotate import FittedFace, fitted_face
from mien.geometry.shade import Light, shade
from mien.geometry.texture import paint
from mien.geometry.upright import five_points
from mien.types import Images, Masks, Reading


@dataclass(frozen=True)
class Estimate:
    """Faces read from pictures, one each."""

    face: FittedFace
    albedo: Float[Tensor, "batch more 3"]
    """Of each vertex, also of those that close openings."""
    light: Light

    def draw(
        self,
        rotation: Float[Tensor, "batch 3 3"],
        height: int,
        width: int,
        draw: Rasterizer = rasterize,
    ) -> tuple[Images, Masks]:
        """R_e of CFR-GAN at a pose, on black, and where the face is; the light stays where it was."""
        face = self.face
        turned = turn(face.closure.add_to(face.vertices), rotation)
        colors = shade(self.albedo, vertex_normals(turned, face.closure.triangles), self.light).clamp(0, 1)
        fragments = draw(face.camera.project(turned), face.closure.triangles, height, width)
        return paint(fragments, face.closure.triangles, colors)


def fit_of(readings: Sequence[Reading]) -> Fit:
    """Readings as geometry takes them."""
    camera = WeakPerspective(
        torch.tensor([reading.scale for reading in readings]),
        torch.stack([reading.shift for reading in readings]),
    )
    return Fit(
        torch.stack([reading.identity for reading in readings]),
        torch.stack([reading.expression for reading in readings]),
        torch.stack([reading.rotation for reading in readings]),
        camera,
    )


def estimate_of(
    model: LinearMorphable, readings: Sequence[Reading], closure: Closure | None = None
) -> Estimate:
    """What the readings say, drawn ready."""
    face = fitted_face(model, fit_of(readings), closure)
    albedo = model.albedo(torch.stack([reading.albedo for reading in readings]))
    light = torch.stack([reading.light for reading in readings])
    return Estimate(face, face.closure.add_to(albedo), light)


def five_points_at(
    model: LinearMorphable, estimate: Estimate, rotation: Float[Tensor, "batch 3 3"]
) -> Float[Tensor, "batch 5 2"]:
    """Where a detector would see eyes, nose and mouth of the faces in another pose."""
    landmarks = model.landmark_points(estimate.face.vertices)
    places = estimate.face.camera.project(turn(landmarks, rotation))[..., :2]
    return five_points(places)
