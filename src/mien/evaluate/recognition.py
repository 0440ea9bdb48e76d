"""Are they the same person, from damaged and from recovered pictures? (protocol C2, LFW-Lq's way)"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import log10

import torch
from jaxtyping import Float
from torch import Tensor

from mien.degrade.chain import Profile
from mien.evaluate.blind import at_scale, find_profile, spoil_by
from mien.evaluate.compare import METHOD, differences
from mien.evaluate.findings import Chart, Findings, Line
from mien.evaluate.ijb import TemplateList
from mien.evaluate.pairs import PairList, made_pairs
from mien.evaluate.portraits import CLEAN, Seen, recovered, see
from mien.evaluate.sheets import EvaluationError, Row, Sheet
from mien.evaluate.trial import INPUT, Bench, Part, Trial
from mien.metrics.identification import Ranks, pool_templates
from mien.metrics.score import Score
from mien.metrics.verification import Comparisons, RocCurve, accuracy_at, fold_accuracy, roc_curve

SECOND, BOTH = "second damaged", "both damaged"
FALSE_ACCEPTS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
POINTS_PER_DECADE = 24
MOST = 300
"""Pictures in a report; a list of pairs takes all of its own."""
RATES = "false accepts (FAR)", "true accepts (TAR)"
RANK_NOTE = "rank-1 in a gallery of everybody's first picture, undamaged"
Vectors = Mapping[str, Float[Tensor, "_ features"]]


@dataclass(frozen=True)
class Damage:
    """What pictures to be recognised suffer."""

    profile: str = "mdfr"
    factor: float | None = None
    """Of shrinking; None draws it as the profile does."""

    @property
    def name(self) -> str:
        return self.profile if self.factor is None else f"{self.profile} at {self.factor:g}x"

    @property
    def chain(self) -> Profile:
        return at_scale(find_profile(self.profile), self.factor)


def evaluate_recognition(trial: Trial, pairs: PairList, damage: Damage | None = None) -> Findings:
    """Verification over folds; a step is one picture."""
    damage = damage or Damage()
    trial, unsuited = trial.suited()
    seen = see(pairs.portraits, trial, spoil_by(damage.chain, trial.seed))
    kept = seen.found[pairs.first] & seen.found[pairs.second]
    if int(kept.sum()) < len(pairs.folds.unique()):
        raise EvaluationError(f"{pairs.name}: faces were found for {int(kept.sum())} of {len(pairs)} pairs")
    lost = len(pairs) - int(kept.sum())
    compared = {
        place: Comparisons.of(
            seen.vectors[one][pairs.first[kept]],
            seen.vectors[other][pairs.second[kept]],
            pairs.same[kept],
            renumbered(pairs.folds[kept]),
        )
        for place, (one, other) in places(trial.models).items()
    }
    return findings_of(
        trial,
        seen,
        compared,
        settings={
            "list": pairs.name,
            "damage": damage.name,
            "alignment": "by points of the undamaged picture",
            "accuracy": "thresholds from the other folds of the same pictures",
        },
        notes=(*unsuited, *((f"{lost} of {len(pairs)} pairs left out with them",) if lost else ())),
        ranks=ranks_of(pairs, seen, trial.models, trial.judges.identify_name),
    )


def evaluate_templates(trial: Trial, listed: TemplateList, damage: Damage | None = None) -> Findings:
    """Templates against templates, as IJB asks; a step is one picture."""
    damage = damage or Damage()
    trial, unsuited = trial.suited()
    seen = see(listed.portraits, trial, spoil_by(damage.chain, trial.seed))
    weights = None if listed.weights is None else listed.weights[seen.found]
    pooled: dict[str, Tensor] = {}
    numbers = listed.templates.new_zeros(0)
    for version, vectors in seen.vectors.items():
        pooled[version], numbers = pool_templates(
            vectors[seen.found], listed.templates[seen.found], listed.media[seen.found], weights
        )
    kept = torch.isin(listed.first, numbers) & torch.isin(listed.second, numbers)
    lost = int((~kept).sum())
    gone = (f"{lost} of {len(kept)} pairs of templates left out: no face on one side",) if lost else ()
    if lost == len(kept):
        raise EvaluationError(f"{listed.name}: no pair of templates has faces on both sides")
    first, second = (torch.searchsorted(numbers, side[kept]) for side in (listed.first, listed.second))
    compared = {
        place: Comparisons.of(pooled[one][first], pooled[other][second], listed.same[kept])
        for place, (one, other) in places(trial.models).items()
    }
    return findings_of(
        trial,
        seen,
        compared,
        settings={
            "list": listed.name,
            "damage": damage.name,
            "templates": f"{len(numbers)}, frames of a medium averaged, media summed"
            + ("" if weights is None else ", weighted by the lists' detector scores"),
        },
        notes=(*unsuited, *gone),
    )


def places(models: Sequence[str] | Mapping[str, object]) -> dict[tuple[str, str], tuple[str, str]]:
    """Condition and maker to the versions of the first and of the second picture."""
    found = {(CLEAN, INPUT): (CLEAN, CLEAN)}
    found |= {(CLEAN, who): (recovered(who), recovered(who)) for who in models}
    for who in (INPUT, *models):
        found[SECOND, who] = (CLEAN, who)
    for who in (INPUT, *models):
        found[BOTH, who] = (who, who)
    return found


def renumbered(folds: Tensor) -> Tensor:
    """From 0 without gaps, also where a fold has lost all its pairs."""
    return folds.unique(return_inverse=True)[1]


def findings_of(
    trial: Trial,
    seen: Seen,
    compared: Mapping[tuple[str, str], Comparisons],
    settings: Mapping[str, str],
    notes: tuple[str, ...],
    ranks: Mapping[str, Score] | None = None,
) -> Findings:
    """Rows, curves, and differences between makers over the folds."""
    curves = {place: roc_curve(one) for place, one in compared.items()}
    backend = trial.judges.identify_name
    rows, sheets = [], []
    clean_threshold = None
    for (condition, who), one in compared.items():
        scores: list[Score] = []
        reference = f"{settings['list']}: {one.num_same} same, {one.num_different} different pairs"
        if bool((one.folds > 0).any()):
            folded = fold_accuracy(one)
            if clean_threshold is None:
                clean_threshold = sum(folded.thresholds) / len(folded.thresholds)
            scores += accuracies(one, folded.mean, folded.deviation, clean_threshold, reference, backend)
            names = tuple(f"fold {number + 1}" for number in range(len(folded.values)))
            sheets.append(Sheet(condition, who, names, {"accuracy": folded.values}))
        scores += curve_scores(curves[condition, who], len(one), reference, backend)
        if condition == SECOND and ranks:
            scores.append(ranks[who])
        rows.append(Row(condition, who, tuple(scores)))
    title = f"Recognition, {settings['damage']}"
    return Findings(
        protocol="recognition",
        title=title,
        settings={
            **trial.settings,
            "pictures": str(len(seen.found)),
            **settings,
            "differences": f"folds; {METHOD}",
        },
        rows=tuple(rows),
        differences=differences(sheets, trial.seed),
        charts=tuple(chart_of(condition, curves, title) for condition in (SECOND, BOTH)),
        strips=seen.strips,
        notes=(*seen.note(), *notes),
        sheets=tuple(sheets),
    )


def accuracies(
    one: Comparisons, mean: float, deviation: float, threshold: float, reference: str, backend: str
) -> list[Score]:
    """At thresholds of the other folds, and at that of the undamaged pictures."""
    fixed = f"at the undamaged pictures' threshold {threshold:.2f}"
    return [
        Score("accuracy", mean, len(one), reference, backend, deviation, "refitted"),
        Score("accuracy", accuracy_at(one, threshold), len(one), reference, backend, note=fixed),
    ]


def curve_scores(curve: RocCurve, count: int, reference: str, backend: str) -> list[Score]:
    """AUC, EER, and TAR at every FAR that so many pairs can show."""
    shown = [far for far in FALSE_ACCEPTS if far * curve.num_different >= 1]
    return [
        Score("auc", curve.area, count, reference, backend),
        Score("eer", curve.equal_error_rate, count, reference, backend),
        *(Score("tar", curve.tar_at(far), count, reference, backend, note=f"FAR {far:g}") for far in shown),
    ]


def ranks_of(pairs: PairList, seen: Seen, models: Mapping[str, object], backend: str) -> dict[str, Score]:
    """Identification: everybody's first picture is the gallery, all others look for their person."""
    if not pairs.people:
        return {}
    person = {name: number for number, name in enumerate(dict.fromkeys(pairs.people))}
    numbers = torch.tensor([person[name] for name in pairs.people])
    is_first = torch.zeros(len(numbers), dtype=torch.bool)
    there: set[int] = set()
    for index, number in enumerate(numbers.tolist()):
        if bool(seen.found[index]) and number not in there:
            is_first[index] = True
            there.add(number)
    is_probe = seen.found & ~is_first
    reference = f"{len(there)} people"
    clean = seen.vectors[CLEAN][is_first]
    found = {}
    for who in (INPUT, *models):
        ranks = Ranks.of(seen.vectors[who][is_probe], numbers[is_probe], clean, numbers[is_first])
        found[who] = Score("rank", ranks.rate(), len(ranks), reference, backend, note=RANK_NOTE)
    return found


