import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mien.models.prior.objective import (
    PriorObjective,
    PriorObjectiveConfig,
    Remembering,
    adapt_strength,
    feature_matching,
    judge_pictures,
    path_lengths,
    path_loss,
    pyramid_loss,
    steepness,
)


def pictures(num: int = 2, side: int = 8, seed: int = 0) -> torch.Tensor:
    return 2 * torch.rand(num, 3, side, side, generator=torch.Generator().manual_seed(seed)) - 1


def half_square(images: torch.Tensor) -> torch.Tensor:
    """Its gradient is the picture itself."""
    return images.square().sum((1, 2, 3))[:, None, None, None] / 2


def test_steepness_is_the_gradient_s_squared_norm() -> None:
    images = pictures()
    torch.testing.assert_close(steepness(half_square, images), images.square().sum((1, 2, 3)).mean())


def test_steepness_can_be_learned_from() -> None:
    weight = torch.tensor(2.0, requires_grad=True)
    steepness(lambda images: weight * half_square(images), pictures()).backward()
    assert weight.grad is not None
    torch.testing.assert_close(weight.grad, 4 * pictures().square().sum((1, 2, 3)).mean())


def test_lengths_of_paths_are_those_of_the_jacobian() -> None:
    """Pictures that are linear in the styles: the gradient is the transposed matrix times the direction."""
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(3 * 4 * 4, 5 * 6, generator=generator)
    styles = torch.randn(2, 5, 6, generator=generator, requires_grad=True)
    images = (styles.flatten(1) @ matrix.mT).reshape(2, 3, 4, 4)
    direction = torch.randn(2, 3, 4, 4, generator=generator)
    found = path_lengths(images, styles, direction)
    gradient = (direction.flatten(1) @ matrix / 4).reshape(2, 5, 6)
    torch.testing.assert_close(found, gradient.square().sum(2).mean(1).sqrt())


def test_usual_length_follows_slowly() -> None:
    usual = torch.zeros(())
    lengths = torch.tensor([2.0, 4.0])
    assert float(path_loss(lengths, usual)) == pytest.approx(((2 - 0.03) ** 2 + (4 - 0.03) ** 2) / 2)
    assert float(usual) == pytest.approx(0.03)


def test_pictures_are_varied_more_while_the_critic_is_too_sure() -> None:
    strength = torch.zeros(())
    sure, unsure = torch.ones(4, 1, 1, 1), torch.tensor([1.0, -1, 1, -1])[:, None, None, None]
    for _ in range(3):
        adapt_strength(strength, sure, 0.6, 100.0)
    assert float(strength) == pytest.approx(0.12)
    for _ in range(5):
        adapt_strength(strength, unsure, 0.6, 100.0)
    assert float(strength) == 0


def test_features_and_pyramid_by_hand() -> None:
    one, other = torch.zeros(1, 2, 1, 2), torch.tensor([1.0, 2, 3, 4]).reshape(1, 2, 1, 2)
    assert float(feature_matching([one, one], [other, one])) == pytest.approx(math.sqrt(30 / 4))
    truth = torch.ones(1, 3, 8, 8)
    pyramid = [torch.zeros(1, 3, 4, 4), torch.full((1, 3, 8, 8), 0.5)]
    assert float(pyramid_loss(pyramid, truth)) == pytest.approx(1.5)


def test_equation_16() -> None:
    config = PriorObjectiveConfig()
    made, truth, boxes = pictures(seed=1), pictures(seed=2), torch.zeros(2, 3, 4)
    objective = PriorObjective(
        config,
        judge=lambda images: torch.zeros(2, 1, 1, 1),
        describe=lambda images: [images],
        judge_parts=lambda images, boxes: [torch.zeros(2, 1, 2, 2)] * 3,
        embed=lambda images: images.mean((2, 3)),
    )
    half = [F.interpolate(truth, size=(4, 4), mode="bilinear", antialias=True)]
    losses = objective(made, half, truth, boxes, num_batches=0)
    pixel, even = (made - truth).abs().mean(), math.log(2)
    features = ((made - truth) / 2).square().mean().sqrt()
    face = ((made - truth) / 2).mean((2, 3)).abs().mean()
    expected = 0.5 * even + 3 * 3 * even + 8 * pixel + 0.02 * features + 10 * face
    torch.testing.assert_close(losses.total, expected)
    assert set(losses.terms) == {"pixel", "features", "adversarial", "local", "face", "pyramid"}
    later = objective(made, [torch.zeros(2, 3, 4, 4)], truth, boxes, num_batches=config.pyramid_until)
    assert "pyramid" not in later.terms
    torch.testing.assert_close(later.total, expected)


def test_what_has_no_weight_is_not_there() -> None:
    objective = PriorObjective(
        PriorObjectiveConfig(local_weight=0.0, face_weight=0.0), half_square, lambda images: [images]
    )
    terms = objective(pictures(), [], pictures(seed=1), torch.zeros(2, 3, 4), 0).terms
    assert set(terms) == {"pixel", "features", "adversarial"}
    with pytest.raises(ValueError, match="judge_parts if and only if"):
        replace(objective, config=PriorObjectiveConfig())


def test_the_critic_is_told_what_is_made() -> None:
    losses, real = judge_pictures(half_square, torch.zeros(2, 3, 8, 8), pictures())
    torch.testing.assert_close(real, half_square(pictures()))
    assert float(losses.total) == pytest.approx(float(F.softplus(-real).mean()) + math.log(2))
    assert float(losses.terms["sure"]) == 1


def test_what_is_remembered_is_among_the_weights() -> None:
    remembering = Remembering(nn.Linear(2, 2))
    assert set(remembering.state_dict()) == {"value", "network.weight", "network.bias"}
    values = torch.randn(3, 2)
    assert torch.equal(remembering(values), remembering.network(values))
