import hashlib
from dataclasses import replace

import pytest
import torch

from mien.degrade.chain import PROFILES, Profile, damage
from mien.degrade.exact import damage_exact, degrade_exact, picture_seed
from mien.types import Image


def made_up_picture(height: int = 64, width: int = 48) -> Image:
    """Whole levels by whole arithmetic, so that every machine starts from the same."""
    y, x = torch.arange(height)[:, None], torch.arange(width)
    levels = torch.stack(((x * y) // 7 % 256, (x * x + 3 * y) // 5 % 256, (40 * (x // 12) + 3 * y) % 256))
    return levels.float() / 255


FINGERPRINTS = {
    "gfrnet": "c5b773248b05eef5",
    "mmrb": "b645179f4c6c6aa5",
    "grain": "7bacc929f350110e",
    "mdfr": "591826b716031438",
    "mdfr_literal": "50d65625e230d987",
}


@pytest.mark.parametrize("name", PROFILES)
def test_bytes_are_the_same_everywhere(name: str):
    damaged = degrade_exact(made_up_picture(), PROFILES[name], picture_seed(7, "a/picture.png"))
    levels = (damaged * 255).round().to(torch.uint8)
    torch.testing.assert_close(damaged, levels.float() / 255, atol=1e-7, rtol=0)
    assert hashlib.sha256(levels.numpy().tobytes()).hexdigest()[:16] == FINGERPRINTS[name]


@pytest.mark.parametrize("name", PROFILES)
def test_both_ways_of_doing_it_agree(name: str):
    picture = made_up_picture()
    for seed in range(6):
        parameters = replace(PROFILES[name], noises=(0.0,)).draw(1, torch.Generator().manual_seed(seed))
        exact = damage_exact(picture, parameters, torch.Generator())
        batched = damage(picture[None], parameters, torch.Generator())[0]
        decibels = -10 * torch.log10(((exact - batched) ** 2).mean())
        assert decibels > 42


def test_no_strength_is_no_damage():
    picture = made_up_picture()
    torch.testing.assert_close(degrade_exact(picture, Profile(), 0), picture, atol=1e-7, rtol=0)


def test_noise_is_as_strong_as_drawn():
    flat = torch.full((3, 128, 128), 128 / 255)
    noise = degrade_exact(flat, Profile(noises=(0.05,)), 0) - flat
    assert noise.std().item() == pytest.approx(0.05, rel=0.03)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 31)])
def test_small_pictures(height: int, width: int):
    for profile in PROFILES.values():
        damaged = degrade_exact(made_up_picture(height, width), profile, 1)
        assert damaged.shape == (3, height, width)
        assert 0 <= damaged.min() <= damaged.max() <= 1


def test_parameters_of_a_batch_are_refused():
    parameters = Profile().draw(2, torch.Generator())
    with pytest.raises(ValueError, match="these are of 2"):
        damage_exact(made_up_picture(), parameters, torch.Generator())


def test_seeds_of_pictures_differ_and_stay():
    seeds = {picture_seed(seed, name) for seed in (0, 1) for name in ("a.png", "b.png", "1/a.png")}
    assert len(seeds) == 6
    assert picture_seed(0, "a.png") == picture_seed(0, "a.png")
    assert all(0 <= seed < 2**63 for seed in seeds)
