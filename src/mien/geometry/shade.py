"""Light from all around, as nine numbers per colour.

Ramamoorthi and Hanrahan, An efficient representation for irradiance environment maps, 2001: what a matt
surface reflects depends on its direction through nine spherical harmonics, to within about one per cent.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

Light = Float[Tensor, "batch 9 3"]
"""For each harmonic its red, green and blue."""

_RIDGE = 1e-6
"""Of the mean square, so that directions which are not in the data do not blow up."""
# the harmonics' own factors (eq. 3) times what a cosine does to each order, over pi (eq. 8): 1, 2/3, 1/4
_CONSTANT = 0.5 / math.sqrt(math.pi)
_LINEAR = math.sqrt(3 / (4 * math.pi)) * 2 / 3
_PRODUCT = math.sqrt(15 / (4 * math.pi)) / 4
_HEIGHT = math.sqrt(5 / (16 * math.pi)) / 4
_DIFFERENCE = math.sqrt(15 / (16 * math.pi)) / 4


def harmonics(normals: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 9"]:
    """Of directions of length 1, in the order 1; y, z, x; xy, yz, 3zz - 1, xz, xx - yy."""
    x, y, z = normals.unbind(-1)
    terms = (
        torch.full_like(x, _CONSTANT),
        _LINEAR * y,
        _LINEAR * z,
        _LINEAR * x,
        _PRODUCT * x * y,
        _PRODUCT * y * z,
        _HEIGHT * (3 * z * z - 1),
        _PRODUCT * x * z,
        _DIFFERENCE * (x * x - y * y),
    )
    return torch.stack(terms, -1)


def even_light(batch: int) -> Light:
    """White and the same from everywhere: colours stay what they are."""
    light = torch.zeros(batch, 9, 3)
    light[:, 0] = 1 / _CONSTANT
    return light


def shade(
    albedo: Float[Tensor, "batch vertices 3"], normals: Float[Tensor, "batch vertices 3"], light: Light
) -> Float[Tensor, "batch vertices 3"]:
    """What each vertex looks like; normals as the camera sees them, that is after the head was turned."""
    return albedo * (harmonics(normals) @ light)


def fit_light(
    colors: Float[Tensor, "batch vertices 3"],
    albedo: Float[Tensor, "batch vertices 3"],
    normals: Float[Tensor, "batch vertices 3"],
    weights: Float[Tensor, "batch vertices"] | None = None,
) -> Light:
    """The light under which this albedo looks most like the colours seen in a picture, by least squares.

    Weights say which vertices count: those that were seen. With none, the light is dark.
    """
    root = torch.ones_like(colors[..., 0]) if weights is None else weights.clamp(min=0).sqrt()
    basis = harmonics(normals.double()) * root[..., None]
    # (batch, 3, vertices, 9): each colour has an equation system of its own
    system = albedo.double().mT[..., None] * basis[:, None]
    normal_matrix = system.mT @ system
    ridge = _RIDGE * normal_matrix.diagonal(dim1=-2, dim2=-1).mean(-1) + torch.finfo(torch.float32).tiny
    normal_matrix = normal_matrix + ridge[..., None, None] * torch.eye(9).to(normal_matrix)
    seen = (colors.double() * root[..., None]).mT[..., None]  # (batch, 3, vertices, 1)
    return torch.linalg.solve(normal_matrix, system.mT @ seen)[..., 0].mT.to(colors)
