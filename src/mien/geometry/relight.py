"""The light on an estimated face found anew in its photo, whatever may be in front of the face.

A reader says shape and pose well from little, colours less so. What differs from skin by much is taken for
something else and counts for little, so less than half of the face may be covered.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from mien.geometry.estimate import Estimate
from mien.geometry.mesh import vertex_normals
from mien.geometry.rasterize import Rasterizer, rasterize
from mien.geometry.shade import Light, harmonics
from mien.geometry.texture import vertex_colors, visible_vertices
from mien.types import Images

Colors = Float[Tensor, "batch vertices 3"]
Weights = Float[Tensor, "batch vertices"]


@dataclass(frozen=True)
class RelightSettings:
    """How far photos are followed."""

    every: int = 3
    """Of the vertices one in so many is looked at."""
    facing: float = 0.2
    """How much a surface must face the viewer for its colour to be believed."""
    num_rounds: int = 4
    deviation: float = 0.08
    """Of skin from the model's: the more, the nearer the light stays to one brightness from everywhere."""
    telling: float = 80.0
    """Vertices that tell as much as all of a face's together."""
    least_spread: float = 0.03
    """Differences in colour below it never count as odd."""
    gains: tuple[float, float] = (0.1, 5.0)
    """Least and most by which a colour's brightness may change."""


DEFAULT = RelightSettings()


def relit(
    estimate: Estimate, photos: Images, draw: Rasterizer = rasterize, settings: RelightSettings = DEFAULT
) -> Estimate:
    """The same faces in the light of their photos."""
    face, (height, width) = estimate.face, photos.shape[-2:]
    triangles, points = face.closure.triangles, face.points
    normals = vertex_normals(face.turned, triangles)
    visible = visible_vertices(points, triangles, draw(points, triangles, height, width))
    few = slice(None, None, settings.every)
    weights = (visible & (normals[..., 2] > settings.facing))[:, few].to(photos)
    colors = vertex_colors(photos, points[:, few])
    light = robust_light(colors, estimate.albedo[:, few], normals[:, few], weights, estimate.light, settings)
    return replace(estimate, light=light)


def robust_light(
    colors: Colors,
    albedo: Colors,
    normals: Colors,
    weights: Weights,
    light: Light,
    settings: RelightSettings = DEFAULT,
) -> Light:
    """The given light made brighter or darker, by the median, and then bent by reweighted least squares."""
    colors, albedo, weights = colors.double(), albedo.double(), weights.double()
    shading = harmonics(normals.double())  # (B, V, 9)
    start = light.double() * gain(colors, albedo * (shading @ light.double()), weights, settings)
    system = albedo.mT[..., None] * shading[:, None]  # (B, 3, V, 9)
    missing = (colors - albedo * (shading @ start)).mT[..., None]  # (B, 3, V, 1)
    found = start
    for _ in range(settings.num_rounds):
        off = (colors - albedo * (shading @ found)).norm(dim=-1)
        spread = _median(off, weights)[:, None].clamp(min=settings.least_spread)
        trust = weights / (1 + (off / spread).square()).square()  # Geman and McClure's
        precision = settings.telling / (settings.deviation**2 * trust.sum(1).clamp(min=1))
        weighted = (precision[:, None] * trust)[:, None, :, None] * system
        normal = weighted.mT @ system + torch.eye(9).to(system)
        found = start + torch.linalg.solve(normal, weighted.mT @ missing)[..., 0].mT
    return found.to(light)


def gain(
    colors: Colors, expected: Colors, weights: Weights, settings: RelightSettings
) -> Float[Tensor, "batch 1 3"]:
    """By how much each colour is brighter than expected, at the median of the vertices that count."""
    ratios = colors / expected.clamp(min=0.02)
    medians = torch.stack([_median(ratio, weights) for ratio in ratios.unbind(-1)], -1)
    least, most = settings.gains
    return torch.where(weights.sum(1, keepdim=True) > 0, medians.clamp(least, most), 1.0)[:, None]


def _median(values: Weights, weights: Weights) -> Float[Tensor, " batch"]:
    """Of those that count; 0 if none does."""
    return values.masked_fill(weights <= 0, torch.nan).nanmedian(dim=1).values.nan_to_num(0.0)
