import math

import pytest
import torch

from mien.models.restore.objective import (
    PAPER_LITERAL,
    RestoreObjective,
    RestoreObjectiveConfig,
    judge_pictures,
)


def embed(images: torch.Tensor) -> torch.Tensor:
    return images.flatten(1)[:, :5]


def test_equation_8_with_the_papers_weights() -> None:
    torch.manual_seed(0)
    restored, truth = torch.rand(2, 3, 128, 128), torch.rand(2, 3, 128, 128)
    losses = RestoreObjective(PAPER_LITERAL, embed)(truth, restored, truth)
    pixel = sum(float((a - b).square().sum()) for a, b in zip(restored, truth, strict=True)) / 2
    cosine = torch.cosine_similarity(embed(restored), embed(truth)).mean()
    assert float(losses.total) == pytest.approx(pixel + 1e4 * (2 - 2 * float(cosine)), rel=1e-5)


def test_terms_are_reported_without_their_weights() -> None:
    config = RestoreObjectiveConfig(pixel="charbonnier", identity_weight=0.2)
    truth = torch.ones(1, 3, 4, 4)
    losses = RestoreObjective(config, embed)(truth, truth / 2, truth)
    assert float(losses.terms["pixel"]) == pytest.approx(0.5, abs=1e-4)
    assert float(losses.terms["identity"]) == pytest.approx(0, abs=1e-6)


def test_identity_without_an_embedder_is_refused() -> None:
    with pytest.raises(ValueError, match="no embedder"):
        RestoreObjective(RestoreObjectiveConfig(identity_weight=1.0))


def test_the_critics_say_is_added() -> None:
    def judge(damaged: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=1, keepdim=True)

    truth = torch.full((1, 3, 4, 4), 0.5)
    config = RestoreObjectiveConfig(adversarial_weight=3.0)
    plain = RestoreObjective(RestoreObjectiveConfig())(truth, truth, truth)
    judged = RestoreObjective(config, judge=judge)(truth, truth, truth)
    assert float(judged.total - plain.total) == pytest.approx(3 * math.log(2), rel=1e-4)
    losses = judge_pictures(judge, truth, truth, truth)
    assert float(losses.total) == pytest.approx(2 * math.log(2), rel=1e-4)


def test_a_say_without_a_critic_is_refused() -> None:
    with pytest.raises(ValueError, match="no critic"):
        RestoreObjective(RestoreObjectiveConfig(adversarial_weight=1.0))
