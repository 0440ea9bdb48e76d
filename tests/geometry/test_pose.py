import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from scipy.spatial.transform import Rotation

from mien.geometry.pose import (
    angle_between,
    angles_from_rotation,
    nearest_rotation,
    rotation_from_angles,
    rotation_from_six,
    six_from_rotation,
    turn,
    turned_to_yaw,
)

ANGLES = st.tuples(st.floats(-89.5, 89.5), st.floats(-179, 179), st.floats(-179, 179))


def wide(*values):
    return torch.tensor(values, dtype=torch.float64)


@given(ANGLES)
def test_angles_come_back(angles):
    found = angles_from_rotation(rotation_from_angles(wide(angles)))
    torch.testing.assert_close(found, wide(angles), atol=1e-9, rtol=0)


@given(ANGLES)
def test_rotations_are_those_of_scipy(angles):
    yaw, pitch, roll = angles
    # scipy turns points the other way round about each axis: R = X(pitch) Y(yaw) Z(roll)
    expected = Rotation.from_euler("XYZ", (-pitch, -yaw, -roll), degrees=True).as_matrix()
    np.testing.assert_allclose(rotation_from_angles(wide(angles))[0], expected, atol=1e-12)


def test_the_convention_by_hand():
    nose = wide((0, 0, 1))[None]
    right_ear = wide((1, 0, 0))[None]
    left, up, clockwise = (
        rotation_from_angles(wide(a))[0][None] for a in ((30, 0, 0), (0, 30, 0), (0, 0, 30))
    )
    torch.testing.assert_close(turn(nose, left), wide((-0.5, 0, 0.75**0.5))[None])
    torch.testing.assert_close(turn(nose, up), wide((0, 0.5, 0.75**0.5))[None])
    torch.testing.assert_close(turn(right_ear, clockwise), wide((0.75**0.5, -0.5, 0))[None])


@pytest.mark.parametrize("yaw", [90.0, -90.0])
def test_in_profile_roll_is_called_zero_and_the_rotation_comes_back(yaw):
    rotation = rotation_from_angles(wide((yaw, 20, 15)))
    angles = angles_from_rotation(rotation)
    assert angles[0, 0] == pytest.approx(yaw)
    assert angles[0, 2] == 0
    torch.testing.assert_close(rotation_from_angles(angles), rotation, atol=1e-6, rtol=0)


def test_a_mirrored_picture_negates_yaw_and_roll():
    mirror = torch.diag(wide(-1, 1, 1))
    mirrored = mirror @ rotation_from_angles(wide((25, 10, -8))) @ mirror
    torch.testing.assert_close(angles_from_rotation(mirrored), wide((-25, 10, 8)))


@given(st.lists(st.floats(-3, 3), min_size=6, max_size=6))
def test_six_numbers_are_a_rotation(six):
    rotation = rotation_from_six(wide(six))
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3).double()[None], atol=1e-6, rtol=0)
    assert torch.linalg.det(rotation)[0] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "six", [[0] * 6, [1, 0, 0, 2, 0, 0], [0, 0, 1, 0, 0, 1], [torch.nan] * 6, [torch.inf] * 6]
)
def test_six_numbers_that_say_nothing_are_some_rotation(six):
    rotation = rotation_from_six(torch.tensor([six], dtype=torch.float32))
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3)[None])


def test_six_numbers_come_back_and_have_gradients():
    rotation = rotation_from_angles(wide((25, 10, -8), (-70, 3, 100)))
    torch.testing.assert_close(rotation_from_six(six_from_rotation(rotation)), rotation)
    six = (six_from_rotation(rotation) * 1.7 + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(rotation_from_six, six)
    assert torch.autograd.gradcheck(rotation_from_angles, wide((25, 10, -8)).requires_grad_())
    assert torch.autograd.gradcheck(angles_from_rotation, rotation.requires_grad_())


def test_the_nearest_rotation_is_that_of_scipy():
    matrices = torch.randn(20, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for matrix, rotation in zip(matrices, nearest_rotation(matrices), strict=True):
        # rows of the identity turned onto the matrix's columns
        expected, _ = Rotation.align_vectors(matrix.T.numpy(), np.eye(3))
        np.testing.assert_allclose(rotation, expected.as_matrix(), atol=1e-7)


@given(ANGLES, ANGLES)
def test_the_angle_between_is_that_of_scipy(first, second):
    a, b = rotation_from_angles(wide(first)), rotation_from_angles(wide(second))
    between = Rotation.from_matrix(a[0].numpy()).inv() * Rotation.from_matrix(b[0].numpy())
    assert float(angle_between(a, b)) == pytest.approx(np.degrees(between.magnitude()), abs=1e-5)


@given(ANGLES.map(lambda angles: (angles[0], angles[1] / 4, angles[2] / 4)), st.floats(-60, 60))
def test_turning_to_a_yaw_is_a_turn_about_the_vertical(angles, yaw):
    before = rotation_from_angles(wide(*angles))
    after = turned_to_yaw(before, yaw)
    # what is added leaves the vertical where it is, and the nose as high as it was
    torch.testing.assert_close((after @ before.mT)[1], wide(0.0, 1.0, 0.0), atol=1e-9, rtol=0)
    height = abs(float(before[1, 2]))
    if height < 0.4:
        found = float(angles_from_rotation(after)[0])
        assert found == pytest.approx(yaw, abs=1e-6)


def test_a_face_that_looks_up_turns_as_near_to_a_profile_as_it_goes():
    after = turned_to_yaw(rotation_from_angles(wide(10.0, 20.0, 0.0)), 90.0)
    assert float(after[2, 2]) == pytest.approx(0.0, abs=1e-9)
    assert 68 < float(angles_from_rotation(after)[0]) < 72
