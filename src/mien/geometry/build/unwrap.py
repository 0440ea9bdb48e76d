"""The colours of a face in a picture, laid on the vertices of the model fitted to it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mien.geometry.fit import Fit, FitSettings, fit_landmarks
from mien.geometry.mesh import vertex_normals
from mien.geometry.morphable import LinearMorphable
from mien.geometry.pose import angles_from_rotation, turn
from mien.geometry.rasterize import rasterize
from mien.geometry.texture import vertex_colors, visible_vertices
from mien.types import Image

CHUNK = 64
"""Faces fitted at a time."""
LARGEST_YAW = 40.0
SMALLEST_SCALE = 60.0
"""Pixels per decimetre; about 90 pixels from ear to ear."""
LARGEST_MISS = 0.06
"""Decimetres between landmarks and the fitted model, on average; more is a wrong label."""
SMALLEST_SEEN = 0.4
"""Of the vertices; a face of which less is seen is left out."""
SMALLEST_WARMTH = 1.12
"""Red over blue, on average; skin of every tone has more, a black-and-white or tinted photo less."""
OPEN_MOUTH = 0.08
"""Gap over width from which lips are open."""
LIP_WIDTH = 0.08
"""Decimetres."""
FACING = 0.25
"""Cosine to the viewer from which a surface shows its colours."""


@dataclass(frozen=True, eq=False)
class Unwrapped:
    """One face: what is seen of it, in which colours, and which way it faces."""

    seen: Bool[Tensor, " vertices"]
    colours: Float[Tensor, "vertices 3"]
    normals: Float[Tensor, "vertices 3"]
    """Turned as the head is."""


Faces = Iterable[tuple[Image, Float[Tensor, "68 2"]]]
"""Pictures with the landmarks of one face each."""


def unwrap_faces(model: LinearMorphable, faces: Faces, settings: FitSettings) -> Iterator[Unwrapped]:
    """Every face that is seen well enough."""
    remaining = iter(faces)
    while chunk := list(islice(remaining, CHUNK)):
        landmarks = torch.stack([points for _, points in chunk])
        fit = fit_landmarks(model, landmarks, settings)
        yaws = angles_from_rotation(fit.rotation)[:, 0].abs()
        missed = (fit.landmarks(model)[..., :2] - landmarks).norm(dim=-1).mean(1) / fit.camera.scale
        is_clear = (yaws < LARGEST_YAW) & (missed < LARGEST_MISS) & (fit.camera.scale > SMALLEST_SCALE)
        vertices = fit.vertices(model)
        lips = near_inner_lips(model)
        is_open = mouth_openness(landmarks) > OPEN_MOUTH
        normals = _turned_normals(model, fit)
        for index, (picture, _) in enumerate(chunk):
            if is_clear[index]:
                unwrapped = unwrap(model, picture, vertices[index], normals[index])
                if is_open[index]:
                    unwrapped = replace(unwrapped, seen=unwrapped.seen & ~lips)
                if _is_usable(unwrapped):
                    yield unwrapped


def _is_usable(face: Unwrapped) -> bool:
    """Whether enough is seen, in colour."""
    if face.seen.float().mean() < SMALLEST_SEEN:
        return False
    red, _, blue = face.colours[face.seen].mean(0).tolist()
    return red > SMALLEST_WARMTH * blue


def mouth_openness(landmarks: Float[Tensor, "faces 68 2"]) -> Float[Tensor, " faces"]:
    """The gap between the lips over the mouth's width."""
    gap = (landmarks[:, 62] - landmarks[:, 66]).norm(dim=-1)
    return gap / (landmarks[:, 48] - landmarks[:, 54]).norm(dim=-1).clamp(min=1e-3)


def near_inner_lips(model: LinearMorphable) -> Bool[Tensor, " vertices"]:
    """Vertices that fall on teeth when the mouth is open and the fit is a pixel off."""
    inner = model.mean[model.landmarks[60:68]]
    return torch.cdist(model.mean, inner).amin(1) < LIP_WIDTH


def unwrap(
    model: LinearMorphable,
    picture: Image,
    vertices: Float[Tensor, "vertices 3"],
    normals: Float[Tensor, "vertices 3"],
) -> Unwrapped:
    """Colours where the picture shows the surface, and not too much from the side."""
    drawn = rasterize(vertices[None], model.triangles, picture.shape[1], picture.shape[2])
    seen = visible_vertices(vertices[None], model.triangles, drawn)[0] & (normals[:, 2] > FACING)
    return Unwrapped(seen, vertex_colors(picture[None], vertices[None])[0], normals)


def join(
    faces: list[Unwrapped],
) -> tuple[
    Bool[Tensor, "faces vertices"], Float[Tensor, "faces vertices 3"], Float[Tensor, "faces vertices 3"]
]:
    """All faces' visibility, colours and normals."""
    return (
        torch.stack([face.seen for face in faces]),
        torch.stack([face.colours for face in faces]),
        torch.stack([face.normals for face in faces]),
    )


def _turned_normals(model: LinearMorphable, fit: Fit) -> Float[Tensor, "faces vertices 3"]:
    return turn(vertex_normals(model.shape(fit.identity, fit.expression), model.triangles), fit.rotation)
