"""Covered faces, and how much of them is said to be hidden."""

import pytest
import torch

from mien.data.cover import Cover, hidden_share
from mien.data.worn import Wardrobe

SHARES = {"hands": 0, "worn": 1, "blocks": 2, "strands": 3}


@pytest.fixture
def points():
    """Jaw and brows on a circle of 30 px around the middle, the rest inside."""
    angle = torch.linspace(0, 2 * torch.pi, 28)[:27]
    rim = torch.stack((angle.cos(), angle.sin()), 1) * 30
    inner = torch.rand(41, 2, generator=torch.Generator().manual_seed(0)) * 20 - 10
    return (torch.cat((rim, inner)) + 50).expand(8, -1, -1)


@pytest.fixture
def wardrobe():
    cutout = torch.ones(1, 4, 96, 128)
    return Wardrobe(
        masks=cutout.expand(3, -1, -1, -1),
        mask_turns=torch.tensor([-1.0, 0.0, 1.0]),
        glasses=cutout,
        glasses_aspect=torch.tensor([0.4]),
    )


@pytest.mark.parametrize("kind", SHARES)
def test_everything_hides_something(kind, points, wardrobe):
    shares = tuple(float(kind == name) for name in SHARES)
    images = torch.full((8, 3, 101, 101), 0.3)
    covered = Cover(shares=shares)(images, points, wardrobe, torch.Generator().manual_seed(2))
    assert covered.mask.shape == (8, 1, 101, 101)
    assert float(covered.mask.amax((1, 2, 3)).mean()) > 0.5
    free = (covered.mask == 0).expand_as(images)
    assert bool((covered.images[free] == images[free]).all())
    assert bool(((covered.images >= 0) & (covered.images <= 1)).all())


def test_without_a_wardrobe_hands_take_its_place(points):
    images = torch.full((8, 3, 101, 101), 0.3)
    cover = Cover(shares=(0.0, 1.0, 0.0, 0.0))
    covered = cover(images, points, None, torch.Generator().manual_seed(0))
    assert bool((covered.mask.amax((1, 2, 3)) == 1).all())


@pytest.mark.parametrize(("hidden", "share"), [("nothing", 0.0), ("all", 1.0), ("half", 0.5), ("core", 0.25)])
def test_the_hidden_share_against_areas(hidden, share, points):
    rows, columns = torch.meshgrid(torch.arange(101.0), torch.arange(101.0), indexing="ij")
    mask = {
        "nothing": torch.zeros(101, 101),
        "all": torch.ones(101, 101),
        "half": (columns < 50).float(),
        "core": (torch.hypot(columns - 50, rows - 50) < 15).float(),
    }[hidden]
    found = hidden_share(mask.expand(8, 1, -1, -1), points)
    assert found.tolist() == pytest.approx([share] * 8, abs=0.1)
