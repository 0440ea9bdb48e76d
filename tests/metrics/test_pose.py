"""Errors of angles against hand-written ones."""

import pytest
import torch

from mien.geometry.pose import rotation_from_angles
from mien.metrics.pose import PoseError


def test_by_hand():
    truths = torch.tensor([[10.0, 0.0, 5.0], [-40.0, 10.0, 0.0]])
    found = rotation_from_angles(torch.tensor([[12.0, 1.0, 5.0], [-44.0, 7.0, -6.0]]))
    error = PoseError.of(found, truths)
    assert error.yaw.value == pytest.approx(3, abs=1e-3)
    assert error.pitch.value == pytest.approx(2, abs=1e-3)
    assert error.roll.value == pytest.approx(3, abs=1e-3)


def test_one_turn_for_all_three():
    error = PoseError.of(rotation_from_angles(torch.tensor([[0.0, 0.0, 30.0]])), torch.zeros(1, 3))
    assert error.turn.value == pytest.approx(30, abs=1e-3)


def test_angles_close_around():
    error = PoseError.of(
        rotation_from_angles(torch.tensor([[0.0, 0.0, 179.0]])), torch.tensor([[0.0, 0.0, -179.0]])
    )
    assert error.roll.value == pytest.approx(2, abs=1e-2)


def test_states_add_up():
    truths = torch.rand(6, 3) * 40
    found = rotation_from_angles(truths + torch.rand(6, 3))
    halves = PoseError.of(found[:2], truths[:2]) + PoseError.of(found[2:], truths[2:])
    whole = PoseError.of(found, truths)
    assert halves.yaw.value == pytest.approx(whole.yaw.value)
    assert halves.turn.value == pytest.approx(whole.turn.value)


def test_what_is_no_number():
    with pytest.raises(ValueError, match="not a finite number"):
        PoseError.of(torch.full((1, 3, 3), torch.nan), torch.zeros(1, 3))
