"""The same bytes for the same seed on any machine: one picture at a time, in float64, with libjpeg itself.

Slower than `mien.degrade.chain` and written apart from it, so that the two test each other.
"""

import hashlib

import torch

from mien.degrade.blur import blur_by_kernel, separable_sigma
from mien.degrade.chain import Profile
from mien.degrade.compress import jpeg_libjpeg
from mien.degrade.light import relight
from mien.degrade.noise import normal
from mien.degrade.parameters import Damage
from mien.image.filter import gaussian_blur
from mien.image.resize import resize
from mien.types import Image

_GRAIN = 2.0**20
"""Levels are cut to this fraction before they round, so that sums that differ in a last bit round alike."""


def picture_seed(seed: int, name: str) -> int:
    """The seed of one picture among many, in whatever order: from the run's seed and the picture's name."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def degrade_exact(image: Image, profile: Profile, seed: int) -> Image:
    """Draw from the profile and damage; the result has 8-bit levels and the picture's size."""
    generator = torch.Generator().manual_seed(seed)
    return damage_exact(image, profile.draw(1, generator), generator)


def damage_exact(image: Image, parameters: Damage, generator: torch.Generator) -> Image:
    """The chain for one picture with known parameters (of a batch of one)."""
    if len(parameters) != 1:
        raise ValueError(f"one picture takes the parameters of one, these are of {len(parameters)}")
    height, width = image.shape[-2:]
    good = relight(image.detach().cpu().double().clamp(0, 1)[None], parameters)
    blurred = gaussian_blur(blur_by_kernel(good, parameters), separable_sigma(parameters))
    scale = float(parameters.scale)
    small = resize(blurred, max(1, round(height / scale)), max(1, round(width / scale)))
    noisy = small + parameters.noise * normal(generator, *small.shape) + parameters.noise_mean
    bad = jpeg_libjpeg(_to_levels(noisy[0]), int(parameters.quality))
    return _to_levels(resize(bad[None], height, width)[0]).to(image)


def _to_levels(image: Image) -> Image:
    levels = (image.clamp(0, 1) * (255 * _GRAIN)).round() / _GRAIN
    return (levels + 0.5).floor() / 255
