import pytest
import torch
import torch.nn.functional as F

from mien.losses.identity import identity_distance
from mien.models.frontal.objective import (
    FrontalObjective,
    FrontalObjectiveConfig,
    IntegratedObjective,
    IntegratedObjectiveConfig,
    feature_alignment,
    judge_views,
)

PIXELS_ONLY = FrontalObjectiveConfig(pose_weight=0.0, person_weight=0.0)


def embed(images: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(images, 4).flatten(1)


def judge(images: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
    """Likes bright pictures, and those whose condition is large."""
    told = condition.flatten(1).mean(1)
    return (images.mean((1, 2, 3)) + told)[:, None, None, None]


def pictures(seed: int) -> torch.Tensor:
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


MAPS = torch.zeros(2, 18, 8, 8)


def test_total_is_the_weighted_sum_of_equation_11() -> None:
    config = FrontalObjectiveConfig(
        pixel="squared", pixel_weight=2.0, identity_weight=3.0, pose_weight=0.5, person_weight=0.25
    )
    made, truth = pictures(0), pictures(1)
    losses = FrontalObjective(config, embed, judge, judge, judged_size=8)(made, truth, MAPS)
    small = 2 * F.avg_pool2d(made, 2) - 1
    expected = (
        2 * (made - truth).square().mean()
        + 3 * identity_distance(embed(made), embed(truth))
        + 0.5 * F.softplus(-judge(small, MAPS)).mean()
        + 0.25 * F.softplus(-judge(small, embed(truth))).mean()
    )
    torch.testing.assert_close(losses.total, expected)
    assert set(losses.terms) == {"pixel", "identity", "pose_critic", "person_critic"}


def test_a_perfect_view_costs_nothing_but_what_the_critics_say() -> None:
    truth = pictures(0)
    config = FrontalObjectiveConfig(pixel="squared", pose_weight=0.0, person_weight=0.0)
    losses = FrontalObjective(config, embed, judged_size=8)(truth, truth, MAPS)
    assert losses.total == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("weights", [{"pose_weight": 0.1}, {"person_weight": 0.1}])
def test_a_critic_and_its_weight_come_together(weights: dict[str, float]) -> None:
    given = {"pose_weight": 0.0, "person_weight": 0.0} | weights
    config = FrontalObjectiveConfig(pose_weight=given["pose_weight"], person_weight=given["person_weight"])
    with pytest.raises(ValueError, match="if and only if"):
        FrontalObjective(config, embed)
    with pytest.raises(ValueError, match="if and only if"):
        FrontalObjective(PIXELS_ONLY, embed, pose_judge=judge)


def test_the_critic_is_not_taught_through_the_view() -> None:
    made = pictures(0).requires_grad_()
    truth = pictures(1).requires_grad_()
    judge_views(judge, made, truth, MAPS, 8).total.backward()
    assert made.grad is None
    assert truth.grad is not None


def test_alignment_does_not_let_errors_cancel() -> None:
    made = torch.tensor([1.0, -1.0]).view(1, 2, 1, 1)
    taught = torch.zeros(1, 2, 1, 1)
    assert feature_alignment(made, taught) == pytest.approx(1.0)


def test_integrated_total_is_the_weighted_sum_of_equation_13() -> None:
    config = IntegratedObjectiveConfig(
        pixel="squared", pixel_weight=2.0, identity_weight=3.0, alignment_weight=0.5
    )
    made, taught = pictures(0), pictures(1)
    features, taught_features = torch.ones(2, 4, 8, 8), torch.zeros(2, 4, 8, 8)
    losses = IntegratedObjective(config, embed)(made, features, taught, taught_features)
    expected = 2 * (made - taught).square().mean() + 3 * identity_distance(embed(made), embed(taught)) + 0.5
    torch.testing.assert_close(losses.total, expected)
    assert set(losses.terms) == {"pixel", "identity", "alignment"}
