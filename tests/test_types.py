import math

import pytest
import torch

from mien.types import Detection

FACE = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [0.0, 0.0], [-0.8, 1.2], [0.8, 1.2]])


@pytest.mark.parametrize("angle", [0, 45, 90, 180, -120])
def test_roll_follows_the_face(angle: int) -> None:
    radians = math.radians(angle)
    turn = torch.tensor([[math.cos(radians), -math.sin(radians)], [math.sin(radians), math.cos(radians)]])
    roll = Detection(torch.zeros(4), FACE @ turn.T, 1.0).roll
    assert math.cos(math.radians(roll - angle)) == pytest.approx(1, abs=1e-5)


def test_roll_of_a_profile_whose_eyes_have_fallen_together() -> None:
    profile = FACE * torch.tensor([0.0, 1.0])
    assert Detection(torch.zeros(4), profile, 1.0).roll == pytest.approx(0, abs=1e-4)
