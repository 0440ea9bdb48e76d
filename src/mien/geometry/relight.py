"""The light on an estimated face found anew in its photo, whatever may be in front of the face.

A reader says shape and pose well from little, colours less so. The light is begun from the whole face, from
its upper and from its lower half, and the beginning is kept under which skin looks most like skin, so that a
mask over more than half of the face is not taken for it. What then differs by much counts for little.
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
from mien.types import Images, Masks

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
    inliers: float = 0.3
    """Share of what is seen that must be skin: by how much skin is off is told by these."""
    spread: tuple[float, float] = (0.05, 0.12)
    """Least and most by which the colour of skin may be off before it counts for less."""
    brightness: float = 0.6
    """Deviation of the logarithm of how bright skin is, beside the estimate's."""
    tint: float = 0.25
    """The same of red over green, and of blue over green."""
    agreement: float = 4.0
    """What it counts that all of a face's vertices agree with a light, beside those two."""
    gains: tuple[float, float] = (0.1, 5.0)
    """Least and most by which a colour's brightness may change."""


DEFAULT = RelightSettings()


def relit(
    estimate: Estimate,
    photos: Images,
    draw: Rasterizer = rasterize,
    settings: RelightSettings = DEFAULT,
    free: Masks | None = None,
) -> Estimate:
    """The same faces in the light of their photos; `free` is where it is known that nothing covers them."""
    face, (height, width) = estimate.face, photos.shape[-2:]
    triangles, points = face.closure.triangles, face.points
    normals = vertex_normals(face.turned, triangles)
    visible = visible_vertices(points, triangles, draw(points, triangles, height, width))
    few = slice(None, None, settings.every)
    weights = (visible & (normals[..., 2] > settings.facing))[:, few].to(photos)
    colors = vertex_colors(photos, points[:, few])
    if free is not None:
        weights = weights * vertex_colors(free.expand(-1, 3, -1, -1), points[:, few])[..., 0]
    height_in_face = estimate.face.closure.add_to(face.vertices)[:, few, 1]
    halves = (weights * (height_in_face > 0), weights * (height_in_face <= 0))
    shown = (colors, estimate.albedo[:, few], normals[:, few])
    return replace(estimate, light=robust_light(*shown, weights, estimate.light, settings, halves))


def robust_light(
    colors: Colors,
    albedo: Colors,
    normals: Colors,
    weights: Weights,
    light: Light,
    settings: RelightSettings = DEFAULT,
    parts: tuple[Weights, ...] = (),
) -> Light:
    """The given light made brighter or darker, and then bent by reweighted least squares.

    `parts` are weights of parts of the face that the brightness may be taken from, beside all of it.
    """
    colors, albedo, weights = colors.double(), albedo.double(), weights.double()
    shading = harmonics(normals.double())  # (B, V, 9)
    start = light.double() * likeliest_gain(
        colors, albedo * (shading @ light.double()), (weights, *(part.double() for part in parts)), settings
    )
    system = albedo.mT[..., None] * shading[:, None]  # (B, 3, V, 9)
    missing = (colors - albedo * (shading @ start)).mT[..., None]  # (B, 3, V, 1)
    found = start
    for _ in range(settings.num_rounds):
        off = (colors - albedo * (shading @ found)).norm(dim=-1)
        spread = _quantile(off, weights, settings.inliers)[:, None].clamp(*settings.spread)
        trust = weights / (1 + (off / spread).square()).square()  # Geman and McClure's
        precision = settings.telling / (settings.deviation**2 * trust.sum(1).clamp(min=1))
        weighted = (precision[:, None] * trust)[:, None, :, None] * system
        normal = weighted.mT @ system + torch.eye(9).to(system)
        found = start + torch.linalg.solve(normal, weighted.mT @ missing)[..., 0].mT
    return found.to(light)


def likeliest_gain(
    colors: Colors, expected: Colors, parts: tuple[Weights, ...], settings: RelightSettings
) -> Float[Tensor, "batch 1 3"]:
    """Of the gains that the parts ask for, that of the likeliest skin; the first part is all that is seen."""
    everything = parts[0]
    gains = torch.stack([gain(colors, expected, part, settings) for part in parts])  # (P, B, 1, 3)
    off = (colors - expected * gains).norm(dim=-1)  # (P, B, V)
    agree = ((off < settings.spread[1]) * everything).sum(-1) / everything.sum(-1).clamp(min=1)
    red, green, blue = gains[:, :, 0].log().unbind(-1)
    bright = ((red + green + blue) / 3 / settings.brightness).square()
    tint = ((red - green) / settings.tint).square() + ((blue - green) / settings.tint).square()
    best = ((bright + tint) / 2 - settings.agreement * agree).argmin(dim=0)  # (B,)
    return gains[best, torch.arange(len(best))]


def gain(
    colors: Colors, expected: Colors, weights: Weights, settings: RelightSettings
) -> Float[Tensor, "batch 1 3"]:
    """By how much each colour is brighter than expected, at the median of the vertices that count."""
    ratios = colors / expected.clamp(min=0.02)
    medians = torch.stack([_quantile(ratio, weights, 0.5) for ratio in ratios.unbind(-1)], -1)
    least, most = settings.gains
    return torch.where(weights.sum(1, keepdim=True) > 0, medians.clamp(least, most), 1.0)[:, None]


def _quantile(values: Weights, weights: Weights, share: float) -> Float[Tensor, " batch"]:
    """Of those that count; 0 if none does."""
    known = values.masked_fill(weights <= 0, torch.nan)
    return torch.nanquantile(known, share, dim=1).nan_to_num(0.0)
