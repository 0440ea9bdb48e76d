"""How far the angles of a head are off."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from mien.geometry.pose import angle_between, angles_from_rotation, rotation_from_angles
from mien.metrics.mean import Mean

Rotations = Float[Tensor, "faces 3 3"]
Angles = Float[Tensor, "faces 3"]
"""Yaw, pitch and roll in degrees."""


@dataclass(frozen=True)
class PoseError:
    """Mean absolute errors in degrees; states add up.

    Above 60 degrees of yaw pitch and roll mean little, since they can hardly be told apart there: `turn`, the
    one angle that leads from a rotation to the other, does not suffer from that.
    """

    yaw: Mean
    pitch: Mean
    roll: Mean
    turn: Mean

    @classmethod
    def of(cls, found: Rotations, truths: Angles) -> "PoseError":
        away = (angles_from_rotation(found) - truths + 180) % 360 - 180
        turns = angle_between(found, rotation_from_angles(truths))
        if not bool(away.isfinite().all() and turns.isfinite().all()):
            raise ValueError("an angle is not a finite number")
        yaw, pitch, roll = away.abs().unbind(1)
        return cls(Mean.of(yaw), Mean.of(pitch), Mean.of(roll), Mean.of(turns))

    def __add__(self, other: "PoseError") -> "PoseError":
        return PoseError(
            self.yaw + other.yaw, self.pitch + other.pitch, self.roll + other.roll, self.turn + other.turn
        )
