"""Squares in which faces stand upright, at the size that was asked for."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.geometry.upright import (
    SIDE_PER_EYES_TO_MOUTH,
    five_points,
    rolls,
    squares_around,
    squares_on_boxes,
    squares_on_five,
)
from mien.image.warp import invert, similarity, transform_points
from mien.types import Detection


def face(seed):
    """68 points whose eyes and mouth are where a face has them."""
    points = torch.rand(1, 68, 2, generator=torch.Generator().manual_seed(seed)) * 100
    for part, place in (
        (slice(36, 42), (30.0, 40.0)),
        (slice(42, 48), (70.0, 40.0)),
        (slice(48, 49), (36.0, 80.0)),
        (slice(54, 55), (64.0, 80.0)),
    ):
        points[:, part] = torch.tensor(place)
    return points


@settings(deadline=None, max_examples=20)
@given(degrees=st.floats(-179, 179), scale=st.floats(0.2, 20), seed=st.integers(0, 9))
def test_a_face_is_upright_and_in_the_middle(degrees, scale, seed):
    moved = transform_points(similarity(scale, degrees, (40.0, -9.0))[None], face(seed))
    inside = transform_points(invert(squares_around(moved, 112, 70.0)), moved)
    assert float(rolls(five_points(inside))) == pytest.approx(0, abs=1e-2)
    low, high = inside.amin(1), inside.amax(1)
    assert float((high - low).mean()) == pytest.approx(70, rel=1e-3)
    torch.testing.assert_close((low + high) / 2, torch.full((1, 2), 55.5), atol=0.02, rtol=0)


def test_the_angle_is_the_detections():
    points = transform_points(similarity(1.0, 33.0, (0.0, 0.0))[None], five_points(face(0)))
    detection = Detection(torch.zeros(4), points[0], 1.0)
    assert float(rolls(points)) == pytest.approx(detection.roll, abs=1e-3)
    assert detection.roll == pytest.approx(33, abs=1e-3)


def test_five_points_say_size_and_angle():
    five = torch.tensor([[[30.0, 40.0], [70.0, 40.0], [50.0, 60.0], [35.0, 80.0], [65.0, 80.0]]])
    square = squares_on_five(five, 112, 70.0)
    assert float(square[0, :, :2].det().sqrt()) == pytest.approx(SIDE_PER_EYES_TO_MOUTH * 40 / 70)
    middle = transform_points(square, torch.full((1, 1, 2), 55.5))[0, 0]
    assert middle.tolist() == pytest.approx([50.0, 66.8], abs=1e-3)
    move = similarity(2.0, -50.0, (3.0, 4.0))[None]
    turned = transform_points(move, five)
    again = transform_points(squares_on_five(turned, 112, 70.0), torch.full((1, 1, 2), 55.5))
    expected = transform_points(move, middle[None, None])
    torch.testing.assert_close(again, expected, atol=1e-3, rtol=0)


def test_the_head_lies_behind_the_nose():
    five = torch.tensor([[[30.0, 40.0], [50.0, 40.0], [25.0, 60.0], [32.0, 80.0], [48.0, 80.0]]])
    middle = transform_points(squares_on_five(five, 112, 70.0), torch.full((1, 1, 2), 55.5))[0, 0]
    assert float(middle[0]) > 45


def test_boxes():
    square = squares_on_boxes(torch.tensor([[10.0, 20.0, 150.0, 160.0]]), torch.zeros(1), 112, 70.0)
    corners = transform_points(square, torch.tensor([[[55.5, 55.5], [20.5, 20.5]]]))[0]
    assert corners.flatten().tolist() == pytest.approx([80.0, 90.0, 10.0, 20.0])


def test_points_that_fall_together_give_a_square():
    for points in (torch.zeros(1, 68, 2), torch.full((1, 68, 2), 5.0)):
        assert bool(squares_around(points, 112, 70.0).isfinite().all())
    assert bool(squares_on_five(torch.zeros(1, 5, 2), 112, 70.0).isfinite().all())
