"""Where pictures have the 68 landmarks labelled, compared with the vertices that bear their names."""

import torch
from jaxtyping import Float
from torch import Tensor

from mien.geometry.fit import Fit, FitSettings, fit_landmarks
from mien.geometry.landmarks import MIRROR_68
from mien.geometry.morphable import LinearMorphable, with_offsets

LandmarkSets = Float[Tensor, "faces 68 2"]

NUM_ROUNDS = 5
STEADY = slice(17, 68)
"""All but the jaw, whose labels lie farthest from the vertices, tell place, turn and size of the whole."""
PRIOR = 0.02
"""Decimetres: how large an offset one expects."""
LARGEST_MISS = 0.3
"""Decimetres: what lies farther off is a wrong label."""


def learn_offsets(
    model: LinearMorphable, landmarks: LandmarkSets, settings: FitSettings
) -> Float[Tensor, "68 3"]:
    """One shift in face space per landmark that, added to its vertex, meets the labels best.

    Fits and offsets are found in turns. What moving, turning or growing the whole face would do as
    well is left out, since it would only redefine the pose.
    """
    offsets = torch.zeros_like(model.landmark_offsets)
    for _ in range(NUM_ROUNDS):
        current = with_offsets(model, offsets)
        fit = fit_landmarks(current, landmarks, settings)
        offsets = offsets + _missing(current, fit, landmarks)
        mirrored = offsets[MIRROR_68] * offsets.new_tensor([-1.0, 1.0, 1.0])
        offsets = without_similarity((offsets + mirrored) / 2, model.mean[model.landmarks])
    return offsets


def _missing(model: LinearMorphable, fit: Fit, landmarks: LandmarkSets) -> Float[Tensor, "68 3"]:
    """Least squares over all pictures, each of which sees two directions of a landmark's three."""
    missing = (landmarks - fit.landmarks(model)[..., :2]) / fit.camera.scale[:, None, None]
    is_right = (missing.norm(dim=-1) < LARGEST_MISS).float()
    views = fit.rotation[:, :2] * missing.new_tensor([1.0, -1.0])[:, None]
    normal = torch.einsum("fp,fek,fel->pkl", is_right, views, views)
    pull = torch.einsum("fp,fek,fpe->pk", is_right, views, missing)
    noise = (missing.square().sum(-1) * is_right).sum() / is_right.sum()
    return torch.linalg.solve(normal + torch.eye(3) * noise / PRIOR**2, pull)


def without_similarity(
    offsets: Float[Tensor, "68 3"], points: Float[Tensor, "68 3"]
) -> Float[Tensor, "68 3"]:
    """What is left when moving, turning and growing the points together are taken out."""
    centred = points - points[STEADY].mean(0)
    axes = torch.eye(3, dtype=points.dtype)
    moves = [axis.expand(len(points), 3) for axis in axes]
    turns = [torch.linalg.cross(axis.expand(len(points), 3), centred) for axis in axes]
    motions = torch.stack((*moves, *turns, centred), -1)
    amounts = torch.linalg.lstsq(motions[STEADY].flatten(0, 1), offsets[STEADY].flatten()).solution
    return offsets - motions @ amounts
