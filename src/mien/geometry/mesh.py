"""Surfaces made of triangles: their directions, their rims, and their openings closed.

Triangles run counter-clockwise for who looks at them from outside, as in OBJ and glTF files.
"""

from collections import defaultdict
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

Triangles = Int[Tensor, "triangles 3"]


@dataclass(frozen=True)
class Mesh:
    """Faces of one layout."""

    vertices: Float[Tensor, "batch vertices 3"]
    triangles: Triangles
    uv: Float[Tensor, "vertices 2"]
    """Where each vertex lies in a texture: (0, 0) is its lower left corner, (1, 1) its upper right."""
    colors: Float[Tensor, "batch vertices 3"]


def triangle_normals(
    vertices: Float[Tensor, "batch vertices 3"], triangles: Triangles
) -> Float[Tensor, "batch triangles 3"]:
    """Pointing outwards, as long as the triangle has area, twice."""
    first, second, third = vertices[:, triangles].unbind(2)
    return torch.linalg.cross(second - first, third - first)


def vertex_normals(
    vertices: Float[Tensor, "batch vertices 3"], triangles: Triangles
) -> Float[Tensor, "batch vertices 3"]:
    """The direction of the surface at each vertex, larger triangles counting for more.

    Of length 1; zero where only triangles without area meet, or none.
    """
    per_corner = triangle_normals(vertices, triangles).repeat_interleave(3, dim=1)
    sums = torch.zeros_like(vertices).index_add(1, triangles.flatten(), per_corner)
    return F.normalize(sums, dim=-1, eps=1e-20)


def rims(triangles: Triangles) -> list[Int[Tensor, " rim"]]:
    """The edges with a triangle on one side only, chained into loops, the longest loop first.

    A loop runs as its triangles do: around an opening with the surface to its left.
    """
    next_along: dict[int, list[int]] = defaultdict(list)
    edges = {(a, b) for a, b in torch.cat([triangles[:, [i, (i + 1) % 3]] for i in range(3)]).tolist()}
    for start, end in sorted(edges):
        if (end, start) not in edges:
            next_along[start].append(end)
    loops = []
    while next_along:
        loop = [next(iter(next_along))]
        while loop[-1] in next_along:
            ends = next_along[loop[-1]]
            follower = ends.pop()
            if not ends:
                del next_along[loop[-1]]
            loop.append(follower)
        # where a loop comes back to its start the start stands twice
        loops.append(torch.tensor(loop[:-1] if loop[0] == loop[-1] else loop, device=triangles.device))
    return sorted(loops, key=len, reverse=True)


@dataclass(frozen=True)
class Closure:
    """How to close a layout's openings: a vertex in the middle of each, and triangles around it."""

    triangles: Triangles
    """The layout's, then the new ones."""
    openings: tuple[Int[Tensor, " _"], ...]
    outline: Int[Tensor, " outline"]
    """The longest rim, which stays open."""

    def add_to(
        self, values: Float[Tensor, "batch vertices channels"]
    ) -> Float[Tensor, "batch more channels"]:
        """Anything that vertices have, with the mean over each opening's rim for its new vertex."""
        middles = [values[:, rim].mean(1, keepdim=True) for rim in self.openings]
        return torch.cat((values, *middles), 1)


def close_openings(triangles: Triangles, num_vertices: int) -> Closure:
    """Eyes and mouth get a lid each, so that the picture goes on over them."""
    outline, *openings = rims(triangles) or [triangles.new_zeros(0)]
    lids = [
        torch.stack((rim.roll(-1), rim, torch.full_like(rim, num_vertices + index)), 1)
        for index, rim in enumerate(openings)
    ]
    return Closure(torch.cat((triangles, *lids)), tuple(openings), outline)
