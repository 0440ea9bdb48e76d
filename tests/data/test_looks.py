import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.data.looks import (
    GuessErrors,
    Guesses,
    cut_guesses,
    guesses_from_truth,
    join_guesses,
    recognise,
    turns,
    upright_cuts,
)
from mien.data.scenes import Scenes
from mien.image.warp import transform_points
from mien.types import Detection

FIVE = torch.tensor([[-10.0, -8], [10, -8], [0, 0], [-8, 10], [8, 10]])
EXACT = GuessErrors(shift=0.0, stretch=0.0, degrees=0.0, wild_share=0.0, stray_share=0.0)


def turned(degrees: float, middle: tuple[float, float], scale: float = 1.0) -> torch.Tensor:
    angle = math.radians(degrees)
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return FIVE @ turn.T * scale + torch.tensor(middle)


def scene(degrees: float = 0.0, side: float = 40.0) -> Scenes:
    """Two pictures: a face in the first, a region to ignore in the second."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.rand(2, 3, 128, 128, generator=generator)
    half = side / 2
    face, region = [70 - half, 60 - half, 70 + half, 60 + half], [20.0, 20, 60, 60]
    boxes = torch.tensor([[face], [region]])
    points = torch.stack((turned(degrees, (70.0, 60.0), side / 40)[None], torch.zeros(1, 5, 2)))
    return Scenes(pictures, boxes, points, torch.tensor([[1], [2]]))


@given(st.floats(-179, 179))
@settings(max_examples=20)
def test_turns_are_those_of_detections(degrees: float) -> None:
    points = turned(degrees, (50.0, 50.0))
    one = Detection(torch.zeros(4), points, 1.0)
    assert float(turns(points)) == pytest.approx(one.roll, abs=1e-3)
    assert float(turns(points)) == pytest.approx(degrees, abs=1e-2)


@pytest.mark.parametrize("degrees", [0.0, 90.0, -135.0])
@pytest.mark.parametrize("side", [20.0, 40.0, 110.0])
def test_an_exact_guess_stands_upright_in_the_middle(degrees: float, side: float) -> None:
    scenes = scene(degrees, side)
    guesses = guesses_from_truth(scenes, EXACT, torch.Generator().manual_seed(0))
    assert guesses.pictures.tolist() == [0]
    cuts = cut_guesses(scenes, guesses, 96, 64.0)
    assert cuts.pixels.shape == (1, 3, 96, 96)
    assert cuts.faces.tolist() == [True]
    torch.testing.assert_close(cuts.points[0], FIVE * 64 / 40 + 47.5, atol=0.05, rtol=0.0)
    torch.testing.assert_close(cuts.boxes[0], torch.tensor([15.5, 15.5, 79.5, 79.5]))


def test_a_cut_shows_the_pixels_it_is_of() -> None:
    scenes = scene()
    scenes.pictures[0] = 0.0
    scenes.pictures[0, :, 50:53, 60:63] = 1.0  # around (61, 51), the left eye's left
    guesses = Guesses(torch.tensor([0]), torch.tensor([[50.0, 40, 90, 80]]), torch.tensor([90.0]))
    cuts = cut_guesses(scenes, guesses, 96, 64.0)
    rows, columns = (cuts.pixels[0, 0] > 0.5).nonzero().float().unbind(1)
    seen = torch.stack((columns.mean(), rows.mean()))[None]
    place = transform_points(upright_cuts(guesses, 96, 64.0)[0], seen)
    torch.testing.assert_close(place, torch.tensor([[61.0, 51.0]]), atol=0.3, rtol=0.0)


def test_what_is_a_face_and_what_nobody_knows() -> None:
    scenes = scene()
    boxes = torch.tensor([[50.0, 40, 90, 80], [62, 40, 102, 80], [100, 100, 120, 120], [30, 30, 50, 50]])
    guesses = Guesses(torch.tensor([0, 0, 0, 1]), boxes, torch.zeros(4))
    _, faces, known = recognise(scenes, guesses)
    assert faces.tolist() == [True, True, False, False]
    assert known.tolist() == [True, True, True, False]
    between = Guesses(torch.tensor([0]), torch.tensor([[70.0, 40, 110, 80]]), torch.zeros(1))
    _, faces, known = recognise(scenes, between)
    assert (faces.tolist(), known.tolist()) == ([False], [False])


def test_stray_guesses_mean_no_face() -> None:
    scenes = scene()
    errors = GuessErrors(shift=0.0, stretch=0.0, degrees=0.0, wild_share=0.0, stray_share=1.0)
    for seed in range(10):
        guesses = guesses_from_truth(scenes, errors, torch.Generator().manual_seed(seed))
        _, faces, known = recognise(scenes, guesses)
        assert faces.tolist() == [True, False]
        assert known.tolist() == [True, True]


def test_guesses_are_joined_in_order() -> None:
    one = Guesses(torch.tensor([0]), torch.zeros(1, 4), torch.tensor([1.0]))
    two = Guesses(torch.tensor([1, 1]), torch.ones(2, 4), torch.tensor([2.0, 3.0]))
    joined = join_guesses(one, two)
    assert joined.pictures.tolist() == [0, 1, 1]
    assert joined.degrees.tolist() == [1.0, 2.0, 3.0]
