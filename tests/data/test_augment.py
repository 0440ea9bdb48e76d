import colorsys
import math

import pytest
import torch

from mien.data.augment import Augmentation, Chance, around_gray, recolor, scaled, turned, warp

ALWAYS = torch.ones(())


def pictures(num: int = 2, side: int = 16) -> torch.Tensor:
    return 2 * torch.rand(num, 3, side, side, generator=torch.Generator().manual_seed(0)) - 1


def chance(num: int, strength: float = 1.0) -> Chance:
    return Chance(num, torch.tensor(strength), torch.Generator().manual_seed(1))


def test_without_strength_nothing_happens() -> None:
    images = pictures()
    assert Augmentation()(images, torch.zeros(()), torch.Generator()) is images


def test_the_same_chance_changes_alike_and_pictures_differ() -> None:
    images = pictures(1).expand(3, -1, -1, -1)
    one, other = (Augmentation()(images, ALWAYS, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, other)
    assert not torch.allclose(one[0], one[1])


def test_about_as_many_change_as_the_strength_says() -> None:
    many = chance(2000, 0.3)
    plain = (Augmentation().colors(many) - torch.eye(4)).abs().amax((1, 2)) < 1e-6
    # brightness, contrast, hue and saturation change what they befall, the mirror half of the time
    assert float(plain.float().mean()) == pytest.approx(0.7**4 * 0.85, abs=0.03)
    still = (Augmentation().warps(many, 128) - torch.eye(3)).abs().amax((1, 2)) < 1e-6
    # each of mirror, quarter turns, shift, size, turns together, stretch, move
    assert float(still.float().mean()) == pytest.approx(0.85 * 0.775 * 0.7**5, abs=0.03)


def test_whole_steps_resample_nothing() -> None:
    images = pictures()
    ones = torch.ones(2)
    torch.testing.assert_close(warp(images, scaled(-ones, ones)), images.flip(3))
    torch.testing.assert_close(
        warp(images, turned(ones * math.pi / 2)), images.rot90(1, (2, 3)), atol=1e-4, rtol=1e-4
    )


def test_hue_is_that_of_colorsys() -> None:
    """A third of a turn takes red to green."""
    images = pictures(1)
    third = recolor(images, around_gray(torch.tensor([2 * math.pi / 3])))
    torch.testing.assert_close(third, images.roll(1, 1), atol=1e-5, rtol=1e-5)
    red = torch.tensor([1.0, 0, 0])[None, :, None, None]
    hue = colorsys.rgb_to_hsv(*recolor(red, around_gray(torch.tensor([2 * math.pi / 3]))).flatten().tolist())[
        0
    ]
    assert hue == pytest.approx(1 / 3, abs=1e-4)


def test_colours_change_as_they_should() -> None:
    gray = torch.full((64, 3, 1, 1), 0.5)
    saturated = recolor(
        gray, Augmentation(brightness_deviation=0.0, contrast_deviation=0.0).colors(chance(64))
    )
    spread = saturated.amax(1) - saturated.amin(1)
    assert float(spread.max()) < 1e-5  # gray stays gray whatever hue and saturation do
    brighter = Augmentation(contrast_deviation=0.0, saturation_deviation=0.0).colors(chance(64))[:, :3, 3]
    assert float((brighter - brighter.mean(1, keepdim=True)).abs().max()) < 1e-5


def test_gradients_reach_the_pictures() -> None:
    images = pictures().requires_grad_()
    Augmentation()(images, ALWAYS, torch.Generator().manual_seed(0)).square().sum().backward()
    assert images.grad is not None
    assert bool(images.grad.isfinite().all())
