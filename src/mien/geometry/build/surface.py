"""Half a face cut out of a whole head, and laid flat: the ground on which our own mesh is drawn.

Everything stays a mixture of the head's vertices, so that whatever is known of the head, every identity and
expression, is known of the new mesh.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.sparse import coo_array, csc_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from mien.geometry.build.facekit import SourceError
from mien.geometry.build.mixture import Mixture

Positions = Float[ndarray, "vertices 3"]
Flat = Float[ndarray, "vertices 2"]
Triangles = Int[ndarray, "triangles 3"]
NewTriangles = Int[ndarray, "new_triangles 3"]

ON_MIDLINE = 1e-4
"""In decimetres: nearer to the plane of symmetry is on it."""
SNAP = 0.004
"""A vertex that near to the cut is taken for on it, so that the cut leaves no slivers."""


@dataclass(frozen=True, eq=False)
class Surface:
    """Half a face (x >= 0), and where its vertices lie when it is flattened."""

    from_head: Mixture
    positions: Positions
    triangles: Triangles
    flat: Flat


def face_level(positions: Positions) -> Float[ndarray, " vertices"]:
    """Above 0 on the face, below it on ears, skull and neck; about the distance to the border, in decimetres.

    Three planes seen from the side, rounded where they meet: before the ears, below the hair, above
    the throat.
    """
    _, y, z = positions.T
    planes = (
        z + 0.53,
        (0.999 - y + 0.25 * (z - 0.14)) / np.hypot(1, 0.25),
        (0.45 * (z + 0.53) + 0.37 * (y + 0.491)) / np.hypot(0.45, 0.37),
    )
    roundness = 0.06
    return -roundness * np.log(sum(np.exp(-plane / roundness) for plane in planes))


def cut_out_half_face(positions: Positions, triangles: Triangles, landmark: int) -> Surface:
    """The half with x >= 0, cut exactly along `face_level`, flattened; `landmark` is a vertex on it."""
    level = face_level(positions)
    level[np.abs(level) < SNAP] = 0
    half = triangles[(positions[triangles][:, :, 0] > -ON_MIDLINE).all(axis=1)]
    half = half[(level[half] >= 0).any(axis=1)]
    from_head, clipped = clip(half, level)
    used, clipped = _connected(clipped, landmark)
    from_head = from_head.rows(used)
    cut = from_head.of(positions)
    closed, all_triangles = close_openings(cut, clipped)
    return Surface(from_head, cut, clipped, flatten(closed, all_triangles)[: len(cut)])


def close_openings(
    positions: Positions, triangles: Triangles
) -> tuple[Float[ndarray, "more_vertices 3"], NewTriangles]:
    """The surface with a lid, a fan of triangles, on the eye and on the half mouth.

    Without lids they would fall shut when the surface is laid flat, because their rims lead inwards.
    """
    edges = boundary_edges(triangles)
    is_middle = np.abs(positions[:, 0]) < ON_MIDLINE
    is_inner = (face_level(positions)[edges] > 2 * SNAP).any(axis=1) & ~is_middle[edges].all(axis=1)
    inner = edges[is_inner]
    size = len(positions)
    links = coo_array((np.ones(len(inner)), (inner[:, 0], inner[:, 1])), shape=(size, size))
    _, opening = connected_components(links, directed=False)
    lids = []
    for label in np.unique(opening[inner[:, 0]]):
        rim = inner[opening[inner[:, 0]] == label]
        centre = positions[np.unique(rim)].mean(axis=0)
        if is_middle[rim].any():
            centre[0] = 0
        lids.append(np.column_stack((rim[:, ::-1], np.full(len(rim), len(positions)))))
        positions = np.concatenate((positions, centre[None]))
    return positions, np.concatenate((triangles, *lids))


def clip(triangles: Triangles, level: Float[ndarray, " vertices"]) -> tuple[Mixture, NewTriangles]:
    """The part of a mesh where the level is not negative; first come the old vertices, used or not."""
    crossings: dict[tuple[int, int], int] = {}
    pieces: list[tuple[int, int, int]] = []

    def crossing(start: int, end: int) -> int:
        edge = (min(start, end), max(start, end))
        return crossings.setdefault(edge, len(level) + len(crossings))

    for triangle in triangles.tolist():
        kept: list[int] = []
        for start, end in pairwise([*triangle, triangle[0]]):
            if level[start] >= 0:
                kept.append(start)
            if level[start] * level[end] < 0:
                kept.append(crossing(start, end))
        pieces += [(kept[0], second, third) for second, third in pairwise(kept[1:])]

    old = np.arange(len(level))
    edges = np.array(list(crossings), dtype=np.int64).reshape(-1, 2)
    share = level[edges[:, 0]] / (level[edges[:, 0]] - level[edges[:, 1]])
    sources = np.concatenate((np.stack((old, old), axis=1), edges))
    ends = np.concatenate((np.zeros(len(level)), share))
    return Mixture(sources, np.stack((1 - ends, ends), axis=1)), np.array(pieces, dtype=np.int64)


def _connected(triangles: Triangles, landmark: int) -> tuple[Int[ndarray, " used"], NewTriangles]:
    """The piece of the mesh with this vertex: its vertices, and its triangles in their numbers."""
    num_vertices = int(triangles.max()) + 1
    links = coo_array(
        (np.ones(triangles.size), (triangles.ravel(), np.roll(triangles, 1, axis=1).ravel())),
        shape=(num_vertices, num_vertices),
    )
    _, piece = connected_components(links, directed=False)
    kept = triangles[piece[triangles[:, 0]] == piece[landmark]]
    used, renumbered = np.unique(kept, return_inverse=True)
    return used, renumbered.reshape(-1, 3)


def flatten(positions: Positions, triangles: Triangles) -> Flat:
    """A plane map that keeps angles as well as can be (least squares conformal maps, Levy 2002, eq. 2-5).

    Vertices with x = 0 stay on the plane's line u = 0, in their order from below to above.
    """
    num_vertices = len(positions)
    corners = positions[triangles]
    first = corners[:, 1] - corners[:, 0]
    length = np.linalg.norm(first, axis=1)
    other = corners[:, 2] - corners[:, 0]
    along = (first * other).sum(axis=1) / length
    height = np.linalg.norm(np.cross(first, other), axis=1) / length
    # each triangle's corners in its own plane, as complex numbers
    local = np.stack((np.zeros_like(length), length, along + 1j * height), axis=1)
    opposite = local[:, [2, 0, 1]] - local[:, [1, 2, 0]]
    opposite /= np.sqrt(length * height)[:, None]

    rows, columns = np.repeat(np.arange(len(triangles)), 3), triangles.ravel()
    real, imaginary = opposite.real.ravel(), opposite.imag.ravel()
    system = csc_array(
        (
            np.concatenate((real, -imaginary, imaginary, real)),
            (
                np.concatenate((rows, rows, rows + len(triangles), rows + len(triangles))),
                np.concatenate((columns, columns + num_vertices, columns, columns + num_vertices)),
            ),
        ),
        shape=(2 * len(triangles), 2 * num_vertices),
    )
    middle = np.flatnonzero(np.abs(positions[:, 0]) < ON_MIDLINE)
    top, bottom = middle[positions[middle, 1].argmax()], middle[positions[middle, 1].argmin()]
    known = np.concatenate((middle, [num_vertices + top, num_vertices + bottom]))
    values = np.concatenate((np.zeros(len(middle)), [1.0, 0.0]))
    flat = _solve(system, num_vertices, known, values).reshape(2, num_vertices).T
    return flat * np.array([np.sign(flat[:, 0].sum()), 1.0])


def _solve(
    system: csc_array, num_vertices: int, known: Int[ndarray, " known"], values: Float[ndarray, " known"]
) -> Float[ndarray, " unknowns"]:
    """The smallest |system @ solution| with some of the solution given."""
    solution = np.zeros(2 * num_vertices)
    solution[known] = values
    free = np.setdiff1d(np.arange(2 * num_vertices), known)
    unknown = system[:, free]
    solution[free] = np.asarray(spsolve(unknown.T @ unknown, -(unknown.T @ (system @ solution))))
    return solution


def boundary_edges(triangles: Triangles) -> Int[ndarray, "edges 2"]:
    """Edges with one triangle only, in its direction."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    counted = Counter(map(tuple, np.sort(edges, axis=1).tolist()))
    if max(counted.values()) > 2:
        raise SourceError("an edge of the mesh has more than two triangles")
    is_border = [counted[(min(edge), max(edge))] == 1 for edge in edges.tolist()]
    return edges[np.array(is_border)]
