import pytest
import torch

from mien.losses.wasserstein import (
    divergence_penalty,
    wasserstein_adversarial_loss,
    wasserstein_critic_loss,
)

CHANCE = torch.Generator().manual_seed(0)


def pictures(seed):
    return torch.rand(3, 3, 4, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_critic_and_a_maker_want_the_opposite_of_what_was_made():
    real, made = torch.tensor([[1.0, 3.0]]), torch.tensor([[0.5, -0.5]])
    assert float(wasserstein_critic_loss(real, made)) == -2.0
    assert float(wasserstein_adversarial_loss(made)) == 0.0


@pytest.mark.parametrize("where", ["between", "real"])
def test_of_a_plane_the_penalty_is_its_slope_to_the_sixth_power(where):
    slope = torch.full((3, 4, 4), 0.1, dtype=torch.float64)

    def judge(images):
        return torch.einsum("bchw,chw->b", images, slope)[:, None]

    found = divergence_penalty(judge, pictures(0), pictures(1), CHANCE, where)
    assert float(found.detach()) == pytest.approx(2 * (0.01 * 48) ** 3)


def test_where_it_is_measured_matters_for_what_is_not_a_plane():
    def judge(images):
        return images.square().sum((1, 2, 3))[:, None]

    bright, dark = torch.full((2, 3, 4, 4), 0.5), torch.full((2, 3, 4, 4), 0.01)
    on_real = divergence_penalty(judge, bright, dark, CHANCE, "real")
    between = divergence_penalty(judge, bright, dark, CHANCE, "between")
    assert float(between.detach()) < float(on_real.detach())


def test_the_critic_learns_from_it():
    weight = torch.full((3, 4, 4), 0.3, requires_grad=True)

    def judge(images):
        return (images * weight).sum((1, 2, 3))[:, None]

    penalty = divergence_penalty(judge, pictures(0).float(), pictures(1).float(), CHANCE)
    penalty.backward()
    assert weight.grad is not None
    assert bool((weight.grad > 0).all())
