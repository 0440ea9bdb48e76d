"""Our own mesh on a flattened half face: points at even distances, closer at eyes, nose and mouth."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.spatial import Delaunay, KDTree

from mien.geometry.build.facekit import SourceError
from mien.geometry.build.mixture import Mixture, copies, nearest, stacked
from mien.geometry.build.surface import ON_MIDLINE, Flat, Positions, Surface, Triangles, boundary_edges

SAMPLES_PER_POINT = 40
NUM_NEIGHBOURS = 24
SMALLEST_ANGLE_SINE = 0.02
"""A flat triangle thinner than that is the gap between points on one straight border."""


@dataclass(frozen=True)
class LayoutSettings:
    """How dense the mesh is."""

    coarse: float = 0.034
    """Decimetres between vertices on cheeks and forehead."""
    fine: float = 0.019
    """At the lids, the nose and the lips."""
    reach: float = 0.25
    """Decimetres from there over which fine becomes coarse."""
    num_relaxations: int = 60
    seed: int = 0


@dataclass(frozen=True, eq=False)
class HalfLayout:
    """Points on a surface, and triangles between them."""

    from_surface: Mixture
    flat: Flat
    triangles: Triangles
    landmarks: Int[ndarray, " landmarks"]
    """Which points are the landmarks that were asked for."""
    is_middle: Bool[ndarray, " points"]


def lay_out(
    surface: Surface, landmarks: Int[ndarray, " landmarks"], details: Positions, settings: LayoutSettings
) -> HalfLayout:
    """A mesh whose points include the given vertices of the surface; it is finest near `details`."""
    generator = np.random.default_rng(settings.seed)
    spacing = _spacing(surface.positions, details, settings)
    ground = _Ground(surface, spacing, generator)
    fixed, num_border = _fixed_points(surface, spacing, landmarks)
    free = _relaxed(ground, fixed.of(surface.flat), settings.num_relaxations, generator)
    from_surface = stacked(fixed, ground.locate(free)[0])
    flat = from_surface.of(surface.flat)
    triangles = _triangulate(ground, flat, num_border)
    is_middle = np.abs(from_surface.of(surface.positions)[:, 0]) < ON_MIDLINE
    distance, found = nearest(flat, surface.flat[landmarks])
    if distance.max() > 1e-9:
        raise SourceError("a landmark is not on the mesh")
    return HalfLayout(from_surface, flat, triangles, found, is_middle)


def _spacing(
    positions: Positions, details: Float[ndarray, "details 3"], settings: LayoutSettings
) -> Float[ndarray, " vertices"]:
    """The wanted distance between points at each vertex."""
    distance, _ = nearest(details, positions)
    part = np.clip(distance / settings.reach, 0, 1)
    return settings.fine + (settings.coarse - settings.fine) * part**2 * (3 - 2 * part)


class _Ground:
    """The surface as a dense cloud of samples, to find one's way on it."""

    def __init__(
        self, surface: Surface, spacing: Float[ndarray, " vertices"], generator: np.random.Generator
    ) -> None:
        self.surface = surface
        corners = surface.positions[surface.triangles]
        area = _doubled_areas(corners) / 2
        flat_corners = surface.flat[surface.triangles]
        scale = np.sqrt(area / np.maximum(np.abs(_signed_areas(flat_corners)) / 2, 1e-15))
        wanted = spacing[surface.triangles].mean(axis=1)
        share = area / wanted**2
        self.num_wanted = int(share.sum() * 2 / np.sqrt(3))
        """How many points a hexagonal pattern of that spacing has."""
        chosen = generator.choice(
            len(area), self.num_wanted * SAMPLES_PER_POINT, p=share / share.sum(), shuffle=False
        )
        mixture = generator.dirichlet((1, 1, 1), len(chosen))
        self.flat = np.einsum("nk,nkd->nd", mixture, flat_corners[chosen])
        self.triangle = chosen
        density = (scale / wanted)[chosen]
        self.weight = np.minimum(density, np.quantile(density, 0.99)) ** 2
        """In a relaxed pattern the spacing goes with the fourth root of the density, and the samples
        themselves have the density (scale / wanted)^2."""
        self.tree = KDTree(self.flat)

    def locate(self, points: Flat) -> tuple[Mixture, Float[ndarray, " points"]]:
        """Each point as a mixture of a triangle's corners, and how far inside it is (below 0: outside)."""
        _, near = self.tree.query(points, k=NUM_NEIGHBOURS)
        candidates = self.triangle[np.asarray(near)]
        mixtures = _barycentric(self.surface.flat[self.surface.triangles[candidates]], points[:, None])
        inside = mixtures.min(axis=-1)
        best = inside.argmax(axis=1)
        rows = np.arange(len(points))
        mixture = np.clip(mixtures[rows, best], 0, None)
        mixture /= mixture.sum(axis=1, keepdims=True)
        columns = self.surface.triangles[candidates[rows, best]]
        return Mixture(columns, mixture), inside[rows, best]