def chart_of(condition: str, curves: Mapping[tuple[str, str], RocCurve], title: str) -> Chart:
    """ROC of one condition, beside that of undamaged pictures."""
    wanted = {CLEAN: (CLEAN, INPUT)} | {who: (place, who) for place, who in curves if place == condition}
    lines = tuple(Line(name, roc_points(curves[place])) for name, place in wanted.items())
    return Chart(f"ROC, {title.removeprefix('Recognition, ')}, {condition}", *RATES, lines, is_log=True)


def roc_points(curve: RocCurve) -> tuple[tuple[float, float], ...]:
    """Evenly in the logarithm of the FAR, from the smallest that can be seen."""
    decades = log10(curve.num_different)
    steps = max(2, round(decades * POINTS_PER_DECADE))
    rates = [10 ** (-decades * (1 - step / steps)) for step in range(steps + 1)]
    return tuple((far, curve.tar_at(far)) for far in (max(rate, 1 / curve.num_different) for rate in rates))


def evaluate_folder(trial: Trial, name: str, damage: Damage | None = None) -> Findings:
    """Pairs made of a folder that has a folder for each person."""
    return evaluate_recognition(trial, made_pairs(trial.photos, trial.seed, name), damage)


def plan_recognition(bench: Bench) -> list[Part]:
    """Twice on every set of people: GFRNet's damage at 6x, and MDFR's, which LFW-Lq is made by."""
    parts = []
    for photo_set in bench.of_role("people"):
        photos, words = bench.some_people(photo_set, most_photos=MOST)
        for damage in (Damage("gfrnet", 6.0), Damage("mdfr")):
            parts.append(
                Part(
                    name=f"recognition, {photo_set.name}, {damage.name}",
                    photos=photos,
                    num_steps=len(photos),
                    run=partial(evaluate_folder, name=photo_set.name, damage=damage),
                    settings={"damage": damage.name},
                    whole_set=words,
                )
            )
    return parts
