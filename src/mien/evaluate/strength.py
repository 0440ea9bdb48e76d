"""How results fall off as damage grows: quality and identity over the factor a picture was shrunk by."""

from dataclasses import replace
from functools import partial

from mien.evaluate.blind import at_scale, find_profile, spoil_by
from mien.evaluate.findings import Chart, Findings, Line
from mien.evaluate.reference import findings_of, judge_condition, suited
from mien.evaluate.sheets import Row
from mien.evaluate.trial import Bench, Part, Trial

FACTORS = (1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0)
SHOWN = ("psnr", "ssim", "perceptual", "stand_in", "identity", "niqe", "quality")
"""Those that a curve is drawn of, as far as they are there."""
MOST = 20


def evaluate_strength(
    trial: Trial, profile: str = "gfrnet", factors: tuple[float, ...] = FACTORS
) -> Findings:
    """The factor is fixed, all else of the profile is drawn as always."""
    damage = find_profile(profile)
    trial, left_out = suited(trial)
    judged = {
        name_of(factor): judge_condition(
            name_of(factor), trial, spoil_by(at_scale(damage, factor), trial.seed)
        )
        for factor in factors
    }
    settings = {"damage": f"{profile}, factor fixed"}
    title = "Quality and identity against damage"
    found = findings_of("strength", title, trial, settings, judged, left_out)
    return replace(found, charts=charts_of(found.rows, factors))


def name_of(factor: float) -> str:
    return f"{factor:g}x"


def charts_of(rows: tuple[Row, ...], factors: tuple[float, ...]) -> tuple[Chart, ...]:
    """One for each measure that there is."""
    makers = tuple(dict.fromkeys(row.who for row in rows))
    found = {(row.condition, row.who): row for row in rows}
    charts = []
    for measure in SHOWN:
        lines = []
        for who in makers:
            scores = [(factor, found[name_of(factor), who].score(measure)) for factor in factors]
            points = tuple((factor, score.value) for factor, score in scores if score is not None)
            if points:
                lines.append(Line(who, points))
        about = next((row.score(measure) for row in rows if row.score(measure)), None)
        if about is not None:
            unit = f", {about.about.unit}" if about.about.unit else ""
            title = f"{about.about.title} against damage"
            charts.append(Chart(title, "times smaller", f"{about.about.title}{unit}", tuple(lines)))
    return tuple(charts)


def plan_strength(bench: Bench) -> list[Part]:
    """On the first set of aligned pictures."""
    parts = []
    for photo_set in bench.of_role("aligned")[:1]:
        photos, words = bench.some(photo_set, MOST)
        parts.append(
            Part(
                name=f"strength, {photo_set.name}",
                photos=photos,
                num_steps=len(photos) * len(FACTORS),
                run=partial(evaluate_strength, profile="gfrnet"),
                settings={"damage": "gfrnet"},
                whole_set=words,
            )
        )
    return parts
