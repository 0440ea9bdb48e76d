import pytest
import torch
from scipy.optimize import minimize

from mien.metrics.calibration import fit_logistic


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
