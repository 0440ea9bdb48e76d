import math

import pytest
import torch
from torch import nn

from mien.faces.align import template_points
from mien.models.quality.network import QualityConfig, QualityNetwork
from mien.models.quality.objective import REGIONS, QualityObjective, region_masks, swap_mask

SIDE = 64


def generator():
    return torch.Generator().manual_seed(0)


class Sure(nn.Module):
    """Says 0 of everything; remembers what it saw."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, images):
        self.seen.append((images + 1) / 2)
        return torch.zeros(len(images), 1, *images.shape[2:])


def colours(*levels):
    return [torch.full((6, 3, SIDE, SIDE), level) for level in levels]


def test_the_regions_hold_the_points_of_the_template():
    points = template_points("ffhq", SIDE) / SIDE
    for (x, y), region in zip(points.tolist(), [*REGIONS[:3], REGIONS[3], REGIONS[3]], strict=True):
        left, top, right, bottom = region
        assert left < x < right
        assert top < y < bottom


def test_a_judge_that_says_nothing_pays_one_bit_each_time():
    truth, damaged, restored = colours(1.0, 0.0, 0.5)
    losses = QualityObjective(swapped=2.0)(Sure(), truth, damaged, restored, generator())
    assert {name: float(term) for name, term in losses.terms.items()} == pytest.approx(
        dict.fromkeys(("real", "made", "swapped"), math.log(2)), rel=1e-5
    )
    assert float(losses.total) == pytest.approx(4 * math.log(2), rel=1e-5)


def test_swapped_faces_hold_both_and_are_told_where():
    truth, damaged, restored = colours(1.0, 0.0, 0.25)
    sure = Sure()
    QualityObjective(damaged_share=0.0, blended_share=0.0)(sure, truth, damaged, restored, generator())
    real, made, mixed = sure.seen
    assert (real == 1).all()
    torch.testing.assert_close(made, restored)
    is_real = mixed[:, 0] == 1
    assert ((mixed == 1) | (mixed == 0.25)).all()
    shares = is_real.double().mean(dim=(1, 2))
    assert ((shares > 0) & (shares < 1)).all()
    # some are real faces with made regions, some the other way round
    assert (shares > 0.5).any()
    assert (shares < 0.5).any()


def test_made_faces_are_of_three_kinds():
    damaged, restored = torch.zeros(3000, 3, 2, 2), torch.ones(3000, 3, 2, 2)
    made = QualityObjective(damaged_share=0.2, blended_share=0.3).make(damaged, restored, generator())
    level = made[:, 0, 0, 0]
    assert (made == level[:, None, None, None]).all()
    assert float((level == 0).double().mean()) == pytest.approx(0.2, abs=0.03)
    assert float((level == 1).double().mean()) == pytest.approx(0.5, abs=0.03)


def test_the_emphasis_lies_on_the_regions():
    class Wrong(nn.Module):
        """Calls the middle of everything unreal, where the nose is."""

        def forward(self, images):
            logits = torch.full((len(images), 1, SIDE, SIDE), 9.0)
            logits[..., SIDE // 2 : SIDE // 2 + 6, SIDE // 2 - 3 : SIDE // 2 + 3] = -9.0
            return logits

    truth, damaged, restored = colours(1.0, 0.0, 0.5)
    plain = QualityObjective(emphasis=0.0)(Wrong(), truth, damaged, restored, generator())
    marked = QualityObjective(emphasis=3.0)(Wrong(), truth, damaged, restored, generator())
    assert float(marked.terms["real"]) > 1.5 * float(plain.terms["real"])


def test_something_is_always_swapped():
    regions = region_masks(torch.zeros(200, 3, SIDE, SIDE), 0.2, generator())
    assert regions.any(dim=(2, 3)).all()
    mask = swap_mask(regions, generator())
    assert mask.any(dim=(1, 2, 3)).all()
    assert (~mask).any(dim=(1, 2, 3)).all()


def test_the_same_chance_makes_the_same_loss():
    torch.manual_seed(0)
    judge = QualityNetwork(QualityConfig(image_size=SIDE, shrink=2, channels=(4, 6), num_middle=1))
    faces = [torch.rand(2, 3, SIDE, SIDE, generator=generator()) for _ in range(3)]
    objective = QualityObjective()
    first, second = (objective(judge, *faces, generator()).total for _ in range(2))
    assert torch.equal(first, second)


def test_a_judge_learns_what_is_real():
    torch.manual_seed(0)
    judge = QualityNetwork(QualityConfig(image_size=SIDE, shrink=2, channels=(6, 8), num_middle=1))
    optimizer = torch.optim.AdamW(judge.parameters(), lr=5e-3)
    chance = generator()
    objective = QualityObjective()

    def step():
        truth = torch.rand(4, 3, SIDE, SIDE, generator=chance)
        smooth = nn.functional.avg_pool2d(truth, 5, 1, 2)
        losses = objective(judge, truth, smooth, nn.functional.avg_pool2d(truth, 3, 1, 1), chance)
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        return float(losses.total.detach())

    first = step()
    last = [step() for _ in range(30)][-1]
    assert last < first / 2


def test_shares_must_leave_room():
    with pytest.raises(ValueError, match="between 0 and 1 together"):
        QualityObjective(damaged_share=0.7, blended_share=0.5)
