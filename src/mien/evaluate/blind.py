"""Blind restoration with the truth at hand: damage, recover, compare (evaluation protocol C1)."""

from dataclasses import replace
from functools import partial

from mien.degrade.chain import PROFILES, Profile
from mien.degrade.exact import degrade_exact, picture_seed
from mien.evaluate.findings import Findings
from mien.evaluate.reference import Spoil, findings_of, judge_condition, suited
from mien.evaluate.sheets import EvaluationError
from mien.evaluate.trial import Bench, Part, Trial
from mien.types import Image

CONDITIONS: dict[str, float | None] = {"mixed": None, "4x": 4.0, "8x": 8.0}
"""Name to the factor that the picture is shrunk by; None draws it from the profile."""
MOST = 60


def at_scale(profile: Profile, factor: float | None) -> Profile:
    """The profile with its shrinking factor fixed, all else drawn as always."""
    return profile if factor is None else replace(profile, scales=(factor,))


def find_profile(name: str) -> Profile:
    if name not in PROFILES:
        raise EvaluationError(f"there is no profile {name!r}; there is {', '.join(PROFILES)}")
    return PROFILES[name]


def spoil_by(profile: Profile, seed: int) -> Spoil:
    """A picture's damage depends on its name and the seed alone."""

    def spoil(truth: Image, name: str) -> Image:
        return degrade_exact(truth, profile, picture_seed(seed, name))

    return spoil


def evaluate_blind(trial: Trial, profile: str = "gfrnet") -> Findings:
    """Inputs and results of every model; a step is one picture under one condition."""
    damage = find_profile(profile)
    trial, left_out = suited(trial)
    judged = {
        condition: judge_condition(condition, trial, spoil_by(at_scale(damage, factor), trial.seed))
        for condition, factor in CONDITIONS.items()
    }
    return findings_of("blind", "Blind restoration", trial, {"damage": profile}, judged, left_out)


def plan_blind(bench: Bench) -> list[Part]:
    """On every set of aligned pictures."""
    parts = []
    for photo_set in bench.of_role("aligned"):
        photos, words = bench.some(photo_set, MOST)
        parts.append(
            Part(
                name=f"blind, {photo_set.name}",
                photos=photos,
                num_steps=len(photos) * len(CONDITIONS),
                run=partial(evaluate_blind, profile="gfrnet"),
                settings={"damage": "gfrnet"},
                whole_set=words,
            )
        )
    return parts
