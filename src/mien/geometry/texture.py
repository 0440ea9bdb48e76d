"""From a picture to a surface: which vertices it shows, their colours, and textures."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from mien.geometry.mesh import Mesh, Triangles
from mien.geometry.rasterize import Fragments, Rasterizer, interpolate, rasterize
from mien.types import Images, Masks

Points = Float[Tensor, "batch vertices 3"]
"""Projected: pixels and depth."""
Planes = Float[Tensor, "batch channels height width"]

DEPTH_TOLERANCE = 0.01
"""Of the range of depths on a face: what is this little behind what is seen is seen, too."""


def sample(
    planes: Planes, pixels: Float[Tensor, "batch 2 new_height new_width"]
) -> Float[Tensor, "batch channels new_height new_width"]:
    """A picture at any places (x, y), bilinear; beyond its border it goes on as its border is."""
    height, width = planes.shape[-2:]
    size = pixels.new_tensor([width, height])
    unit = (2 * pixels.movedim(1, -1) + 1) / size - 1
    finite = unit.nan_to_num(nan=0.0, posinf=2.0, neginf=-2.0)
    return F.grid_sample(planes, finite.to(planes), padding_mode="border", align_corners=False)


def vertex_colors(pictures: Images, points: Points) -> Points:
    """What the picture has where each vertex falls, also where something else is in front of it.

    That is CFR-GAN's way; `visible_vertices` says which of these colours are the vertex's own.
    """
    return sample(pictures, points[..., :2].mT[..., None])[..., 0].mT


def visible_vertices(
    points: Points, triangles: Triangles, fragments: Fragments
) -> Bool[Tensor, "batch vertices"]:
    """Which vertices lie in the picture, on a side of the surface that faces it, with nothing in front."""
    height, width = fragments.triangles.shape[-2:]
    x, y, depth = points.unbind(-1)
    is_inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5) & depth.isfinite()
    column = x.nan_to_num(0.0).round().clamp(0, width - 1).long()
    row = y.nan_to_num(0.0).round().clamp(0, height - 1).long()
    batch = torch.arange(len(points), device=points.device)[:, None]
    in_front = fragments.triangles[batch, row, column]  # (batch, vertices)
    known = torch.where(is_inside, depth, torch.nan)
    spread = _range(known)
    nearest = torch.maximum(fragments.depth[batch, row, column], _plane_depth(points, triangles[in_front]))
    is_first = (in_front < 0) | (depth <= nearest + DEPTH_TOLERANCE * spread)
    return is_inside & is_first & _faces_picture(points, triangles)


def unwrap(
    pictures: Images,
    points: Points,
    mesh: Mesh,
    size: int,
    draw: Rasterizer = rasterize,
    trust: Float[Tensor, "batch vertices"] | None = None,
) -> tuple[Float[Tensor, "batch 3 size size"], Float[Tensor, "batch 1 size size"]]:
    """The picture spread out over the mesh's texture, and how much of each texel was seen.

    `trust` says how much to make of each vertex if it is seen, as of those seen at a slant.
    """
    height, width = pictures.shape[-2:]
    visible = visible_vertices(points, mesh.triangles, draw(points, mesh.triangles, height, width))
    seen = visible.to(points) if trust is None else visible * trust
    flat = draw(_texture_points(mesh, size), mesh.triangles, size, size, False)
    batch = len(pictures)
    layout = Fragments(
        *(part.expand(batch, *part.shape[1:]) for part in (flat.triangles, flat.weights, flat.depth))
    )
    values = torch.cat((points[..., :2].nan_to_num(0.0), seen[..., None]), -1)
    places = interpolate(layout, mesh.triangles, values)
    covered = layout.covered[:, None].to(pictures)
    return sample(pictures, places[:, :2]) * covered, places[:, 2:].to(pictures)


def complete(
    texture: Float[Tensor, "batch 3 size size"], seen: Float[Tensor, "batch 1 size size"]
) -> Float[Tensor, "batch 3 size size"]:
    """What the picture did not show, from the face's other half; what neither showed, from around it.

    For textures whose left half mirrors the right one, as our model's do.
    """
    texture = torch.lerp(texture, texture.flip(-1), seen.flip(-1) * (1 - seen))
    return spread(texture, torch.maximum(seen, seen.flip(-1)))


def spread(
    planes: Float[Tensor, "batch channels rows columns"], known: Float[Tensor, "batch 1 rows columns"]
) -> Float[Tensor, "batch channels rows columns"]:
    """Unknown places get the colours of what is known around them, the coarser the farther they are."""
    if max(planes.shape[-2:]) <= 1:
        return planes
    share = F.avg_pool2d(known, 2, ceil_mode=True)
    means = F.avg_pool2d(planes * known, 2, ceil_mode=True) / share.clamp(min=1e-6)
    coarse = spread(means, (share * 4).clamp(max=1))
    filled = F.interpolate(coarse, planes.shape[-2:], mode="bilinear", align_corners=False)
    return torch.lerp(filled, planes, known)


def paint(
    fragments: Fragments, triangles: Triangles, colors: Points, background: Images | None = None
) -> tuple[Images, Masks]:
    """Coloured vertices as a picture, and where the surface is; without a background on black."""
    pictures = interpolate(fragments, triangles, colors)
    covered = fragments.covered[:, None].to(pictures)
    return (pictures if background is None else torch.where(covered > 0, pictures, background)), covered


def signed_areas(
    points: Float[Tensor, "batch vertices axes"], triangles: Triangles
) -> Float[Tensor, "batch triangles"]:
    """Twice the area of each triangle in the picture; positive where its outside is seen."""
    (ax, ay), (bx, by), (cx, cy) = (_corner(points, triangles[:, k]) for k in range(3))
    return (by - ay) * (cx - ax) - (bx - ax) * (cy - ay)


def _corner(points: Float[Tensor, "batch vertices axes"], which: Tensor) -> tuple[Tensor, Tensor]:
    x, y = (points[..., axis].index_select(1, which) for axis in (0, 1))
    return x, y


def _faces_picture(points: Points, triangles: Triangles) -> Bool[Tensor, "batch vertices"]:
    """Whether more of the surface around a vertex shows its outside than its inside."""
    areas = signed_areas(points, triangles).nan_to_num(0.0).repeat_interleave(3, 1)
    return torch.zeros_like(points[..., 0]).index_add(1, triangles.flatten(), areas) > 0


def _range(depth: Float[Tensor, "batch vertices"]) -> Float[Tensor, "batch 1"]:
    """From nearest to farthest, of what is a number."""
    farthest = depth.nan_to_num(-torch.inf).amax(1, keepdim=True)
    return (farthest - depth.nan_to_num(torch.inf).amin(1, keepdim=True)).clamp(min=0)


def _plane_depth(points: Points, corners: Tensor) -> Float[Tensor, "batch vertices"]:
    """How deep the plane of the triangle in front is at the vertex itself, not at its pixel's centre."""
    batch = torch.arange(len(points), device=points.device)[:, None]
    a, b, c = (points[batch, corners[..., corner]].double() for corner in range(3))
    along, across, here = b - a, c - a, points.double() - a
    area = along[..., 0] * across[..., 1] - along[..., 1] * across[..., 0]
    area = torch.where(area.abs() < 1e-6, torch.inf, area)
    first = (here[..., 0] * across[..., 1] - here[..., 1] * across[..., 0]) / area
    second = (along[..., 0] * here[..., 1] - along[..., 1] * here[..., 0]) / area
    depth = a[..., 2] + first * along[..., 2] + second * across[..., 2]
    # a sliver's plane runs off to anywhere beyond its corners
    corner_depths = torch.stack((a[..., 2], b[..., 2], c[..., 2]))
    return depth.clamp(corner_depths.amin(0), corner_depths.amax(0)).to(points)


def _texture_points(mesh: Mesh, size: int) -> Float[Tensor, "1 vertices 3"]:
    """The texture as a picture: v points up, y down."""
    x, y = mesh.uv[:, 0] * size - 0.5, (1 - mesh.uv[:, 1]) * size - 0.5
    return torch.stack((x, y, torch.zeros_like(x)), -1)[None]
