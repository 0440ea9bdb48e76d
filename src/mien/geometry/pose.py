"""Rotations of the head, and the angles that people say them with.

Face space has x to the picture's right, y up and z towards the viewer. A rotation R turns the
face before a camera sees it, `turned = R @ point`, and is made of three angles in degrees:

    R = X(pitch) Y(yaw) Z(roll)      yaw = asin(-R02), pitch = atan2(R12, R22), roll = atan2(R01, R00)

which is the convention of 300W-LP and AFLW2000-3D. Yaw is positive when the nose points to the
picture's left, pitch when it points up, roll when the head is tilted clockwise to the viewer's eye.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Rotations = Float[Tensor, "*batch 3 3"]
Angles = Float[Tensor, "*batch 3"]
"""Yaw, pitch and roll in degrees."""

_POLE = 1e-5
"""A cosine of yaw this small leaves pitch and roll one freedom between them: roll is then called 0."""


def rotation_from_angles(angles: Angles) -> Rotations:
    (sin_yaw, sin_pitch, sin_roll) = torch.deg2rad(angles).sin().unbind(-1)
    (cos_yaw, cos_pitch, cos_roll) = torch.deg2rad(angles).cos().unbind(-1)
    right = (cos_yaw * cos_roll, cos_yaw * sin_roll, -sin_yaw)
    up = (
        sin_pitch * sin_yaw * cos_roll - cos_pitch * sin_roll,
        sin_pitch * sin_yaw * sin_roll + cos_pitch * cos_roll,
        sin_pitch * cos_yaw,
    )
    front = (
        cos_pitch * sin_yaw * cos_roll + sin_pitch * sin_roll,
        cos_pitch * sin_yaw * sin_roll - sin_pitch * cos_roll,
        cos_pitch * cos_yaw,
    )
    return torch.stack([torch.stack(row, -1) for row in (right, up, front)], -2)


def angles_from_rotation(rotation: Rotations) -> Angles:
    """Yaw within -90..90, pitch and roll within -180..180."""
    yaw = torch.asin((-rotation[..., 0, 2]).clamp(-1, 1))
    at_pole = torch.hypot(rotation[..., 0, 0], rotation[..., 0, 1]) < _POLE
    pitch = torch.where(
        at_pole,
        torch.atan2(-rotation[..., 2, 1], rotation[..., 1, 1]),
        torch.atan2(rotation[..., 1, 2], rotation[..., 2, 2]),
    )
    roll = torch.atan2(rotation[..., 0, 1], rotation[..., 0, 0]).masked_fill(at_pole, 0.0)
    return torch.rad2deg(torch.stack((yaw, pitch, roll), -1))


def rotation_from_six(six: Float[Tensor, "*batch 6"]) -> Rotations:
    """Any six numbers to a rotation, without a jump anywhere: what a network can regress.

    Zhou et al., On the continuity of rotation representations in neural networks, 2019, eq. 15,
    with the two vectors as the first two rows. Vectors that are zero or parallel give some rotation.
    """
    first, second = six.unflatten(-1, (2, 3)).unbind(-2)
    right = _direction(first, torch.eye(3)[0])
    # of the axes the one least along `right` can always stand in for a second vector that says nothing
    spare = F.one_hot(right.detach().abs().argmin(-1), 3).to(six.dtype)
    up = _direction(_without(second, right), _direction(_without(spare, right), torch.eye(3)[1]))
    return torch.stack((right, up, torch.linalg.cross(right, up)), -2)


def six_from_rotation(rotation: Rotations) -> Float[Tensor, "*batch 6"]:
    return rotation[..., :2, :].flatten(-2)


def nearest_rotation(matrix: Float[Tensor, "*batch 3 3"]) -> Rotations:
    """The rotation with the least squared difference to a matrix (Kabsch)."""
    left, _, right = torch.linalg.svd(matrix)
    handedness = torch.linalg.det(left @ right).sign()
    signs = torch.stack((*[torch.ones_like(handedness)] * 2, handedness), -1)
    return (left * signs.unsqueeze(-2)) @ right


def angle_between(first: Rotations, second: Rotations) -> Float[Tensor, "*batch"]:
    """Degrees of the one turn that leads from one rotation to the other."""
    # the chord is exact for small angles, where the arc cosine of a trace is not
    chord = torch.linalg.matrix_norm(first - second) / 8**0.5
    return torch.rad2deg(2 * torch.asin(chord.clamp(0, 1)))


def turned_to_yaw(rotation: Rotations, yaw: float) -> Rotations:
    """The head turned about the picture's vertical, as heads turn: who looked down still does.

    To replace one angle of the three would tip the head over, the more the nearer it is to a profile. A
    face that looks up or down does not get to a yaw of 90; then it is as near as can be.
    """
    look = rotation[..., 2]  # where the nose points
    level = torch.hypot(look[..., 0], look[..., 2])
    sine = math.sin(math.radians(yaw)) / level.clamp(min=_POLE)
    by = torch.asin(sine.clamp(-1, 1)) - torch.atan2(-look[..., 0], look[..., 2])
    zero = torch.zeros_like(by)
    return rotation_from_angles(torch.stack((torch.rad2deg(by), zero, zero), -1)) @ rotation


def turn(
    vertices: Float[Tensor, "batch vertices 3"], rotation: Float[Tensor, "batch 3 3"]
) -> Float[Tensor, "batch vertices 3"]:
    return vertices @ rotation.mT


def _without(vector: Tensor, direction: Tensor) -> Tensor:
    return vector - (vector * direction).sum(-1, keepdim=True) * direction


def _direction(vector: Tensor, otherwise: Tensor) -> Tensor:
    """Of length 1; something else where there is no direction."""
    length = vector.square().sum(-1, keepdim=True)
    is_usable = (length > 1e-16) & length.isfinite()
    safe = torch.where(is_usable, vector, otherwise.to(vector))
    return safe / safe.square().sum(-1, keepdim=True).sqrt()
