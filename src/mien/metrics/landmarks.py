"""How far found landmarks lie from the true ones, in parts of the face's size."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

LandmarkSets = Float[Tensor, "batch points 2"]
Normaliser = Callable[[LandmarkSets], Float[Tensor, " batch"]]
"""The face's size in pixels, from its true landmarks."""


def normalised_mean_error(
    found: LandmarkSets, truths: LandmarkSets, normaliser: Normaliser
) -> Float[Tensor, " batch"]:
    """NME: the mean distance over a face's points, divided by `normaliser(truths)`."""
    truths = truths.double()
    distances = (found.double() - truths).norm(dim=-1).mean(dim=1)
    return distances / normaliser(truths)


def eye_distance(points: Float[Tensor, "batch 5 2"]) -> Float[Tensor, " batch"]:
    """Between the eye centres of five points; it vanishes in a profile, where `box_size` serves better."""
    return (points[:, 1] - points[:, 0]).norm(dim=-1)


def box_size(points: LandmarkSets) -> Float[Tensor, " batch"]:
    """sqrt(width * height) of the points' bounding box: what AFLW2000-3D divides by, profiles included."""
    sides = points.amax(dim=1) - points.amin(dim=1)
    return sides.prod(dim=-1).sqrt()
