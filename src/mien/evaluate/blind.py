"""Blind restoration with the truth at hand: damage, recover, compare (evaluation protocol C1)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import torch

from mien.data.photos import square
from mien.degrade.chain import PROFILES, Profile
from mien.degrade.exact import degrade_exact, picture_seed
from mien.image.io import read_image
from mien.metrics.mean import Mean
from mien.metrics.psnr import psnr
from mien.metrics.ssim import ssim
from mien.pipeline import recover_aligned
from mien.types import Image, Recoverer

CONDITIONS: dict[str, float | None] = {"mixed": None, "4x": 4.0, "8x": 8.0}
"""Name to the factor that the picture is shrunk by; None draws it from the profile."""


@dataclass(frozen=True)
class Scores:
    """One column of the table."""

    psnr: Mean
    ssim: Mean

    def __add__(self, other: "Scores") -> "Scores":
        return Scores(self.psnr + other.psnr, self.ssim + other.ssim)


NOTHING = Scores(Mean(), Mean())


@dataclass(frozen=True)
class BlindReport:
    """What was measured, and how."""

    model: str
    profile: str
    seed: int
    num_photos: int
    size: int
    date: str
    scores: Mapping[str, Mapping[str, Scores]]
    """Condition, then `input` (the damaged picture, enlarged bicubically) or `result`."""
    settings: str = "RGB, no crop, no colour correction; SSIM Gaussian 11, sigma 1.5, valid region"

    def gain(self, condition: str) -> float:
        """Decibels over the input."""
        of = self.scores[condition]
        return of["result"].psnr.value - of["input"].psnr.value

    def as_json(self) -> dict[str, object]:
        """Plain numbers and words."""
        scores = {
            condition: {
                who: {"psnr": round(score.psnr.value, 4), "ssim": round(score.ssim.value, 5)}
                for who, score in rows.items()
            }
            for condition, rows in self.scores.items()
        }
        header = {
            name: getattr(self, name) for name in ("model", "profile", "seed", "num_photos", "size", "date")
        }
        return {"protocol": "blind", **header, "settings": self.settings, "scores": scores}


def at_scale(profile: Profile, factor: float | None) -> Profile:
    """The profile with its shrinking factor fixed, all else drawn as always."""
    return profile if factor is None else replace(profile, scales=(factor,))


def score(image: Image, truth: Image) -> Scores:
    """One picture against its truth."""
    return Scores(Mean.of(psnr(image[None], truth[None])), Mean.of(ssim(image[None], truth[None])))


def damaged_pairs(
    photos: list[Path], size: int, profile: Profile, seed: int
) -> Iterator[tuple[Image, Image]]:
    """Each photo damaged and as it was; a photo's damage depends on its name and the seed alone."""
    for path in photos:
        truth = square(read_image(path), size)
        yield degrade_exact(truth, profile, picture_seed(seed, path.name)), truth


def evaluate_blind(
    model: Recoverer,
    model_name: str,
    photos: list[Path],
    profile: str = "gfrnet",
    seed: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> BlindReport:
    """PSNR and SSIM of inputs and results; `advance` is called once per picture and condition."""
    if profile not in PROFILES:
        raise ValueError(f"there is no profile {profile!r}; there is {', '.join(PROFILES)}")
    scores: dict[str, dict[str, Scores]] = {}
    for condition, factor in CONDITIONS.items():
        before = after = NOTHING
        for damaged, truth in damaged_pairs(
            photos, model.crop_size, at_scale(PROFILES[profile], factor), seed
        ):
            with torch.no_grad():
                recovered = recover_aligned(damaged, model).photo
            before, after = before + score(damaged, truth), after + score(recovered, truth)
            advance()
        scores[condition] = {"input": before, "result": after}
    return BlindReport(
        model=model_name,
        profile=profile,
        seed=seed,
        num_photos=len(photos),
        size=model.crop_size,
        date=date.today().isoformat(),
        scores=scores,
    )