def _relaxed(
    ground: _Ground, fixed: Flat, num_steps: int, generator: np.random.Generator
) -> Float[ndarray, "free 2"]:
    """Free points between the fixed ones, moved to the centres of their cells again and again (Lloyd)."""
    num_free = ground.num_wanted - int(0.75 * len(fixed))
    free = ground.flat[generator.choice(len(ground.flat), num_free, replace=False)]
    for _ in range(num_steps):
        _, owner = nearest(np.concatenate((free, fixed)), ground.flat)
        is_free = owner < num_free
        mass = np.bincount(owner[is_free], ground.weight[is_free], num_free)
        centre = [
            np.bincount(owner[is_free], (ground.weight * ground.flat[:, axis])[is_free], num_free)
            for axis in (0, 1)
        ]
        has_any = mass > 0
        free[has_any] = (np.stack(centre, axis=1) / np.maximum(mass, 1e-30)[:, None])[has_any]
    return free


def _fixed_points(
    surface: Surface, spacing: Float[ndarray, " vertices"], landmarks: Int[ndarray, " landmarks"]
) -> tuple[Mixture, int]:
    """Points along the borders, then landmarks inside them; and how many are on borders."""
    parts: list[Mixture] = []
    on_border: set[int] = set()
    for chain in border_chains(surface.triangles, surface.positions, set(landmarks.tolist())):
        on_border |= set(chain)
        parts.append(_along(chain, surface.positions, spacing))
    border = stacked(*parts)
    inner = [index for index in landmarks.tolist() if index not in on_border]
    return stacked(border, copies(np.array(inner, dtype=np.int64))), len(border)


def border_chains(triangles: Triangles, positions: Positions, stops: set[int]) -> list[list[int]]:
    """The borders as chains of vertices that start and end where midline and opening meet, or at a stop.

    A closed chain without any starts and ends at its outermost vertex.
    """
    follower = dict(boundary_edges(triangles).tolist())
    is_middle = np.abs(positions[:, 0]) < ON_MIDLINE
    on_middle = {edge: bool(is_middle[list(edge)].all()) for edge in follower.items()}
    ends = {
        end
        for start, end in follower.items()
        if end in stops or on_middle[(start, end)] != on_middle[(end, follower[end])]
    }
    chains: list[list[int]] = []
    left = set(follower)
    while left:
        starts = ends & left
        start = min(starts) if starts else max(left, key=lambda vertex: positions[vertex, 0])
        chain = [start]
        while len(chain) == 1 or (chain[-1] != start and chain[-1] not in ends):
            left.discard(chain[-1])
            chain.append(follower[chain[-1]])
        chains.append(chain)
    return chains


def _along(chain: list[int], positions: Positions, spacing: Float[ndarray, " vertices"]) -> Mixture:
    """Points at even distances (in the wanted spacing) from the chain's start up to before its end."""
    steps = np.linalg.norm(np.diff(positions[chain], axis=0), axis=1)
    steps = steps / (spacing[chain[:-1]] + spacing[chain[1:]]) * 2
    way = np.concatenate(([0.0], np.cumsum(steps)))
    num_points = max(1, round(way[-1]))
    where = np.arange(num_points) * way[-1] / num_points
    segment = np.clip(np.searchsorted(way, where, side="right") - 1, 0, len(steps) - 1)
    share = (where - way[segment]) / np.maximum(steps[segment], 1e-12)
    corners = np.asarray(chain)
    return Mixture(
        np.stack((corners[segment], corners[segment + 1]), axis=1), np.stack((1 - share, share), axis=1)
    )


def _triangulate(ground: _Ground, flat: Flat, num_border: int) -> Triangles:
    """Delaunay's triangles, without those that bridge an opening or lie along a straight border."""
    triangles = Delaunay(flat).simplices.astype(np.int64)
    corners = flat[triangles]
    doubled = _signed_areas(corners)
    triangles[doubled < 0] = triangles[doubled < 0][:, ::-1]
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    is_thin = np.abs(doubled) < SMALLEST_ANGLE_SINE * sides.max(axis=1) ** 2
    _, inside = ground.locate(corners.mean(axis=1))
    is_bridge = (triangles < num_border).all(axis=1) & (is_thin | (inside < -1e-6))
    return triangles[~is_bridge]


def _barycentric(
    corners: Float[ndarray, "*many 3 2"], points: Float[ndarray, "*others 2"]
) -> Float[ndarray, "*many 3"]:
    first, second = corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :]
    way = points - corners[..., 0, :]
    doubled = _cross(first, second)
    doubled = np.where(np.abs(doubled) < 1e-18, 1e-18, doubled)
    along, across = _cross(way, second) / doubled, _cross(first, way) / doubled
    return np.stack((1 - along - across, along, across), axis=-1)


def _cross(first: Float[ndarray, "*many 2"], second: Float[ndarray, "*others 2"]) -> Float[ndarray, "*many"]:
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]


def _signed_areas(corners: Float[ndarray, "triangles 3 2"]) -> Float[ndarray, " triangles"]:
    """Twice the area, positive where the corners turn counter-clockwise."""
    return _cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def _doubled_areas(corners: Float[ndarray, "triangles 3 3"]) -> Float[ndarray, " triangles"]:
    return np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
