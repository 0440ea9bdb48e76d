import pytest
import torch
from scipy.optimize import minimize

from mien.metrics.calibration import Reliability, fit_logistic


def test_the_fit_is_the_one_of_scipy() -> None:
    generator = torch.Generator().manual_seed(0)
    truths = torch.rand(400, generator=generator) < 0.5
    scores = 0.1 * torch.randn(400, generator=generator) + 0.3 * truths
    slope, even = fit_logistic(scores, truths)
    num_true, num_false = int(truths.sum()), int((~truths).sum())
    wanted = torch.where(truths, (num_true + 1) / (num_true + 2), 1 / (num_false + 2)).double()

    def loss(parameters) -> float:
        logits = parameters[0] * (scores.double() - parameters[1])
        return float(torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted))

    found = minimize(loss, [10.0, 0.2], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-12})
    assert slope == pytest.approx(found.x[0], rel=1e-3)
    assert even == pytest.approx(found.x[1], rel=1e-3)


def test_scores_without_a_mistake_have_an_answer() -> None:
    slope, even = fit_logistic(torch.tensor([0.0, 0.1, 0.7, 0.9]), torch.tensor([False, False, True, True]))
    assert 0 < slope < 1000
    assert 0.1 < even < 0.7


def test_one_kind_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="there are 2 and 0"):
        fit_logistic(torch.tensor([0.5, 0.6]), torch.tensor([True, True]))


CHANCES = torch.tensor([0.05, 0.05, 0.62, 0.66, 0.68, 1.0])
TRUTHS = torch.tensor([False, True, True, True, False, True])


def test_the_calibration_error_by_hand() -> None:
    # bins 0, 6 and 9: said 0.1, 1.96 and 1; true 1, 2 and 1
    reliability = Reliability.of(CHANCES, TRUTHS)
    assert reliability.count.tolist() == [2, 0, 0, 0, 0, 0, 3, 0, 0, 1]
    assert reliability.error == pytest.approx((0.9 + 0.04 + 0.0) / 6, abs=1e-6)


def test_who_says_the_true_chance_makes_no_error() -> None:
    chances = torch.full((100,), 0.3)
    assert Reliability.of(chances, torch.arange(100) < 30).error == pytest.approx(0, abs=1e-6)
    assert Reliability.of(chances, torch.arange(100) < 80).error == pytest.approx(0.5, abs=1e-6)


def test_halves_add_up() -> None:
    whole = Reliability.of(CHANCES, TRUTHS)
    halves = Reliability.of(CHANCES[:2], TRUTHS[:2]) + Reliability.of(CHANCES[2:], TRUTHS[2:])
    assert halves.error == pytest.approx(whole.error)


def test_what_is_no_chance_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Reliability.of(torch.tensor([1.2]), torch.tensor([True]))
