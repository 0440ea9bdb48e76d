"""Albedo and light of packed faces: what the morphable model needs to look like each of them."""

from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mien.data.photos import to_unit_range
from mien.data.readpool import SIDE, Fitted, ReadPool, save_fits
from mien.geometry.camera import WeakPerspective
from mien.geometry.mesh import vertex_normals
from mien.geometry.morphable import LinearMorphable
from mien.geometry.pose import turn
from mien.geometry.rasterize import Rasterizer, rasterize
from mien.geometry.shade import even_light, harmonics
from mien.geometry.texture import vertex_colors, visible_vertices

COLORED_TOGETHER = 16
EVERY = 3
"""Of the vertices one in so many is looked at: there are thousands, and 80 components."""
NUM_ROUNDS = 2
DEVIATION = 0.08
"""Of a colour seen from the model's, which stands for beards, hair and shadows: the more, the nearer the
albedo stays to the mean."""
TELLING = 80.0
"""Vertices that tell as much as all of a face's together."""
FACING = 0.2
"""How much a surface must face the viewer for its colour to be believed."""
MIRRORED_LIGHT = torch.tensor([1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0, 1.0])
"""Signs of the nine harmonics in a mirror: those odd in x change."""

Colors = Float[Tensor, "faces vertices 3"]


def color_reads(folder: Path, model: LinearMorphable, draw: Rasterizer = rasterize) -> int:
    """Complete the fits of a packed pool, but for photos that were turned; how many that were."""
    pool = ReadPool.open(folder)
    albedo = torch.full_like(pool.fitted.albedo, torch.nan)
    light = torch.full_like(pool.fitted.light, torch.nan)
    numbers = (~pool.made).nonzero()[:, 0]
    for few in numbers.split(COLORED_TOGETHER):
        found, shine = fit_colors(pool, few, model, draw)
        # the model's albedo is the same on both sides
        albedo[few] = found[:, None]
        light[few] = torch.stack((shine, shine * MIRRORED_LIGHT[:, None]), 1)
    save_fits(folder, replace(pool.fitted, albedo=albedo, light=light))
    return len(numbers)


def fit_colors(
    pool: ReadPool, numbers: Int[Tensor, " faces"], model: LinearMorphable, draw: Rasterizer
) -> tuple[Float[Tensor, "faces albedos"], Float[Tensor, "faces 9 3"]]:
    """The likeliest albedo, coefficients being of deviation 1, and the light."""
    pixels = to_unit_range(torch.from_numpy(pool.squares[numbers.numpy()]))
    vertices = shapes_of(pool.fitted, numbers, model)
    turned = turn(vertices, pool.fitted.rotation[numbers, 0])
    points = WeakPerspective(pool.fitted.scale[numbers, 0], pool.fitted.shift[numbers, 0]).project(turned)
    normals = vertex_normals(turned, model.triangles)[:, ::EVERY]
    visible = visible_vertices(points, model.triangles, draw(points, model.triangles, SIDE, SIDE))
    weights = visible[:, ::EVERY] * (normals[..., 2] > FACING)
    colors = vertex_colors(pixels, points[:, ::EVERY])
    mean, basis = model.mean_albedo[::EVERY], model.albedo_basis[: pool.fitted.albedo.shape[-1], ::EVERY]
    albedo, light = torch.zeros(len(numbers), len(basis)), even_light(len(numbers))
    for _ in range(NUM_ROUNDS):
        skin = (mean + torch.einsum("fk,kvc->fvc", albedo, basis)).clamp(0, 1)
        light = likely_light(colors, skin, normals, weights.to(colors))
        albedo = fit_albedo(colors, harmonics(normals) @ light, weights.to(colors), mean, basis)
    return albedo, light


def shapes_of(
    fitted: Fitted, numbers: Int[Tensor, " faces"], model: LinearMorphable
) -> Float[Tensor, "faces vertices 3"]:
    known = (fitted.identity[numbers, 0], fitted.expression[numbers, 0])
    identity, expression = (
        part[:, :count] for part, count in zip(known, model.num_coefficients, strict=False)
    )
    return model.shape(identity, expression)


def likely_light(
    colors: Colors, albedo: Colors, normals: Colors, weights: Float[Tensor, "faces vertices"]
) -> Float[Tensor, "faces 9 3"]:
    """Ridge regression towards even light: nine numbers overfit the few directions that a face shows."""
    start = even_light(len(colors))
    shading = harmonics(normals)
    system = (albedo.mT[..., None] * shading[:, None]) * weights[:, None, :, None]  # (faces, 3, V, 9)
    missing = (colors - albedo * (shading @ start)) * weights[..., None]
    precision = precisions(weights)[:, None, None, None]
    normal = precision * (system.mT @ system) + torch.eye(9)
    change = torch.linalg.solve(normal, precision * (system.mT @ missing.mT[..., None]))
    return start + change[..., 0].mT


def precisions(weights: Float[Tensor, "*faces vertices"]) -> Float[Tensor, "*faces"]:
    """Of one vertex: neighbours are alike, so that all tell no more than `TELLING` would."""
    return TELLING / (DEVIATION**2 * weights.sum(-1).clamp(min=1))


def fit_albedo(
    colors: Colors,
    shading: Colors,
    weights: Float[Tensor, "faces vertices"],
    mean: Float[Tensor, "vertices 3"],
    basis: Float[Tensor, "albedos vertices 3"],
) -> Float[Tensor, "faces albedos"]:
    """Ridge regression, face by face: colour = (mean + basis) * shading, off by a normal deviation."""
    results = []
    for color, shade, weight in zip(colors, shading, weights, strict=True):
        system = (basis * shade * weight[:, None]).flatten(1)  # (K, V 3)
        missing = ((color - mean * shade) * weight[:, None]).flatten()
        precision = precisions(weight)
        normal = precision * system @ system.mT + torch.eye(len(basis))
        results.append(torch.linalg.solve(normal, precision * system @ missing))
    return torch.stack(results)
