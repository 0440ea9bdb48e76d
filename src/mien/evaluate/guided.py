"""Restoration with a photo of the same person (GFRNet, Table 1): their own, a stranger's, and none.

Pictures are cut as they would be when met, damaged, and recovered with every other picture of the person.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from mien.evaluate.blind import at_scale, find_profile, spoil_by
from mien.evaluate.compare import METHOD, differences
from mien.evaluate.findings import Findings, Strip
from mien.evaluate.pairs import same_pairs
from mien.evaluate.reference import REFERENCE, Spoil, describe, jpeg_of, worth
from mien.evaluate.sheets import EvaluationError, sheet_of
from mien.evaluate.trial import INPUT, Bench, Part, Trial
from mien.faces.align import align
from mien.faces.identify import most_prominent
from mien.geometry.flow import flow_error
from mien.image.io import read_image
from mien.types import Crop, Guidable, Guidance, Image, ReadFace, Recoverer, Recovery

FACTORS = {"4x": 4.0, "8x": 8.0}
PROFILE = "gfrnet"
TEMPLATE = "ffhq"
MOST = 120
"""Pictures of a set in a report."""
PER_PERSON = 4
"""The same for each person that a user wants at most."""
MOST_GUIDES = 2
"""Of each picture, in a report; alone the protocol takes all."""
STRANGER = "{}, a stranger's photo"
AS_IT_IS = "guide as it is"
"""Not a restoration: what the warp has to beat."""


@dataclass(frozen=True)
class Sitting:
    """A picture of a person, its face cut out."""

    name: str
    person: str
    photo: Image
    crop: Crop
    landmarks: Float[Tensor, "points 2"]
    """In the crop."""
    is_alone: bool
    """Whether the picture shows this face only."""


@dataclass(frozen=True)
class Makers:
    """Who restores what: models that take guides, bound to each picture of the set, and others."""

    guided: Mapping[str, tuple[Recoverer, ...]]
    """One for each sitting."""
    alone: Mapping[str, Recoverer]

    @property
    def names(self) -> list[str]:
        """As rows of the findings."""
        strangers = (STRANGER.format(name) for name in self.guided)
        return [INPUT, *self.alone, *strangers, *self.guided]


@dataclass(frozen=True)
class Judged:
    """One condition: maker, then pair, then measure; and the worst cases."""

    entries: Mapping[str, dict[str, dict[str, float]]]
    shown: list[tuple[float, Strip]] = field(default_factory=list)


def evaluate_guided(
    trial: Trial, most_guides: int | None = None, read: ReadFace | None = None, profile: str = PROFILE
) -> Findings:
    """Every pair of pictures of a person; a step is one picture under one condition.

    The folder of a picture is its person. `read` finds the landmarks that a warp is judged by; without it
    they are the detector's five points.
    """
    if not any(isinstance(model, Guidable) for model in trial.models.values()):
        trial.need_pictures()
        raise EvaluationError("this is for models that take reference photos; --model guided:FILE does")
    return judge_pairs(trial, most_guides, read, profile)


def judge_pairs(
    trial: Trial, most_guides: int | None = None, read: ReadFace | None = None, profile: str = PROFILE
) -> Findings:
    """The same, also where none of these models takes a guide: others that do are judged elsewhere."""
    trial, unsuited = trial.suited(same_pose=True, guides=True)
    sittings, num_lost = sittings_of(trial, read)
    guides = guides_of(sittings, most_guides)
    if not guides:
        raise EvaluationError(
            f"{len(sittings)} pictures with a face, no two of one person: one folder for each person, "
            "with several pictures"
        )
    makers = bind(trial.models, sittings)
    strangers = strangers_of(sittings, trial.seed)
    damage = find_profile(profile)
    judged = {
        condition: judge(
            condition,
            trial,
            makers,
            sittings,
            guides,
            strangers,
            spoil_by(at_scale(damage, factor), trial.seed),
        )
        for condition, factor in FACTORS.items()
    }
    lost = (f"{num_lost} of {len(trial.photos)} pictures left out: no face was found",) if num_lost else ()
    return findings_of(trial, judged, guides, profile, read is not None, (*unsuited, *lost))


def sittings_of(trial: Trial, read: ReadFace | None) -> tuple[list[Sitting], int]:
    """The most prominent face of each picture; and how many have none."""
    found, num_lost = [], 0
    for path in trial.photos:
        photo = read_image(path)
        with torch.no_grad():
            detections = trial.finder(photo)
        if not detections:
            num_lost += 1
            continue
        crop = align(photo, most_prominent(photo, detections), TEMPLATE, trial.side)
        landmarks = crop.points if read is None else read(crop).landmarks
        name = f"{path.parent.name}/{path.name}"
        found.append(Sitting(name, path.parent.name, photo, crop, landmarks.float(), len(detections) == 1))
    return found, num_lost


def guides_of(sittings: Sequence[Sitting], most: int | None) -> dict[int, list[int]]:
    """To each sitting the others of the person, at most so many, those that follow it first."""
    found: dict[int, list[int]] = {}
    for first, second in same_pairs([sitting.person for sitting in sittings]):
        found.setdefault(first, []).append(second)
        found.setdefault(second, []).append(first)
    return {
        number: sorted(others, key=lambda other, here=number: (other - here) % len(sittings))[:most]
        for number, others in sorted(found.items())
    }


def strangers_of(sittings: Sequence[Sitting], seed: int) -> list[int]:
    """For each sitting one of another person, drawn; itself where there is nobody else."""
    generator = torch.Generator().manual_seed(seed)
    drawn = []
    for number, sitting in enumerate(sittings):
        others = [other for other, one in enumerate(sittings) if one.person != sitting.person]
        chance = int(torch.randint(max(1, len(others)), (), generator=generator))
        drawn.append(others[chance] if others else number)
    return drawn


def bind(models: Mapping[str, Recoverer], sittings: Sequence[Sitting]) -> Makers:
    """Each model that takes guides with each picture, whoever that shows: the pairs are known here."""
    with torch.no_grad():
        guided = {
            name: tuple(model.with_references([one.photo], any_person=True) for one in sittings)
            for name, model in models.items()
            if isinstance(model, Guidable)
        }
    return Makers(guided, {name: model for name, model in models.items() if name not in guided})


def judge(
    condition: str,
    trial: Trial,
    makers: Makers,
    sittings: Sequence[Sitting],
    guides: Mapping[int, list[int]],
    strangers: Sequence[int],
    spoil: Spoil,
) -> Judged:
    """Every picture damaged once. What does not depend on the guide counts once for each guide, so that all
    rows are of the same pairs."""
    judged = Judged({who: {} for who in (*makers.names, AS_IT_IS)})
    for number, own in guides.items():
        sitting = sittings[number]
        damaged = replace(sitting.crop, pixels=spoil(sitting.crop.pixels, sitting.name))
        once = {INPUT: damaged.pixels}
        once |= {name: made(damaged, model).pixels for name, model in makers.alone.items()}
        for name, bound in makers.guided.items():
            once[STRANGER.format(name)] = made(damaged, bound[strangers[number]]).pixels
        helped = {
            name: [made(damaged, bound[guide]) for guide in own] for name, bound in makers.guided.items()
        }
        note(judged, trial, sitting, [sittings[guide] for guide in own], once, helped)
        if trial.num_strips:
            show(judged, condition, sitting, sittings[own[0]], once, helped)
        trial.advance()
    judged.shown.sort(key=lambda pair: pair[0])
    return judged


def made(damaged: Crop, model: Recoverer) -> Recovery:
    with torch.no_grad():
        return model([damaged])[0]


def note(
    judged: Judged,
    trial: Trial,
    sitting: Sitting,
    guides: list[Sitting],
    once: Mapping[str, Image],
    helped: Mapping[str, list[Recovery]],
) -> None:
    """The numbers of one picture."""
    pictures = [*once.values(), *(recovery.pixels for some in helped.values() for recovery in some)]
    values = trial.judges.against(torch.stack(pictures), sitting.crop.pixels)
    rows = iter(range(len(pictures)))
    pairs = [f"{sitting.name} by {guide.name}" for guide in guides]
    for who in once:
        row = next(rows)
        for pair in pairs:
            judged.entries[who][pair] = {measure: of_all[row] for measure, of_all in values.items()}
    for pair, guide in zip(pairs, guides, strict=True):
        judged.entries[AS_IT_IS][pair] = {"warp": warp_error(None, sitting, guide)}
    for who, recoveries in helped.items():
        for pair, guide, recovery in zip(pairs, guides, recoveries, strict=True):
            row = next(rows)
            measured = {measure: of_all[row] for measure, of_all in values.items()}
            measured["warp"] = warp_error(recovery.guidance, sitting, guide)
            judged.entries[who][pair] = measured


def warp_error(guidance: Guidance | None, sitting: Sitting, guide: Sitting) -> float:
    """Pixels that the guide's landmarks are off, once warped or as it is; not a number where the guide may
    have been another face of its picture."""
    if not guide.is_alone:
        return math.nan
    here, there = sitting.landmarks[None], guide.landmarks[None]
    if guidance is None:
        return float((here - there).norm(dim=-1).mean())
    return float(flow_error(guidance.flow[None], here, there))


def show(
    judged: Judged,
    condition: str,
    sitting: Sitting,
    guide: Sitting,
    once: Mapping[str, Image],
    helped: Mapping[str, list[Recovery]],
) -> None:
    """Damaged picture, guide, warped guide, without it, with it, truth."""
    pair = f"{sitting.name} by {guide.name}"
    pictures, labels = list(once.values()), [label(judged, who, pair) for who in once]
    pictures.append(guide.crop.pixels)
    labels.append("guide")
    for who, recoveries in helped.items():
        if (guidance := recoveries[0].guidance) is not None:
            pictures.append(guidance.pixels)
            labels.append("warped guide")
        pictures.append(recoveries[0].pixels)
        labels.append(label(judged, who, pair))
    jpegs = tuple(jpeg_of(picture) for picture in (*pictures, sitting.crop.pixels))
    strip = Strip(f"{condition}: {sitting.name}", (*labels, "truth"), jpegs)
    last = list(helped or once)[-1]
    judged.shown.append((worth(judged.entries[last][pair]), strip))


def label(judged: Judged, who: str, pair: str) -> str:
    return f"{who} {describe(judged.entries[who][pair])}"


def findings_of(
    trial: Trial,
    judged: Mapping[str, Judged],
    guides: Mapping[int, list[int]],
    profile: str,
    is_read: bool,
    lost: tuple[str, ...],
) -> Findings:
    """Rows, and paired differences of all that were measured alike."""
    sheets = tuple(
        sheet_of(condition, who, found)
        for condition, one in judged.items()
        for who, found in one.entries.items()
    )
    num_pairs = sum(map(len, guides.values()))
    return Findings(
        protocol="guided",
        title="Restoration with a guide",
        settings={
            **trial.settings,
            "pairs": f"{num_pairs} of {len(guides)} pictures",
            "size": f"{trial.side} px",
            "damage": profile,
            "landmarks": "68 of the reader" if is_read else "5 of the detector",
            "differences": METHOD.replace("pictures", "pairs"),
        },
        rows=tuple(sheet.row(REFERENCE, trial.judges.backends) for sheet in sheets),
        differences=differences(sheets, trial.seed),
        strips=tuple(strip for one in judged.values() for _, strip in one.shown[: trial.num_strips]),
        notes=lost,
        sheets=sheets,
    )


def plan_guided(bench: Bench) -> list[Part]:
    """On every set of people's references, where one of the models looks at them."""
    if not bench.has_guided:
        return []
    parts = []
    for photo_set in bench.of_role("references"):
        most = MOST if bench.most is None else min(MOST, PER_PERSON * bench.most)
        photos, words = bench.some_people(photo_set, most_photos=most)
        parts.append(
            Part(
                name=f"guided, {photo_set.name}",
                photos=photos,
                num_steps=len(photos) * len(FACTORS),
                run=partial(judge_pairs, most_guides=MOST_GUIDES),
                settings={"guides": str(MOST_GUIDES), "damage": PROFILE},
                whole_set=words,
            )
        )
    return parts
