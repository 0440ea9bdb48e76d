"""The morphable model and a camera fitted to 68 landmarks of a picture, many pictures at once."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mien.geometry.camera import WeakPerspective, fit_weak_perspective
from mien.geometry.morphable import LinearMorphable
from mien.geometry.pose import turn

LandmarkSets = Float[Tensor, "batch 68 2"]

NUM_POSE = 6
"""Turn about three axes, growth, shift along two."""
LARGEST_STEP = 0.5
"""Radians that one step may turn the head, and the logarithm by which it may grow."""
POSE_DAMPING = 1e-9
"""Of what the landmarks do not tell about the pose, as all of it when they fall on one pixel."""


@dataclass(frozen=True)
class FitSettings:
    """How far the model may bend to meet the landmarks."""

    num_identity: int = 40
    """At most; as many as the model has, as with expressions."""
    num_expression: int = 10
    deviation: float = 0.04
    """Of a labelled landmark from the model's, in decimetres on the face: with less the landmarks are
    followed more closely, with more the face stays nearer to the mean."""
    num_steps: int = 8


@dataclass(frozen=True)
class Fit:
    """One face per row: coefficients in standard deviations, and how the head is seen."""

    identity: Float[Tensor, "batch identities"]
    expression: Float[Tensor, "batch expressions"]
    rotation: Float[Tensor, "batch 3 3"]
    camera: WeakPerspective

    def vertices(self, model: LinearMorphable) -> Float[Tensor, "batch vertices 3"]:
        """The model's vertices in the picture: pixels and depth."""
        return self.camera.project(turn(model.shape(self.identity, self.expression), self.rotation))

    def landmarks(self, model: LinearMorphable) -> Float[Tensor, "batch 68 3"]:
        """The model's landmarks in the picture: pixels and depth."""
        basis = landmark_basis(model, self.identity.shape[1], self.expression.shape[1])
        points = basis.points(torch.cat((self.identity, self.expression), 1))
        return self.camera.project(turn(points, self.rotation))


@dataclass(frozen=True)
class LandmarkBasis:
    """The model at its landmarks alone."""

    mean: Float[Tensor, "68 3"]
    components: Float[Tensor, "components 68 3"]

    def points(self, coefficients: Float[Tensor, "batch components"]) -> Float[Tensor, "batch 68 3"]:
        return self.mean + torch.einsum("bc,cpd->bpd", coefficients, self.components)


def landmark_basis(model: LinearMorphable, num_identity: int, num_expression: int) -> LandmarkBasis:
    identity, expression = (
        basis[:count, model.landmarks]
        for basis, count in ((model.identity_basis, num_identity), (model.expression_basis, num_expression))
    )
    mean = model.mean[model.landmarks] + model.landmark_offsets
    return LandmarkBasis(mean, torch.cat((identity, expression)))


def fit_landmarks(
    model: LinearMorphable,
    landmarks: LandmarkSets,
    settings: FitSettings | None = None,
    weights: Float[Tensor, "batch 68"] | None = None,
) -> Fit:
    """The likeliest face for landmarks that are off by a normal deviation, with coefficients of deviation 1.

    Gauss-Newton on pose and coefficients together. A landmark that is not finite counts for nothing;
    with few or degenerate ones the face stays the mean and all is finite.
    """
    settings = settings or FitSettings()
    is_known = landmarks.isfinite().all(-1)
    weights = (torch.ones_like(landmarks[..., 0]) if weights is None else weights) * is_known
    given = torch.where(is_known[..., None], landmarks, torch.zeros_like(landmarks)).double()
    num_identity = min(settings.num_identity, len(model.identity_basis))
    basis = landmark_basis(model, num_identity, settings.num_expression)
    basis = LandmarkBasis(basis.mean.double(), basis.components.double())
    precision = weights.double() / settings.deviation**2

    coefficients = given.new_zeros(len(given), len(basis.components))
    rotation, camera = fit_weak_perspective(basis.points(coefficients), given, precision)
    for _ in range(settings.num_steps):
        step = _step(basis, given, precision, coefficients, rotation, camera)
        coefficients, rotation, camera = _stepped(step, coefficients, rotation, camera)
    return Fit(
        coefficients[:, :num_identity].to(landmarks),
        coefficients[:, num_identity:].to(landmarks),
        rotation.to(landmarks),
        WeakPerspective(camera.scale.to(landmarks), camera.shift.to(landmarks)),
    )


def _step(
    basis: LandmarkBasis,
    given: LandmarkSets,
    precision: Float[Tensor, "batch 68"],
    coefficients: Float[Tensor, "batch components"],
    rotation: Float[Tensor, "batch 3 3"],
    camera: WeakPerspective,
) -> Float[Tensor, "batch unknowns"]:
    """What to change: turn, growth, shift (in the face's units) and coefficients."""
    turned = turn(basis.points(coefficients), rotation)
    missing = (given - camera.project(turned)[..., :2]) / camera.scale[:, None, None]
    slopes = _slopes(turned, torch.einsum("cpd,bed->bpec", basis.components, rotation))
    weighted = slopes * precision[..., None, None]
    prior = torch.ones_like(slopes[:, 0, 0])
    prior[:, :NUM_POSE] = POSE_DAMPING * precision.sum(1, keepdim=True).clamp(min=1.0)
    normal = torch.einsum("bpeu,bpev->buv", weighted, slopes) + torch.diag_embed(prior)
    pull = torch.einsum("bpeu,bpe->bu", weighted, missing)
    pull[:, NUM_POSE:] -= coefficients
    return torch.linalg.solve(normal, pull)


def _slopes(
    turned: Float[Tensor, "batch 68 3"], components: Float[Tensor, "batch 68 3 components"]
) -> Float[Tensor, "batch 68 2 unknowns"]:
    """How picture positions, in the face's units, follow each unknown."""
    x, y, z = turned.unbind(-1)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    # turning by (a, b, c) moves a point p by (a, b, c) x p; then growing by p; then shifting
    across = torch.stack((zero, z, -y, x, one, zero), -1)
    up = torch.stack((-z, zero, x, y, zero, -one), -1)
    pose = torch.stack((across, up), -2)
    slopes = torch.cat((pose, components[..., :2, :]), -1)
    return slopes * slopes.new_tensor([1.0, -1.0])[:, None]  # y points down in a picture


def _stepped(
    step: Float[Tensor, "batch unknowns"],
    coefficients: Float[Tensor, "batch components"],
    rotation: Float[Tensor, "batch 3 3"],
    camera: WeakPerspective,
) -> tuple[Float[Tensor, "batch components"], Float[Tensor, "batch 3 3"], WeakPerspective]:
    a, b, c = step[:, :3].clamp(-LARGEST_STEP, LARGEST_STEP).unbind(-1)
    zero = torch.zeros_like(a)
    cross = torch.stack((zero, -c, b, c, zero, -a, -b, a, zero), -1).unflatten(-1, (3, 3))
    growth = step[:, 3].clamp(-LARGEST_STEP, LARGEST_STEP).exp()
    shift = camera.shift + step[:, 4:NUM_POSE] * camera.scale[:, None]
    return (
        coefficients + step[:, NUM_POSE:],
        torch.linalg.matrix_exp(cross) @ rotation,
        WeakPerspective(camera.scale * growth, shift),
    )
