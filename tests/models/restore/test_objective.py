import pytest
import torch

from mien.models.restore.objective import PAPER_LITERAL, RestoreObjective, RestoreObjectiveConfig


def embed(images: torch.Tensor) -> torch.Tensor:
    return images.flatten(1)[:, :5]


def test_equation_8_with_the_papers_weights() -> None:
    torch.manual_seed(0)
    restored, truth = torch.rand(2, 3, 128, 128), torch.rand(2, 3, 128, 128)
    losses = RestoreObjective(PAPER_LITERAL, embed)(restored, truth)
    pixel = sum(float((a - b).square().sum()) for a, b in zip(restored, truth, strict=True)) / 2
    cosine = torch.cosine_similarity(embed(restored), embed(truth)).mean()
    assert float(losses.total) == pytest.approx(pixel + 1e4 * (2 - 2 * float(cosine)), rel=1e-5)


def test_terms_are_reported_without_their_weights() -> None:
    config = RestoreObjectiveConfig(pixel="charbonnier", identity_weight=0.2)
    losses = RestoreObjective(config, embed)(torch.zeros(1, 3, 4, 4) + 0.5, torch.ones(1, 3, 4, 4))
    assert float(losses.terms["pixel"]) == pytest.approx(0.5, abs=1e-4)
    assert float(losses.terms["identity"]) == pytest.approx(0, abs=1e-6)


def test_identity_without_an_embedder_is_refused() -> None:
    with pytest.raises(ValueError, match="no embedder"):
        RestoreObjective(RestoreObjectiveConfig(identity_weight=1.0))
