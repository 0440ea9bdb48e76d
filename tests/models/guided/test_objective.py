import pytest
import torch
import torch.nn.functional as F

from mien.losses.flow import landmark_loss, roughness
from mien.models.guided.objective import (
    GuidedObjective,
    GuidedObjectiveConfig,
    cut_region,
    judge_results,
)
from mien.models.restore.network import PatchCritic

ALONE = GuidedObjectiveConfig(feature_weight=0.0, global_weight=0.0, local_weight=0.0)


def describe(images: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(images, 4)


def judge(given: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Likes bright pictures, and those that were given bright ones."""
    return (images.mean((1, 2, 3)) + given.mean((1, 2, 3)))[:, None, None, None]


def pictures(seed: int, planes: int = 3) -> torch.Tensor:
    return torch.rand(2, planes, 32, 32, generator=torch.Generator().manual_seed(seed))


def points(seed: int) -> torch.Tensor:
    return 8 + 16 * torch.rand(2, 68, 2, generator=torch.Generator().manual_seed(seed))


def test_weights_are_those_of_section_4_2() -> None:
    config = GuidedObjectiveConfig()
    assert (config.pixel, config.pixel_weight, config.feature_weight) == ("squared", 100, 0.001)
    assert (config.global_weight, config.local_weight) == (1, 0.5)
    assert (config.landmark_weight, config.smoothness_weight) == (10, 1)


def test_total_is_the_weighted_sum_of_equations_6_and_8() -> None:
    config = GuidedObjectiveConfig(region_size=16)
    made, damaged, guide, truth, landmarks = *(pictures(seed) for seed in range(4)), points(0)
    losses = GuidedObjective(config, describe, judge, judge)(made, damaged, guide, truth, landmarks)
    given = torch.cat((damaged, guide), 1)
    part, made_part = cut_region(given, landmarks, 16), cut_region(made, landmarks, 16)
    expected = (
        100 * (made - truth).square().mean()
        + 0.001 * (describe(made) - describe(truth)).square().mean()
        + F.softplus(-judge(2 * given - 1, 2 * made - 1)).mean()
        + 0.5 * F.softplus(-judge(2 * part - 1, 2 * made_part - 1)).mean()
    )
    torch.testing.assert_close(losses.total, expected)
    assert set(losses.terms) == {"pixel", "features", "global_critic", "local_critic"}


def test_flow_loss_is_the_weighted_sum_of_equation_11() -> None:
    flow = 0.1 * pictures(0, planes=2)
    losses = GuidedObjective(ALONE).flow_loss(flow, points(0), points(1))
    expected = 10 * landmark_loss(flow, points(0), points(1)) + roughness(flow)
    torch.testing.assert_close(losses.total, expected)
    assert set(losses.terms) == {"landmarks", "roughness"}


def test_a_perfect_result_costs_nothing_but_what_critics_say() -> None:
    truth = pictures(0)
    assert GuidedObjective(ALONE)(truth, truth, truth, truth, points(0)).total == 0


def test_the_critic_has_labels_0_and_0_9_and_does_not_teach_the_maker() -> None:
    made, truth = pictures(0).requires_grad_(), pictures(1)
    damaged, guide = pictures(2), pictures(3)
    losses = judge_results(judge, damaged, guide, made, truth)
    given = 2 * torch.cat((damaged, guide), 1) - 1
    real, fake = judge(given, 2 * truth - 1), judge(given, 2 * made - 1)
    expected = F.binary_cross_entropy_with_logits(real, torch.full_like(real, 0.9))
    expected = expected + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    torch.testing.assert_close(losses.total, expected)
    assert not losses.total.requires_grad


def test_the_patch_critic_takes_what_was_given() -> None:
    critic = PatchCritic((4, 6), num_given=2)
    losses = judge_results(critic, pictures(0), pictures(1), pictures(2), pictures(3))
    losses.total.backward()
    assert all(parameter.grad is not None for parameter in critic.parameters())


@pytest.mark.parametrize(
    ("config", "missing"),
    [
        (GuidedObjectiveConfig(), "describe"),
        (GuidedObjectiveConfig(feature_weight=0.0), "global_judge"),
        (GuidedObjectiveConfig(feature_weight=0.0, global_weight=0.0), "local_judge"),
    ],
)
def test_parts_and_their_weights_come_together(config: GuidedObjectiveConfig, missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        GuidedObjective(config)
    with pytest.raises(ValueError, match="describe"):
        GuidedObjective(ALONE, describe)


def test_a_region_is_the_smallest_box_around_the_landmarks() -> None:
    """A ramp from 0 to 31 shows which pixels were taken."""
    ramp = torch.arange(32.0).expand(1, 1, 32, 32)
    landmarks = torch.tensor([[[8.0, 4.0], [24.0, 20.0], [12.0, 12.0]]])
    region = cut_region(ramp, landmarks.repeat(1, 23, 1)[:, :68], 16)
    torch.testing.assert_close(region[0, 0, 0], 8.5 + torch.arange(16.0))


def test_landmarks_that_fell_together_have_a_region() -> None:
    region = cut_region(pictures(0), torch.full((2, 68, 2), 3.0), 8)
    assert region.shape == (2, 3, 8, 8)
    assert region.isfinite().all()
