"""Who is this, seen from the side? Rank-1 and identity by yaw (MDFR, Tables I and II).

Everybody's most frontal photo is the gallery, and their second one is turned to every yaw by the 3D face.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mien.data.turned import TurningPlan, Views, near_frontal, turn_faces
from mien.evaluate.findings import Chart, Findings, Line, Strip
from mien.evaluate.judges import recovered_face
from mien.evaluate.reference import jpeg_of
from mien.evaluate.sheets import EvaluationError, Row
from mien.evaluate.trial import INPUT, Bench, Part, Trial
from mien.evaluate.wild import TEMPLATE, recover_again
from mien.faces.align import align, fit, whole_crop
from mien.faces.identify import face_of_crop, most_prominent
from mien.geometry.fit import fit_landmarks
from mien.geometry.morphable import LinearMorphable
from mien.geometry.pose import angles_from_rotation
from mien.image.io import read_image
from mien.metrics.identification import Ranks
from mien.metrics.score import Score
from mien.types import Crop, Detection, Image, ReadFace, Recovery
from mien.zoo.load import load_morphable, load_reader

YAWS = (-90.0, -75.0, -60.0, -45.0, -30.0, -15.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0)
PLAN = TurningPlan(yaws=YAWS, jitter=0.0, views_per_face=len(YAWS), most_yaw=25.0)
MOST_PEOPLE = 60
LEAST_CERTAINTY = 0.5


@dataclass(frozen=True)
class Sitter:
    """A person with two photos that look ahead, as crops."""

    name: str
    gallery: Crop
    turned: Crop
    landmarks: Float[Tensor, "68 2"]
    """Of the one that will be turned."""


@dataclass(frozen=True)
class Probe:
    """What one maker made of one view, and what can be said of it."""

    who: str
    person: int
    yaw: int
    vector: Float[Tensor, " features"]
    looks: float
    """Absolute yaw of the result, in degrees; not a number where it cannot be read."""
    likeness: float
    """Cosine to the gallery's picture of the person."""


def evaluate_turned(
    trial: Trial,
    name: str,
    read: ReadFace | None = None,
    model: LinearMorphable | None = None,
) -> Findings:
    """A step is one photo."""
    trial, unsuited = trial.suited()
    identify = trial.judges.identify
    if identify is None:
        raise EvaluationError("recognition needs an embedder among the judges")
    read, model = read or load_reader("cpu"), model or load_morphable("cpu")
    sitters = find_sitters(trial, read, model)
    gallery = identify(torch.stack([face_of_crop(sitter.gallery).float() for sitter in sitters]))
    probes, strips = [], []
    for number, sitter in enumerate(sitters):
        views = views_of(sitter, model)
        made = {INPUT: as_recoveries(views)} | {
            who: [recover_again(crop, recoverer) for crop in crops_of(views)]
            for who, recoverer in trial.models.items()
        }
        for who, pairs in made.items():
            template = TEMPLATE if who == INPUT else trial.models[who].template
            faces = torch.stack([recovered_face(*pair, template).float() for pair in pairs])
            for vector, yaw, (crop, recovery) in zip(identify(faces), views.yaws, pairs, strict=True):
                looks = yaw_of(crop, recovery, template, read)
                likeness = float(vector @ gallery[number])
                probes.append(Probe(who, number, nearest_yaw(float(yaw)), vector, looks, likeness))
        if len(strips) < trial.num_strips:
            strips.append(strip_of(sitter.name, views, made))
    found = findings_of(trial, name, probes, gallery, len(sitters), tuple(strips))
    return replace(found, notes=unsuited)


def find_sitters(trial: Trial, read: ReadFace, model: LinearMorphable) -> list[Sitter]:
    """Everybody with two photos that look ahead; the folder of a photo is its person."""
    seen: dict[str, list[tuple[float, Crop, Tensor]]] = {}
    for path in sorted(trial.photos):
        trial.advance()
        crop = portrait(read_image(path), trial)
        if crop is None:
            continue
        reading = read(crop)
        if reading.certainty < LEAST_CERTAINTY:
            continue
        found = fit_landmarks(model, reading.landmarks[None])
        if bool(near_frontal(found, PLAN)):
            yaw = float(angles_from_rotation(found.rotation)[0, 0].abs())
            seen.setdefault(path.parent.name, []).append((yaw, crop, reading.landmarks))
    sitters = []
    for name, photos in seen.items():
        if len(photos) > 1:
            best, second = sorted(photos, key=lambda photo: photo[0])[:2]
            sitters.append(Sitter(name, best[1], second[1], second[2]))
    if len(sitters) < 2:
        raise EvaluationError(
            f"{len(seen)} people were found, of whom {len(sitters)} have two photos that look ahead; "
            "two such people are needed"
        )
    return sitters


def portrait(photo: Image, trial: Trial) -> Crop | None:
    """Whom a photo is of."""
    with torch.no_grad():
        found = trial.finder(photo)
    return align(photo, most_prominent(photo, found), TEMPLATE, trial.side) if found else None


