"""Squares around faces that stand upright in them: how a face is cut out to be read."""

import torch
from jaxtyping import Float
from torch import Tensor

from mien.image.warp import compose, transform_points, translation

PointSets = Float[Tensor, "batch 68 2"]
FiveSets = Float[Tensor, "batch 5 2"]
SMALLEST_SIDE = 1.0
"""Pixels of a face whose points all fall together."""
SIDE_PER_EYES_TO_MOUTH = 2.05
"""Of the landmarks' box, mean of width and height; medians and slopes over 12 thousand labelled faces."""
MIDDLE_BELOW_EYES = 0.67
"""Of the way from the eyes to the mouth, where the middle of the landmarks' box is."""
MIDDLE_AGAINST_NOSE = 1.23
"""By how much the box's middle lies behind the eyes and the mouth of a turned head, over the way that the
tip of the nose lies before them."""


def five_points(points: PointSets) -> FiveSets:
    """Eye centres, tip of the nose, corners of the mouth."""
    eyes = (points[:, 36:42].mean(1), points[:, 42:48].mean(1))
    return torch.stack((*eyes, points[:, 30], points[:, 48], points[:, 54]), 1)


def rolls(points: FiveSets) -> Float[Tensor, " batch"]:
    """Degrees by which each face is turned in its picture, as `Detection.roll`."""
    left_eye, right_eye, _, left_mouth, right_mouth = points.unbind(1)
    down = (left_mouth + right_mouth - left_eye - right_eye) / 2
    across = right_eye - left_eye
    return torch.rad2deg(torch.atan2(across[:, 1] - down[:, 0], across[:, 0] + down[:, 1]))


def squares_at(
    middle: Float[Tensor, "batch 2"],
    side: Float[Tensor, " batch"],
    degrees: Float[Tensor, " batch"],
    size: int,
    face_size: float,
) -> Float[Tensor, "batch 2 3"]:
    """`picture_from_square`, of squares of `size` pixels in which faces of this side have `face_size`."""
    scale = side.clamp(min=SMALLEST_SIDE).double() / face_size
    angle = torch.deg2rad(degrees.double())
    cosine, sine = scale * angle.cos(), scale * angle.sin()
    linear = torch.stack((cosine, -sine, sine, cosine), -1).unflatten(-1, (2, 2))
    turned = torch.cat((linear, middle.double()[..., None]), -1)
    to_middle = translation(-(size - 1) / 2, -(size - 1) / 2).to(turned.device)
    return compose(turned, to_middle.expand_as(turned))


def squares_around(points: PointSets, size: int, face_size: float) -> Float[Tensor, "batch 2 3"]:
    """By the landmarks: the middle of their box, as it is when the face is upright."""
    degrees = rolls(five_points(points))
    upright = transform_points(in_plane(-degrees), points)
    low, high = upright.amin(1), upright.amax(1)
    middle = transform_points(in_plane(degrees), ((low + high) / 2)[:, None])[:, 0]
    return squares_at(middle, (high - low).mean(-1), degrees, size, face_size)


def squares_on_five(points: FiveSets, size: int, face_size: float) -> Float[Tensor, "batch 2 3"]:
    """By five points, from which the landmarks' box is only guessed."""
    eyes, nose, mouth = points[:, :2].mean(1), points[:, 2], points[:, 3:].mean(1)
    down = mouth - eyes
    length = down.norm(dim=-1).clamp(min=1e-6)
    across = torch.stack((-down[:, 1], down[:, 0]), -1) / length[:, None]
    before = ((nose - (eyes + mouth) / 2) * across).sum(-1).clamp(-0.6 * length, 0.6 * length)
    middle = torch.lerp(eyes, mouth, MIDDLE_BELOW_EYES) - MIDDLE_AGAINST_NOSE * before[:, None] * across
    return squares_at(middle, SIDE_PER_EYES_TO_MOUTH * length, rolls(points), size, face_size)


def squares_on_boxes(
    boxes: Float[Tensor, "batch 4"], degrees: Float[Tensor, " batch"], size: int, face_size: float
) -> Float[Tensor, "batch 2 3"]:
    """By the landmarks' boxes, for faces that may be turned by these angles."""
    low, high = boxes[:, :2], boxes[:, 2:]
    return squares_at((low + high) / 2, (high - low).mean(-1), degrees, size, face_size)


def in_plane(degrees: Float[Tensor, " batch"]) -> Float[Tensor, "batch 2 3"]:
    """Turns about the origin, clockwise to the eye."""
    angle = torch.deg2rad(degrees.double())
    cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    return torch.stack((cosine, -sine, zero, sine, cosine, zero), -1).unflatten(-1, (2, 3))
