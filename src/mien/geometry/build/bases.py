"""Principal components of shapes, weighted by the surface that each vertex stands for."""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

Shapes = Float[ndarray, "shapes vertices 3"]
Basis = Float[ndarray, "components vertices 3"]
VertexAreas = Float[ndarray, " vertices"]

IS_ACTIVE = 0.12
"""How likely a blendshape takes part in a sampled expression."""
IS_SYMMETRIC = 0.8
"""How likely its partner on the other half of the face does the same."""
NUM_SAMPLED_EXPRESSIONS = 20_000
NEGLIGIBLE = 1e-5
"""Components with less than this share of the largest one's deviation carry nothing."""


def vertex_areas(
    positions: Float[ndarray, "vertices 3"], triangles: Int[ndarray, "triangles 3"]
) -> VertexAreas:
    """A third of the triangles around each vertex, as shares of the whole."""
    corners = positions[triangles]
    doubled = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.repeat(np.linalg.norm(doubled, axis=1), 3)
    shares = np.bincount(triangles.ravel(), area, len(positions))
    return shares / shares.sum()


def principal_components(factors: Shapes, areas: VertexAreas, num_components: int) -> Basis:
    """The components of shapes `sum_i a_i factors_i` with independent a_i of deviation 1.

    Each comes at the length of one standard deviation, the one that moves most surface first.
    """
    scaled = factors * np.sqrt(areas)[:, None]
    flat = scaled.reshape(len(factors), -1)
    variances, vectors = np.linalg.eigh(flat @ flat.T)
    order = np.argsort(variances)[::-1][:num_components]
    kept = order[variances[order] > NEGLIGIBLE**2 * variances.max()]
    basis = np.einsum("fc,fvd->cvd", vectors[:, kept], factors)
    return _with_fixed_signs(basis)


def _with_fixed_signs(basis: Basis) -> Basis:
    """A component's sign means nothing; this one does not change with the linear algebra library."""
    flat = basis.reshape(len(basis), -1)
    largest = flat[np.arange(len(flat)), np.abs(flat).argmax(axis=1)]
    return basis * np.sign(largest)[:, None, None]


def identity_components(
    shapes: Shapes,
    mean: Float[ndarray, "vertices 3"],
    mirror: Int[ndarray, " vertices"],
    areas: VertexAreas,
    num_components: int,
) -> Basis:
    """Components of heads as likely as their mirror images; place, turn and size are the camera's."""
    mirrored = shapes[:, mirror] * np.array([-1.0, 1.0, 1.0])
    factors = np.concatenate((shapes, mirrored)) / np.sqrt(2)
    return principal_components(without_similarity(factors, mean, areas), areas, num_components)


def without_similarity(shapes: Shapes, mean: Float[ndarray, "vertices 3"], areas: VertexAreas) -> Shapes:
    """What is left of small changes of shape when moving, turning and growing the mean are taken out."""
    centred = mean - areas @ mean
    moves = [np.broadcast_to(axis, mean.shape) for axis in np.eye(3)]
    turns = [np.cross(axis, centred) for axis in np.eye(3)]
    root = np.sqrt(areas)[:, None]
    columns = np.stack([(motion * root).ravel() for motion in (*moves, *turns, centred)], axis=1)
    orthonormal, _ = np.linalg.qr(columns)
    flat = (shapes * root).reshape(len(shapes), -1)
    flat = flat - (flat @ orthonormal) @ orthonormal.T
    return flat.reshape(shapes.shape) / root


def expression_components(shapes: Shapes, names: tuple[str, ...], areas: VertexAreas, seed: int) -> Basis:
    """Components of sampled mixtures of blendshapes, around the face at rest.

    Their signs are such that what faces do counts positive, as far as it can.
    """
    generator = np.random.default_rng(seed)
    activations = sample_activations(names, generator)
    values, vectors = np.linalg.eigh(activations.T @ activations / len(activations))
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    factors = np.einsum("ab,bvd->avd", root, shapes)
    basis = principal_components(factors, areas, len(shapes))
    average = np.einsum("a,avd->vd", activations.mean(0), shapes)
    usual = np.einsum("cvd,vd,v->c", basis, average, areas)
    return basis * np.where(usual < 0, -1.0, 1.0)[:, None, None]


def sample_activations(
    names: tuple[str, ...], generator: np.random.Generator
) -> Float[ndarray, "samples shapes"]:
    """Blendshapes in use, from 0 to 1; a left one and its right one (`..._L`, `..._R`) mostly go together."""
    size = (NUM_SAMPLED_EXPRESSIONS, len(names))
    activations = generator.random(size) * (generator.random(size) < IS_ACTIVE)
    for index, name in enumerate(names):
        partner = f"{name.removesuffix('_L')}_R"
        if name.endswith("_L") and partner in names:
            together = generator.random(len(activations)) < IS_SYMMETRIC
            own = activations[:, index]
            activations[together, names.index(partner)] = own[together] * generator.uniform(
                0.8, 1.2, together.sum()
            )
    return activations.clip(0, 1)
