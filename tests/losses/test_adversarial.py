import math

import pytest
import torch
import torch.nn.functional as F

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


def test_a_smoothed_label_is_cross_entropy_with_it() -> None:
    """GFRNet trains its critics with 0 and 0.9."""
    real, made = torch.randn(2, 1, 3, 3), torch.randn(2, 1, 3, 3)
    expected = F.binary_cross_entropy_with_logits(real, torch.full_like(real, 0.9))
    expected = expected + F.binary_cross_entropy_with_logits(made, torch.zeros_like(made))
    torch.testing.assert_close(critic_loss(real, made, 0.9), expected)
