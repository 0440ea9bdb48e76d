"""A fitted face drawn over its picture, for people to look at."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.geometry.heatmap import gaussian_heatmaps
from mien.geometry.mesh import Mesh, vertex_normals
from mien.geometry.rasterize import rasterize
from mien.geometry.rotate import FittedFace
from mien.geometry.texture import complete, paint, unwrap, vertex_colors
from mien.types import Image, Images

LAMP = (0.3, 0.5, 0.8)
"""Where the light of a drawn surface comes from: over the viewer's right shoulder."""
SHADOW = 0.3
"""How bright a surface is that the lamp does not reach."""
SPOT = 0.004
"""Width of a drawn point, in sides of the picture."""
SLANT = 0.2
"""Cosine to the viewer of a surface that shows too little of itself; twice that shows enough."""
GREEN = (0.2, 1.0, 0.3)


def draw_surface(pictures: Images, face: FittedFace, opacity: float = 0.75) -> Images:
    """The surface in grey, lit by a lamp, over the pictures."""
    height, width = pictures.shape[-2:]
    normals = vertex_normals(face.turned, face.closure.triangles)
    lamp = F.normalize(normals.new_tensor(LAMP), dim=0)
    brightness = SHADOW + (1 - SHADOW) * (normals @ lamp).clamp(min=0)
    fragments = rasterize(face.points, face.closure.triangles, height, width)
    drawn, covered = paint(fragments, face.closure.triangles, brightness[..., None].expand(-1, -1, 3))
    return torch.lerp(pictures, drawn, covered * opacity)


def draw_points(
    pictures: Images,
    points: Float[Tensor, "batch points 2"],
    color: tuple[float, float, float] = GREEN,
) -> Images:
    """A spot for each point; those that are not finite leave none."""
    height, width = pictures.shape[-2:]
    sigma = max(SPOT * max(height, width), 0.5)
    spots = gaussian_heatmaps(points, height, width, sigma).amax(1, keepdim=True)
    # a soft spot with a hard heart
    return torch.lerp(pictures, pictures.new_tensor(color)[:, None, None], (2 * spots).clamp(max=1))


def textured_mesh(
    picture: Image, face: FittedFace, uv: Float[Tensor, "vertices 2"], size: int
) -> tuple[Mesh, Float[Tensor, "3 size size"]]:
    """One face as a mesh of its own, looking straight ahead, and the picture as its texture.

    Eyes and mouth are closed; what the picture does not show is taken from the other half.
    """
    pictures, closure = picture[None], face.closure
    mesh = Mesh(
        closure.add_to(face.vertices),
        closure.triangles,
        closure.add_to(uv[None])[0],
        vertex_colors(pictures, face.points),
    )
    facing = vertex_normals(face.turned, closure.triangles)[..., 2]
    trust = ((facing - SLANT) / SLANT).clamp(0, 1)
    texture, seen = unwrap(pictures, face.points, mesh, size, trust=trust)
    return mesh, complete(texture, seen)[0].clamp(0, 1)
