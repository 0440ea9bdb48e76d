from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.degrade.chain import PROFILES, Profile, damage, steps
from mien.degrade.compress import quantize
from mien.degrade.parameters import BOX, GAUSSIAN, MOTION
from mien.types import Images


def smooth_pictures(batch: int, height: int, width: int) -> Images:
    """On 8-bit levels, with waves of several lengths."""
    y, x = torch.arange(height)[:, None] / 9, torch.arange(width) / 7
    waves = [torch.sin((i + 1) * y + i) * torch.cos((3 - i % 3) * x) for i in range(3 * batch)]
    return quantize(0.5 + 0.4 * torch.stack(waves).reshape(batch, 3, height, width))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def psnr(images: Images, others: Images) -> float:
    return -10 * torch.log10(((images - others) ** 2).mean().clamp(min=1e-12)).item()


@pytest.mark.parametrize("name", PROFILES)
@settings(max_examples=8, deadline=None)
@given(height=st.integers(8, 70), width=st.integers(8, 70), seed=st.integers(0, 999))
def test_any_size_keeps_shape_and_range(name: str, height: int, width: int, seed: int):
    images = smooth_pictures(3, height, width)
    damaged = PROFILES[name](images, seeded(seed))
    assert damaged.shape == images.shape
    assert damaged.isfinite().all()
    assert damaged.min() >= 0
    assert damaged.max() <= 1


@pytest.mark.parametrize("name", PROFILES)
def test_a_seed_repeats_itself_and_another_differs(name: str):
    images = smooth_pictures(4, 40, 32)
    first, again, other = (PROFILES[name](images, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_no_strength_is_no_damage():
    images = smooth_pictures(2, 37, 24)
    torch.testing.assert_close(Profile()(images, seeded()), images, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", PROFILES)
def test_a_batch_is_its_pictures_one_by_one(name: str):
    images = smooth_pictures(8, 48, 40)
    parameters = replace(PROFILES[name], noises=(0.0,)).draw(8, seeded(3))
    together = damage(images, parameters, seeded())
    alone = [damage(images[i : i + 1], parameters.select(torch.tensor([i])), seeded()) for i in range(8)]
    # a level that rounds differently on another canvas is all that may differ
    assert psnr(together, torch.cat(alone)) > 50


def test_gfrnet_draws_the_sets_of_the_paper():
    drawn = PROFILES["gfrnet"].draw(20000, seeded())
    tenths = (drawn.blur_size * 10).round().long()
    assert set(tenths.tolist()) == {0, *range(10, 31)}
    assert set((drawn.scale * 10).round().long().tolist()) == set(range(10, 81))
    assert set((drawn.noise * 255).round().long().tolist()) == set(range(8))
    assert set(drawn.quality.tolist()) == {0, *range(10, 41)}
    assert (tenths == 0).double().mean().item() == pytest.approx(1 / 22, abs=0.01)
    assert (drawn.blur_kind == GAUSSIAN).all()
    assert (drawn.gamma == 1).all()
    assert (drawn.gain == 1).all()
    assert (drawn.shift == 0).all()


def test_mmrb_draws_the_ranges_of_the_paper():
    drawn = PROFILES["mmrb"].draw(20000, seeded())
    assert (drawn.scale.min().item(), drawn.scale.max().item()) == (0.4, 8.0)
    assert (drawn.noise * 255).max().item() == pytest.approx(25)
    assert (drawn.quality.min().item(), drawn.quality.max().item()) == (5, 50)
    assert (drawn.blur_kind == MOTION).double().mean().item() == pytest.approx(0.5, abs=0.02)
    assert drawn.blur_size[drawn.blur_kind == MOTION].max() == 41


def test_mdfr_draws_light_and_two_blurs():
    drawn = PROFILES["mdfr"].draw(20000, seeded())
    assert set(drawn.blur_kind.tolist()) == {GAUSSIAN, BOX}
    assert 0.4 <= drawn.gamma.min() < 0.42
    assert 2.4 < drawn.gamma.max() <= 2.5
    assert (drawn.gamma < 1).double().mean().item() == pytest.approx(0.5, abs=0.02)
    assert (drawn.gain.min().item(), drawn.gain.max().item()) == (0.8, 1.2)
    assert (drawn.quality == 0).all()
    literal = PROFILES["mdfr_literal"].draw(20000, seeded())
    assert literal.shift.mean().item() == pytest.approx(0.15, abs=0.01)
    assert (literal.noise_mean.min().item(), literal.noise_mean.max().item()) == (0.1, 0.5)


def test_a_fixed_scale_changes_nothing_else():
    free = PROFILES["gfrnet"].draw(50, seeded(4))
    fixed = replace(PROFILES["gfrnet"], scales=(4.0,)).draw(50, seeded(4))
    assert (fixed.scale == 4).all()
    for name in ("blur_size", "noise", "quality"):
        assert torch.equal(getattr(free, name), getattr(fixed, name))


def test_more_shrinking_loses_more():
    images = smooth_pictures(1, 64, 64)
    left = [
        psnr(replace(Profile(), scales=(scale,))(images, seeded()), images) for scale in (1.0, 2.0, 4.0, 8.0)
    ]
    assert left == sorted(left, reverse=True)


def test_gradients_reach_the_picture():
    images = smooth_pictures(6, 40, 40).requires_grad_()
    PROFILES["gfrnet"](images, seeded()).sum().backward()
    assert images.grad is not None
    assert images.grad.isfinite().all()
    assert (images.grad.abs().sum((1, 2, 3)) > 0).all()


def test_steps_end_where_told():
    assert steps(1.0, 1.3, 0.1) == (1.0, 1.1, 1.2, 1.3)
    assert len(steps(1.0, 8.0, 0.1)) == 71
