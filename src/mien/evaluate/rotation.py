"""Faces turned to given yaws: are they there, and is it still the same person? (CFR-GAN, Tables 1 and 2.)"""

import math
from dataclasses import replace

import torch

from mien.data.photos import square
from mien.evaluate.compare import METHOD, differences
from mien.evaluate.findings import Chart, Findings, Line, Strip
from mien.evaluate.judges import alike, as_lists, recovered_face
from mien.evaluate.reference import jpeg_of
from mien.evaluate.sheets import EvaluationError, Sheet, sheet_of
from mien.evaluate.trial import INPUT, Bench, Part, Trial
from mien.faces.align import whole_crop
from mien.geometry.pose import angles_from_rotation
from mien.image.io import read_image
from mien.types import Crop, ReadFace, Recovery, Turnable
from mien.zoo.load import load_reader

YAWS = (-60.0, -30.0, 0.0, 30.0, 60.0)
MOST = 40
LEAST_CERTAINTY = 0.3
REFERENCE = "the photo as it is"
Entries = dict[str, dict[str, dict[str, dict[str, float]]]]
"""Condition, maker, picture, measure."""


def evaluate_rotation(trial: Trial, read: ReadFace | None = None) -> Findings:
    """A step is one photo. Who cannot turn heads is passed over, and said so."""
    trial, unsuited = trial.suited(turns=True)
    turning = {who: model for who, model in trial.models.items() if isinstance(model, Turnable)}
    read = read or load_reader("cpu")
    entries: Entries = {condition_of(yaw): {who: {} for who in turning} for yaw in YAWS}
    strips: list[Strip] = []
    left: list[str] = []
    for number, path in enumerate(trial.photos):
        truth = square(read_image(path), trial.side)
        crops = {who: whole_crop(truth, model.crop_size, model.template) for who, model in turning.items()}
        made = {who: turn_all(model, crops[who]) for who, model in turning.items()}
        if any(recoveries is None for recoveries in made.values()):
            left.append(path.name)
            trial.advance()
            continue
        for who, recoveries in made.items():
            values = judge(trial, crops[who], recoveries or [], turning[who].template, read)
            for yaw, found in zip(YAWS, values, strict=True):
                entries[condition_of(yaw)][who][f"{number}/{path.name}"] = found
            if len(strips) < trial.num_strips:
                labels = (INPUT, *(condition_of(yaw) for yaw in YAWS))
                pictures = (crops[who].pixels, *(one.pixels for one in recoveries or []))
                strips.append(Strip(f"{who}: {path.name}", labels, tuple(map(jpeg_of, pictures))))
        trial.advance()
    if not any(entries[condition_of(0.0)].values()):
        raise EvaluationError(f"none of {len(trial.photos)} faces can be read in 3D")
    return findings_of(trial, entries, strips, left, unsuited)


def condition_of(yaw: float) -> str:
    return f"yaw {yaw:+.0f}" if yaw else "yaw 0"


def turn_all(model: Turnable, crop: Crop) -> list[Recovery] | None:
    """To every yaw; None where the face is left as it is."""
    with torch.no_grad():
        made = [model.to(yaw)([crop])[0] for yaw in YAWS]
    return None if any(one.mirrored is None for one in made) else made


def judge(
    trial: Trial, crop: Crop, recoveries: list[Recovery], template: str, read: ReadFace
) -> list[dict[str, float]]:
    """By how much each misses its yaw, who it shows, and how much of it was seen."""
    values = []
    for yaw, recovery in zip(YAWS, recoveries, strict=True):
        error = abs(yaw_of(recovery, template, read) - yaw)
        values.append({"angle": error, "seen": float(recovery.evidence.mean())})
    if trial.judges.identify is not None:
        faces = [recovered_face(crop, recovery, template).float() for recovery in recoveries]
        before = recovered_face(crop, Recovery(crop.pixels, torch.ones_like(crop.pixels[:1])), template)
        vectors = trial.judges.identify(torch.stack([*faces, before.float()]))
        cosines = as_lists(alike(vectors[:-1], vectors[-1:].expand(len(faces), -1)))["identity"]
        for found, cosine in zip(values, cosines, strict=True):
            found["identity"] = cosine
    return values


def yaw_of(recovery: Recovery, template: str, read: ReadFace) -> float:
    """Where a result looks; not a number where it cannot be read."""
    crop = whole_crop(recovery.pixels, recovery.pixels.shape[-1], template)
    reading = read(replace(crop, pixels=recovery.pixels))
    if reading.certainty < LEAST_CERTAINTY:
        return math.nan
    return float(angles_from_rotation(reading.rotation)[0])


def findings_of(
    trial: Trial, entries: Entries, strips: list[Strip], left: list[str], unsuited: tuple[str, ...]
) -> Findings:
    """Rows, and identity over yaw."""
    sheets: tuple[Sheet, ...] = tuple(
        sheet_of(condition, who, found)
        for condition, by_maker in entries.items()
        for who, found in by_maker.items()
        if found
    )
    unread = (f"{len(left)} faces left out, not read in 3D: {', '.join(left[:3])}",) if left else ()
    return Findings(
        protocol="rotation",
        title="Turned to a yaw",
        settings={
            **trial.settings,
            "size": f"{trial.side} px",
            "angle": "difference between the yaw asked for and the one read from the result",
            "differences": METHOD,
        },
        rows=tuple(sheet.row(REFERENCE, trial.judges.backends) for sheet in sheets),
        differences=differences(sheets, trial.seed),
        charts=charts_of(sheets),
        strips=tuple(strips),
        notes=(*unsuited, *unread),
        sheets=sheets,
    )


def charts_of(sheets: tuple[Sheet, ...]) -> tuple[Chart, ...]:
    """Identity over yaw, where there is a judge of it."""
    by_condition = {condition_of(yaw): yaw for yaw in YAWS}
    points: dict[str, list[tuple[float, float]]] = {}
    for sheet in sheets:
        if "identity" in sheet.values:
            place = (by_condition[sheet.condition], sheet.mean("identity").value)
            points.setdefault(sheet.who, []).append(place)
    if not points:
        return ()
    lines = tuple(Line(who, tuple(sorted(found))) for who, found in points.items())
    return (Chart("Identity by yaw", "yaw, degrees", "cosine", lines),)


def plan_rotation(bench: Bench) -> list[Part]:
    """On every set of aligned pictures."""
    parts = []
    for photo_set in bench.of_role("aligned"):
        photos, words = bench.some(photo_set, MOST)
        name = f"rotation, {photo_set.name}"
        parts.append(Part(name, photos, len(photos), evaluate_rotation, whole_set=words))
    return parts
