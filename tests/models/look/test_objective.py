import math

import pytest
import torch
from torch import Tensor, nn

from mien.models.look.network import Sight
from mien.models.look.objective import LookObjective, Looks


class Says(nn.Module):
    """Answers what it was told."""

    def __init__(self, sight: Sight) -> None:
        super().__init__()
        self.sight = sight

    def forward(self, cuts: Tensor) -> Sight:
        return self.sight


def looks(faces: list[bool], weights: list[float]) -> Looks:
    count = len(faces)
    return Looks(
        torch.zeros(count, 3, 8, 8),
        torch.tensor(faces),
        torch.tensor(weights),
        torch.zeros(count, 4),
        torch.zeros(count, 5, 2),
    )


def sight(scores: list[float], off: float = 0.0) -> Sight:
    count = len(scores)
    return Sight(torch.tensor(scores), torch.full((count, 4), off), torch.full((count, 5, 2), off))


CHANCE = torch.Generator()


def test_the_terms_by_hand() -> None:
    objective = LookObjective(box=1.0, points=2.0, face_size=10.0)
    losses = objective(Says(sight([0.0, 0.0], off=3.0)), looks([True, False], [1.0, 1.0]), CHANCE)
    assert float(losses.terms["score"]) == pytest.approx(math.log(2))
    assert float(losses.terms["box"]) == pytest.approx(0.3)
    assert float(losses.terms["points"]) == pytest.approx(0.3 * math.sqrt(2))
    assert float(losses.total) == pytest.approx(math.log(2) + 0.3 + 0.6 * math.sqrt(2))


def test_nothing_is_asked_of_what_nobody_knows() -> None:
    sure = LookObjective()(Says(sight([2.0])), looks([True], [1.0]), CHANCE)
    both = LookObjective()(Says(sight([2.0, -9.0], off=0.0)), looks([True, True], [1.0, 0.0]), CHANCE)
    assert float(both.total) == pytest.approx(float(sure.total))


def test_a_batch_without_faces_has_a_loss() -> None:
    losses = LookObjective()(Says(sight([-1.0])), looks([False], [1.0]), CHANCE)
    assert math.isfinite(float(losses.total))
    assert float(losses.terms["points"]) == 0


def test_gradients_are_those_of_differences() -> None:
    objective = LookObjective()
    batch = looks([True, False, True], [1.0, 1.0, 0.0])

    def total(scores: Tensor, boxes: Tensor, points: Tensor) -> Tensor:
        return objective(Says(Sight(scores.float(), boxes.float(), points.float())), batch, CHANCE).total

    torch.manual_seed(0)
    parts = (torch.randn(3), torch.randn(3, 4) * 5, torch.randn(3, 5, 2) * 5)
    asked = [part.clone().requires_grad_() for part in parts]
    total(*asked).backward()
    for index in range(3):
        step = torch.randn_like(parts[index]) * 1e-2
        up, down = list(parts), list(parts)
        up[index], down[index] = parts[index] + step, parts[index] - step
        slope = float((asked[index].grad * step).sum())  # pyright: ignore[reportOptionalOperand]
        assert float(total(*up) - total(*down)) / 2 == pytest.approx(slope, rel=0.02, abs=1e-5)
