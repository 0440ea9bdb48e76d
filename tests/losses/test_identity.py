import pytest
import torch

from mien.losses.identity import identity_distance


def test_distance_is_two_minus_twice_the_cosine() -> None:
    first = torch.tensor([[3.0, 0.0], [1.0, 1.0]])
    second = torch.tensor([[0.0, 2.0], [2.0, 2.0]])
    assert float(identity_distance(first, second)) == pytest.approx((2 + 0) / 2)


def test_gradient() -> None:
    torch.manual_seed(0)
    truth = torch.randn(3, 4, dtype=torch.float64)
    result = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda features: identity_distance(features, truth), (result,))