def views_of(sitter: Sitter, model: LinearMorphable, plan: TurningPlan = PLAN) -> Views:
    """One face at every yaw, cut as it would be if it were met so."""
    pixels = (sitter.turned.pixels * 255).round().to(torch.uint8)[None]
    place = partial(fit_place, size=pixels.shape[-1])
    found = fit_landmarks(model, sitter.landmarks[None])
    return turn_faces(pixels, found, model, place, plan, torch.Generator().manual_seed(0))


def fit_place(detection: Detection, size: int) -> Float[Tensor, "2 3"]:
    return fit(detection, TEMPLATE, size)


def crops_of(views: Views) -> list[Crop]:
    size = views.pixels.shape[-1]
    return [whole_crop(pixels.float() / 255, size, TEMPLATE) for pixels in views.pixels]


def as_recoveries(views: Views) -> list[tuple[Crop, Recovery]]:
    """The views as if somebody had made them."""
    return [(crop, Recovery(crop.pixels, torch.ones_like(crop.pixels[:1]))) for crop in crops_of(views)]


def yaw_of(crop: Crop, recovery: Recovery, template: str, read: ReadFace) -> float:
    """Where a result looks."""
    size = recovery.pixels.shape[-1]
    points = crop.points if recovery.keeps_pose else whole_crop(recovery.pixels, size, template).points
    reading = read(replace(crop, pixels=recovery.pixels, points=points))
    if reading.certainty < LEAST_CERTAINTY:
        return torch.nan
    return float(angles_from_rotation(reading.rotation[None])[0, 0].abs())


def nearest_yaw(yaw: float) -> int:
    """Both sides together; a face that looks down does not quite reach the yaw that was asked for."""
    return min(range(15, 91, 15), key=lambda bin_yaw: abs(abs(yaw) - bin_yaw))


def strip_of(name: str, views: Views, made: Mapping[str, Sequence[tuple[Crop, Recovery]]]) -> Strip:
    """The view farthest to the side, and what was made of it."""
    row = int(views.yaws.abs().argmax())
    return Strip(name, tuple(made), tuple(jpeg_of(pairs[row][1].pixels) for pairs in made.values()))


def findings_of(
    trial: Trial,
    name: str,
    probes: list[Probe],
    gallery: Float[Tensor, "people features"],
    num_people: int,
    strips: tuple[Strip, ...],
) -> Findings:
    """Rows by yaw, and two curves over it."""
    backend, people = trial.judges.identify_name, torch.arange(num_people)
    rows = []
    for yaw in sorted({probe.yaw for probe in probes}):
        for who in (INPUT, *trial.models):
            own = [probe for probe in probes if (probe.who, probe.yaw) == (who, yaw)]
            rows.append(Row(f"yaw {yaw}", who, scores_of(own, gallery, people, backend)))
    return Findings(
        protocol="turned",
        title="Seen from the side",
        settings={
            **trial.settings,
            "people": f"{num_people} of {name} with two photos that look ahead",
            "views": "the second photo, turned by the 3D face, background along with the head",
        },
        rows=tuple(rows),
        charts=tuple(chart_of(measure, rows) for measure in CHARTS),
        strips=strips,
    )


def scores_of(
    own: list[Probe],
    gallery: Float[Tensor, "people features"],
    people: Int[Tensor, " people"],
    backend: str,
) -> tuple[Score, ...]:
    vectors = torch.stack([probe.vector for probe in own])
    ranks = Ranks.of(vectors, torch.tensor([probe.person for probe in own]), gallery, people)
    reference = f"gallery of {len(people)} people"
    likeness = sum(probe.likeness for probe in own) / len(own)
    scores = [
        Score("rank", ranks.rate(), len(own), reference, backend, note="rank-1"),
        Score("identity", likeness, len(own), "the gallery's photo of the person", backend),
    ]
    read = [probe.looks for probe in own if probe.looks == probe.looks]
    if read:
        note = "" if len(read) == len(own) else f"{len(own) - len(read)} of {len(own)} could not be read"
        scores.append(Score("yaw", sum(read) / len(read), len(read), "none", "reader", note=note))
    return tuple(scores)


CHARTS = {"rank": ("Rank-1 by yaw", "share of views"), "identity": ("Identity by yaw", "cosine")}


def chart_of(measure: str, rows: Sequence[Row]) -> Chart:
    points: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        score = row.score(measure)
        if score is not None:
            points.setdefault(row.who, []).append((float(row.condition.removeprefix("yaw ")), score.value))
    lines = tuple(Line(who, tuple(placed)) for who, placed in points.items())
    title, unit = CHARTS[measure]
    return Chart(title, "absolute yaw, degrees", unit, lines)


def evaluate_folder(trial: Trial, name: str) -> Findings:
    """With the reader and the 3D face of the package."""
    return evaluate_turned(trial, name)


def plan_turned(bench: Bench) -> list[Part]:
    """On every set of people, as many of them as a report has time for."""
    parts = []
    for photo_set in bench.of_role("people"):
        photos, words = bench.some_people(photo_set, MOST_PEOPLE)
        run = partial(evaluate_folder, name=photo_set.name)
        parts.append(Part(f"turned, {photo_set.name}", photos, len(photos), run, whole_set=words))
    return parts
