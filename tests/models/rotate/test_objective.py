from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from mien.losses.identity import identity_distance
from mien.models.rotate.objective import (
    AS_RELEASED,
    PAPER,
    SMALL,
    RotateObjective,
    RotateObjectiveConfig,
    judge_faces,
    mask_loss,
    masked_difference,
)

ALONE = RotateObjectiveConfig(adversarial_weight=0.0, identity_weight=0.0, perceptual_weight=0.0)


def pictures(seed, channels=3):
    return torch.rand(2, channels, 16, 16, generator=torch.Generator().manual_seed(seed))


def embed(images):
    return F.avg_pool2d(images, 4).flatten(1)


def judge(images):
    return images.mean(dim=(2, 3))


def layers(images):
    return [images, F.avg_pool2d(images, 2)]


def test_total_is_the_weighted_sum_of_equation_14():
    made, truth, logits, mask = pictures(0), pictures(1), pictures(2, 1) - 0.5, pictures(3, 1).round()
    config = RotateObjectiveConfig(
        adversarial_weight=0.5,
        identity_weight=2.0,
        mask_weight=3.0,
        perceptual_weight=0.7,
        reconstruction_weight=0.3,
        layer_weights=(1.0, 0.5),
    )
    losses = RotateObjective(config, judge, embed, layers)(made, logits, truth, mask)
    wanted = (
        -0.5 * judge(2 * made - 1).mean()
        + 2 * (1 - F.cosine_similarity(embed(made), embed(truth)).mean())
        + 3 * (torch.sigmoid(logits) - mask).square().mean()
        + 0.7 * ((made - truth).abs().mean() + 0.5 * (layers(made)[1] - layers(truth)[1]).abs().mean())
        + 0.3 * (mask * (made - truth).abs().sum(1, keepdim=True)).sum() / mask.sum()
    )
    torch.testing.assert_close(losses.total, wanted)
    assert set(losses.terms) == {"mask", "reconstruction", "adversarial", "identity", "perceptual"}


def test_equation_13_is_half_of_equation_6_of_mdfr():
    first, second = pictures(0).flatten(1), pictures(1).flatten(1)
    cosine = F.cosine_similarity(first, second).mean()
    torch.testing.assert_close(identity_distance(first, second) / 2, 1 - cosine)


def test_a_smaller_mask_pays_only_as_the_code_has_it():
    made, truth, mask = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8), torch.ones(1, 1, 8, 8)
    truth[..., 4:] = 0.0  # the right half is right
    left = torch.zeros(1, 1, 8, 8)
    left[..., :4] = 20.0
    left[..., 4:] = -20.0
    for config, other in ((ALONE, 1.5), (replace(ALONE, reconstructs="predicted"), 3.0)):
        losses = RotateObjective(config)(made, left, truth, mask)
        assert float(losses.terms["reconstruction"]) == pytest.approx(other, rel=1e-4)


def test_an_empty_mask_costs_nothing():
    assert float(masked_difference(pictures(0), pictures(1), torch.zeros(2, 1, 16, 16))) == 0.0


@pytest.mark.parametrize("distance", ["norm", "squared", "entropy"])
def test_a_right_mask_costs_next_to_nothing(distance):
    mask = pictures(0, 1).round()
    assert float(mask_loss(40 * mask - 20, mask, distance)) < 1e-5
    assert float(mask_loss(20 - 40 * mask, mask, distance)) > 0.9


def test_a_norm_is_that_of_each_picture():
    mask = torch.zeros(2, 1, 2, 2)
    mask[0] = 1.0
    found = mask_loss(torch.full((2, 1, 2, 2), -40.0), mask, "norm")
    assert float(found) == pytest.approx(0.5, abs=1e-5)


def test_parts_and_weights_come_together():
    for part in ("adversarial_weight", "identity_weight", "perceptual_weight"):
        with pytest.raises(ValueError, match="if and only if"):
            RotateObjective(replace(ALONE, **{part: 1.0}))
    with pytest.raises(ValueError, match="embed"):
        RotateObjective(ALONE, embed=embed)


def test_the_critic_is_told_what_is_real():
    chance = torch.Generator().manual_seed(0)
    good = judge_faces(judge, judge, torch.zeros(2, 3, 8, 8), torch.ones(2, 3, 8, 8), "real", chance)
    bad = judge_faces(judge, judge, torch.ones(2, 3, 8, 8), torch.zeros(2, 3, 8, 8), "real", chance)
    assert float(good.total) < float(bad.total)
    assert set(good.terms) == {"apart", "penalty"}


def test_presets_say_what_they_are():
    assert (PAPER.mask_distance, PAPER.reconstructs, PAPER.penalty) == ("norm", "target", "between")
    assert (AS_RELEASED.reconstructs, AS_RELEASED.perceptual_norm) == ("predicted", "squared")
    assert SMALL.perceptual_weight == 0.0
