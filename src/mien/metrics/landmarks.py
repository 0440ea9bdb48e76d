"""How far landmarks lie from the true ones: in pixels, or in parts of the face's size."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

LandmarkSets = Float[Tensor, "batch points 2"]
Normaliser = Callable[[LandmarkSets], Float[Tensor, " batch"]]
"""The face's size in pixels, from its true landmarks."""

LMD_SIZE = 512
"""Side of the aligned crops whose pixels LMD is told in, whatever the size it was measured at."""


def landmark_distance(found: LandmarkSets, truths: LandmarkSets, crop_size: int) -> Float[Tensor, " batch"]:
    """LMD: the mean distance over a face's points in pixels of a 512 px crop.

    `found` are those of a recovered crop and `truths` those of the true one, both by the same
    landmark network, in crops of `crop_size`.
    """
    return point_distances(found, truths).mean(dim=1) * (LMD_SIZE / crop_size)


def normalised_mean_error(
    found: LandmarkSets, truths: LandmarkSets, normaliser: Normaliser
) -> Float[Tensor, " batch"]:
    """NME: the mean distance over a face's points, divided by `normaliser(truths)`."""
    return point_distances(found, truths).mean(dim=1) / normaliser(truths.double())


def point_distances(found: LandmarkSets, truths: LandmarkSets) -> Float[Tensor, "batch points"]:
    return (found.double() - truths.double()).norm(dim=-1)


def eye_distance(points: Float[Tensor, "batch 5 2"]) -> Float[Tensor, " batch"]:
    """Between the eye centres of five points; it vanishes in a profile, where `box_size` serves better."""
    return (points[:, 1] - points[:, 0]).norm(dim=-1)


def box_size(points: LandmarkSets) -> Float[Tensor, " batch"]:
    """sqrt(width * height) of the points' bounding box: what AFLW2000-3D divides by, profiles included."""
    sides = points.amax(dim=1) - points.amin(dim=1)
    return sides.prod(dim=-1).sqrt()
