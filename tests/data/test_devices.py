"""What covers faces while a network learns is made where the faces are.

There need not be a GPU to see it: with `meta` as the default device, whatever is made without saying where
has no values, and meets the faces' with an error.
"""

from collections.abc import Iterator

import pytest
import torch

from mien.data.cover import Cover, hidden_share
from mien.data.parsing import Parsed, dressed
from mien.data.worn import Wardrobe
from mien.image.warp import warp_affine

KINDS = ("hands", "worn", "blocks", "strands")
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def warped(images: torch.Tensor, *arguments: object, **options: object) -> torch.Tensor:
        with torch.device(images.device):  # it brings what it makes to the pictures, as `meta` cannot be
            return warp_affine(images, *arguments, **options)

    monkeypatch.setattr("mien.degrade.occlude.warp_affine", warped)
    with torch.device("meta"):
        yield


def faces() -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures, and landmarks: jaw and brows on a circle, the rest inside."""
    angle = torch.linspace(0, 2 * torch.pi, 28, device=CPU)[:27]
    rim = torch.stack((angle.cos(), angle.sin()), 1) * 30
    inner = 20 * torch.rand(41, 2, generator=torch.Generator(CPU).manual_seed(0), device=CPU) - 10
    return torch.full((6, 3, 101, 101), 0.5, device=CPU), torch.cat((rim, inner)).repeat(6, 1, 1) + 50


def wardrobe() -> Wardrobe:
    cutout, turns = torch.ones(3, 4, 96, 128, device=CPU), torch.tensor([-1.0, 0.0, 1.0], device=CPU)
    return Wardrobe(cutout, turns, cutout[:1], torch.tensor([0.4], device=CPU))


@pytest.mark.parametrize("kind", KINDS)
def test_covers_are_made_where_the_faces_are(kind: str) -> None:
    images, points = faces()
    first, second, third, fourth = (float(kind == name) for name in KINDS)
    cover, chance = Cover(shares=(first, second, third, fourth)), torch.Generator(CPU).manual_seed(2)
    covered = cover(images, points, wardrobe(), chance)
    assert covered.images.device == covered.mask.device == CPU
    assert float(covered.mask.amax()) > 0.5
    assert hidden_share(covered.mask, points).device == CPU


def test_labels_stay_where_they_are() -> None:
    images, points = faces()
    labels = torch.ones(6, 101, 101, dtype=torch.long, device=CPU)
    chance = torch.Generator(CPU).manual_seed(0)
    worn = dressed(Parsed(images, labels, points), Cover(), 1.0, wardrobe(), chance)
    assert bool((worn.labels == 0).any())
    assert worn.images.device == worn.labels.device == CPU
