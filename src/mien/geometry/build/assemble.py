"""From a head of another kit to our model: both halves of the mesh, identity and expression."""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from mien.geometry.build.bases import expression_components, identity_components, vertex_areas
from mien.geometry.build.facekit import FaceKit, SourceError
from mien.geometry.build.layout import HalfLayout, LayoutSettings, lay_out
from mien.geometry.build.mixture import Mixture, nearest, stacked
from mien.geometry.build.surface import ON_MIDLINE, cut_out_half_face
from mien.geometry.landmarks import MIRROR_68, NUM_LANDMARKS
from mien.geometry.morphable import LinearMorphable

GREY = 0.5
"""Albedo of a model that has not been shown any pictures."""
DETAILED_LANDMARKS = range(30, NUM_LANDMARKS)
"""Tip of the nose, nostrils, eyes and mouth: the mesh is finest there."""
LARGEST_ASYMMETRY = 1e-3
UV_MARGIN = 0.01


@dataclass(frozen=True)
class ShapeSettings:
    """What the geometry of a model is made with."""

    num_identity: int = 100
    layout: LayoutSettings = field(default_factory=LayoutSettings)
    seed: int = 0


def build_shape(kit: FaceKit, settings: ShapeSettings) -> LinearMorphable:
    """A model with grey skin: our own mesh, and the kit's identities and expressions as components on it."""
    partner = mirror_vertices(kit.mean)
    right = kit.landmarks[kit.mean[kit.landmarks, 0] > -ON_MIDLINE]
    surface = cut_out_half_face(kit.mean, kit.triangles, int(right[0]))
    at, on_surface = nearest(surface.positions, kit.mean[right])
    if at.max() > ON_MIDLINE:
        raise SourceError("some of the 68 landmarks lie outside the face that is cut out")
    details = kit.mean[kit.landmarks[list(DETAILED_LANDMARKS)]]
    half = lay_out(surface, on_surface, details, settings.layout)

    from_kit, triangles, uv, mirror = _both_halves(half, half.from_surface.after(surface.from_head), partner)
    mean = from_kit.of(kit.mean)
    mean = (mean + mean[mirror] * np.array([-1.0, 1.0, 1.0])) / 2
    areas = vertex_areas(mean, triangles)
    identity = identity_components(from_kit.of(kit.identity), mean, mirror, areas, settings.num_identity)
    expression = expression_components(
        from_kit.of(kit.expression), kit.expression_names, areas, settings.seed
    )
    landmarks = _landmark_points(kit.landmarks, right, half.landmarks, mirror)
    return LinearMorphable(
        mean=_floats(mean),
        identity_basis=_floats(identity),
        expression_basis=_floats(expression),
        mean_albedo=torch.full((len(mean), 3), GREY),
        albedo_basis=torch.zeros(0, len(mean), 3),
        triangles=torch.from_numpy(triangles),
        uv=_floats(uv),
        landmarks=torch.from_numpy(landmarks),
        mirror=torch.from_numpy(mirror),
        landmark_offsets=torch.zeros(NUM_LANDMARKS, 3),
    )


def mirror_vertices(positions: Float[ndarray, "vertices 3"]) -> Int[ndarray, " vertices"]:
    """The partner of each vertex on the other side of the plane x = 0."""
    distance, partner = nearest(positions, positions * np.array([-1.0, 1.0, 1.0]))
    is_paired = partner[partner] == np.arange(len(positions))
    if distance.max() > LARGEST_ASYMMETRY or not is_paired.all():
        raise SourceError(
            f"the head is not symmetric: a vertex's mirror image has none within {distance.max():.2g} dm"
        )
    return partner


def _both_halves(
    half: HalfLayout, from_kit: Mixture, partner: Int[ndarray, " vertices"]
) -> tuple[Mixture, Int[ndarray, "triangles 3"], Float[ndarray, "points 2"], Int[ndarray, " points"]]:
    """The half and its mirror image, sewn together along the midline."""
    num_half = len(half.flat)
    sides = np.flatnonzero(~half.is_middle)
    mirror_of_half = np.arange(num_half)
    mirror_of_half[sides] = num_half + np.arange(len(sides))
    mirror = np.concatenate((mirror_of_half, sides))
    mirrored = from_kit.rows(sides)
    mirrored = Mixture(partner[mirrored.sources], mirrored.shares)
    triangles = np.concatenate((half.triangles, mirror_of_half[half.triangles][:, ::-1]))
    flat = np.concatenate((half.flat, half.flat[sides] * np.array([-1.0, 1.0])))
    span = (flat.max(axis=0) - flat.min(axis=0)).max() * (1 + 2 * UV_MARGIN)
    middle = (flat.max(axis=0) + flat.min(axis=0)) / 2
    return stacked(from_kit, mirrored), triangles, (flat - middle) / span + 0.5, mirror


def _landmark_points(
    kit_landmarks: Int[ndarray, " 68"],
    right: Int[ndarray, " landmarks"],
    found: Int[ndarray, " landmarks"],
    mirror: Int[ndarray, " points"],
) -> Int[ndarray, " 68"]:
    """Our vertex for each of the 68; those on the other half are the mirror images of their partners."""
    ours = dict(zip(right.tolist(), found.tolist(), strict=True))
    partners = kit_landmarks[MIRROR_68.numpy()]
    return np.array(
        [
            ours[own] if own in ours else int(mirror[ours[partner]])
            for own, partner in zip(kit_landmarks.tolist(), partners.tolist(), strict=True)
        ]
    )


def _floats(array: Float[ndarray, "*any"]) -> Float[Tensor, "*any"]:
    return torch.from_numpy(np.ascontiguousarray(array)).float()
