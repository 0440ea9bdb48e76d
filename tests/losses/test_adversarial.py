import math

import pytest
import torch

from mien.losses.adversarial import adversarial_loss, critic_loss


def test_numbers_by_hand() -> None:
    real = torch.full((1, 1, 2, 2), math.log(3.0))  # D = 3/4
    made = torch.zeros(1, 1, 2, 2)  # D = 1/2
    assert float(critic_loss(real, made)) == pytest.approx(-math.log(3 / 4) - math.log(1 / 2))
    assert float(adversarial_loss(real)) == pytest.approx(-math.log(3 / 4))


def test_gradients() -> None:
    torch.manual_seed(0)
    real = torch.randn(2, 1, 2, 2, dtype=torch.float64, requires_grad=True)
    made = torch.randn(2, 1, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(critic_loss, (real, made))
    assert torch.autograd.gradcheck(adversarial_loss, (made,))
