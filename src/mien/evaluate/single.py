"""One damage at a time, at one strength: what does a model mend, and what not? (MDFR, Fig. 7 and 9.)"""

from dataclasses import replace

from mien.degrade.chain import PROFILES, Profile
from mien.evaluate.blind import spoil_by
from mien.evaluate.findings import Findings
from mien.evaluate.reference import findings_of, judge_condition, suited
from mien.evaluate.trial import Bench, Part, Trial

WORST = PROFILES["mdfr"]
"""Its strongest values, as MDFR gives none for its figures."""
DAMAGES: dict[str, Profile] = {
    "low resolution": Profile(scales=(max(WORST.scales),)),
    "Gaussian blur": Profile(gaussian_sigmas=(max(WORST.gaussian_sigmas),)),
    # the paper's uniform blur and its average blur are both a box
    "box blur": Profile(gaussian_sigmas=(), box_sides=(max(WORST.box_sides),)),
    "low light": Profile(gammas_low=(max(WORST.gammas_high),), gammas_high=(max(WORST.gammas_high),)),
    "glare": Profile(gammas_low=(min(WORST.gammas_low),), gammas_high=(min(WORST.gammas_low),)),
    "noise": Profile(noises=(max(WORST.noises),)),
    "colour warp": Profile(gains=(min(WORST.gains), max(WORST.gains))),
    # not in MDFR's chain; the worst of GFRNet's
    "JPEG": Profile(qualities=(min(filter(None, PROFILES["gfrnet"].qualities)),)),
}
"""Condition to a profile that does nothing else."""
STRENGTHS = "shrunk 8x; Gaussian sigma 3; box 9; gamma 2.5; gamma .4; noise 25/255; gains .8 or 1.2; JPEG 10"
MOST = 20


def evaluate_single(trial: Trial) -> Findings:
    """A step is one picture under one damage; a worst case of each is shown."""
    trial, left_out = suited(trial)
    shown = replace(trial, num_strips=min(1, trial.num_strips))
    judged = {
        name: judge_condition(name, shown, spoil_by(damage, trial.seed)) for name, damage in DAMAGES.items()
    }
    return findings_of("single", "One damage at a time", trial, {"damage": STRENGTHS}, judged, left_out)


def plan_single(bench: Bench) -> list[Part]:
    """On the first set of aligned pictures."""
    parts = []
    for photo_set in bench.of_role("aligned")[:1]:
        photos, words = bench.some(photo_set, MOST)
        name = f"single, {photo_set.name}"
        steps, settings = len(photos) * len(DAMAGES), {"damage": STRENGTHS}
        parts.append(Part(name, photos, steps, evaluate_single, settings, whole_set=words))
    return parts
