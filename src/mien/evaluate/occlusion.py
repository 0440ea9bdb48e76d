"""Faces with something put in front of them, whose answer and whose mask are known (CFR-GAN, section 4.2).

Beside the models stand the face that was read and drawn, and the mask filled in smoothly from its rim: both
are told the true mask, which the models have to find.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from mien.data.photos import square
from mien.degrade.exact import picture_seed
from mien.degrade.occlude import Occluded
from mien.evaluate.compare import METHOD, differences
from mien.evaluate.covers import COVERS
from mien.evaluate.findings import Findings, Strip
from mien.evaluate.judges import alike, as_lists
from mien.evaluate.reference import REFERENCE, jpeg_of
from mien.evaluate.sheets import EvaluationError, Sheet, sheet_of
from mien.evaluate.trial import INPUT, Bench, Part, Trial
from mien.faces.align import whole_crop
from mien.geometry.estimate import Estimate, estimate_of
from mien.geometry.morphable import LinearMorphable
from mien.geometry.relight import relit
from mien.geometry.texture import spread
from mien.image.io import read_image
from mien.pipeline import recover_aligned
from mien.types import Image, Mask, ReadFace, Recovery
from mien.zoo.load import load_morphable, load_reader

ESTIMATE, SMOOTH = "estimate, true mask", "smooth, true mask"
MOST = 40
LEAST_CERTAINTY = 0.5
SMALLEST_ERROR = 1e-6
"""Mean squared error that counts as none: 60 dB."""
Values = dict[str, float]


@dataclass(frozen=True)
class Covered:
    """A face with something in front of it."""

    name: str
    truth: Image
    picture: Image
    mask: Mask
    face: Mask
    """Where the surface is that was read from the truth: only there can a cover be taken off."""
    estimate: Image
    """The face as it was read from the covered picture and drawn into it."""

    @property
    def hidden(self) -> Mask:
        return (self.mask > 0.5).float() * (self.face > 0.5)

    @property
    def free(self) -> Mask:
        return (self.mask < 0.01).float()


@dataclass(frozen=True)
class Made:
    """A picture, and the mask that its maker found, if that is what it does."""

    pixels: Image
    found: Mask | None = None


@dataclass(frozen=True)
class Album:
    """What every maker got, by condition."""

    entries: dict[str, dict[str, dict[str, Values]]] = field(default_factory=dict)
    strips: list[tuple[float, Strip]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def evaluate_occlusion(
    trial: Trial, read: ReadFace | None = None, model: LinearMorphable | None = None
) -> Findings:
    """A step is one photo; every cover is put on every face."""
    trial, unsuited = trial.suited(same_pose=True)
    read, model = read or load_reader("cpu"), model or load_morphable("cpu")
    album = Album({name: {who: {} for who in makers(trial)} for name in COVERS})
    for number, path in enumerate(trial.photos):
        truth = square(read_image(path), trial.side)
        landmarks = landmarks_of(truth, read)
        if landmarks is None:
            album.unread.append(path.name)
        else:
            for condition in COVERS:
                seed = picture_seed(trial.seed, f"{condition} {path.name}")
                covered = cover(f"{number}/{path.name}", truth, landmarks, condition, seed, read, model)
                judge(album, trial, condition, covered)
        trial.advance()
    if len(album.unread) == len(trial.photos):
        raise EvaluationError(f"none of {len(trial.photos)} faces can be read in 3D")
    return findings_of(trial, album, unsuited)


def makers(trial: Trial) -> tuple[str, ...]:
    return (INPUT, ESTIMATE, SMOOTH, *trial.models)


def landmarks_of(truth: Image, read: ReadFace) -> Float[Tensor, "68 2"] | None:
    """Where the cover goes."""
    reading = read(whole_crop(truth, truth.shape[-1]))
    return reading.landmarks if reading.certainty >= LEAST_CERTAINTY else None


def cover(
    name: str,
    truth: Image,
    landmarks: Float[Tensor, "68 2"],
    condition: str,
    seed: int,
    read: ReadFace,
    model: LinearMorphable,
) -> Covered:
    """Put on, and rounded to 8 bits as a file would hold it."""
    generator = torch.Generator().manual_seed(seed)
    laid: Occluded = COVERS[condition](truth[None], landmarks[None], generator)
    picture = (laid.images[0] * 255).round() / 255
    size = truth.shape[-1]
    crop = whole_crop(picture, size)
    with torch.no_grad():
        estimate = relit(estimate_of(model, [read(crop)]), picture[None])
        drawn, face = estimate.draw(estimate.face.rotation, size, size)
        true_face = face_of(estimate_of(model, [read(whole_crop(truth, size))]), size)
    return Covered(name, truth, picture, laid.mask[0], true_face, torch.lerp(picture, drawn[0], face[0]))


def face_of(estimate: Estimate, size: int) -> Mask:
    return estimate.draw(estimate.face.rotation, size, size)[1][0]


def judge(album: Album, trial: Trial, condition: str, covered: Covered) -> None:
    """Everybody on one covered face."""
    made = make_all(trial, covered)
    likeness = likeness_of(trial, made, covered.truth)
    entries = album.entries[condition]
    for who, one in made.items():
        entries[who][covered.name] = {**values_of(one, covered), **likeness.get(who, {})}
    if trial.num_strips:
        last = entries[list(made)[-1]][covered.name]
        labels = tuple(f"{who} {entries[who][covered.name]['psnr_inside']:.1f} dB" for who in made)
        pictures = [*(one.pixels for one in made.values()), covered.truth]
        jpegs = tuple(jpeg_of(picture) for picture in pictures)
        strip = Strip(f"{condition}: {covered.name}", (*labels, "truth"), jpegs)
        album.strips.append((last["psnr_inside"], strip))


def make_all(trial: Trial, covered: Covered) -> dict[str, Made]:
    """By those who are told the mask, and by the models."""
    mask = covered.hidden
    smooth = spread(covered.picture[None], 1 - mask[None])[0].clamp(0, 1)
    made = {
        INPUT: Made(covered.picture),
        ESTIMATE: Made(torch.lerp(covered.picture, covered.estimate, mask), mask),
        SMOOTH: Made(smooth, mask),
    }
    for who, model in trial.models.items():
        with torch.no_grad():
            result = recover_aligned(covered.picture, model)
        made[who] = Made(result.photo, found_by(result.faces[0].recovery, covered.mask.shape[-1]))
    return made


def found_by(recovery: Recovery, size: int) -> Mask | None:
    """What a model took for covered; None of models that do not look for that."""
    if recovery.mirrored is None:
        return None
    guessed = 1 - recovery.evidence - recovery.mirrored
    resized = torch.nn.functional.interpolate(guessed[None], (size, size), mode="bilinear")
    return (resized[0] > 0.5).float()


def values_of(made: Made, covered: Covered) -> Values:
    """Decibels inside the mask and outside, what the outside costs, and how well the mask was found."""
    squared = (made.pixels.double() - covered.truth.double()).square().mean(dim=0, keepdim=True)
    inside, outside = (mean_under(squared, mask) for mask in (covered.hidden, covered.free))
    total_inside, total_outside = (squared * covered.hidden).sum(), (squared * covered.free).sum()
    lost = 10 * math.log10(1 + float(total_outside / total_inside.clamp(min=SMALLEST_ERROR)))
    return {
        "psnr_inside": decibels(inside),
        "psnr_outside": decibels(outside),
        "outside_loss": lost,
        "iou": overlap(made.found, covered.hidden, covered.face),
    }


def mean_under(values: Float[Tensor, "1 rows columns"], mask: Mask) -> float:
    """Not a number where the mask is empty."""
    area = float(mask.sum())
    return float((values * mask).sum()) / area if area else math.nan


def decibels(error: float) -> float:
    return -10 * math.log10(max(error, SMALLEST_ERROR)) if error == error else math.nan


def overlap(found: Mask | None, truth: Mask, face: Mask) -> float:
    """Of masks on the face, intersection over union."""
    if found is None:
        return math.nan
    found = found * (face > 0.5)
    either = float(torch.maximum(found, truth).sum())
    return float((found * truth).sum()) / either if either else math.nan


def likeness_of(trial: Trial, made: Mapping[str, Made], truth: Image) -> dict[str, Values]:
    """Who is seen beside who is seen in the truth."""
    if trial.judges.identify is None:
        return {}
    with torch.no_grad():
        vectors = trial.judges.vectors([*(one.pixels for one in made.values()), truth])
    values = as_lists(alike(vectors[:-1], vectors[-1:].expand(len(made), -1)))
    return {who: {"identity": values["identity"][row]} for row, who in enumerate(made)}


def findings_of(trial: Trial, album: Album, unsuited: tuple[str, ...]) -> Findings:
    """Rows, paired differences and worst cases."""
    sheets: tuple[Sheet, ...] = tuple(
        sheet_of(condition, who, found)
        for condition, by_maker in album.entries.items()
        for who, found in by_maker.items()
    )
    album.strips.sort(key=lambda pair: pair[0])
    num_unread = len(album.unread)
    unread = (
        f"{num_unread} of {len(trial.photos)} photos left out, not read in 3D: {', '.join(album.unread[:3])}"
    )
    return Findings(
        protocol="occlusion",
        title="Something in front of the face",
        settings={
            **trial.settings,
            "size": f"{trial.side} px",
            "covers": ", ".join(COVERS),
            "inside": "hidden part of the face; outside: whatever nothing was laid on, at most 60 dB",
            "differences": METHOD,
        },
        rows=tuple(sheet.row(REFERENCE, trial.judges.backends) for sheet in sheets),
        differences=differences(sheets, trial.seed),
        strips=tuple(strip for _, strip in album.strips[: trial.num_strips]),
        notes=(*unsuited, *((unread,) if num_unread else ())),
        sheets=sheets,
    )


def plan_occlusion(bench: Bench) -> list[Part]:
    """On every set of aligned pictures."""
    parts = []
    for photo_set in bench.of_role("aligned"):
        photos, words = bench.some(photo_set, MOST)
        name = f"occlusion, {photo_set.name}"
        parts.append(Part(name, photos, len(photos), evaluate_occlusion, whole_set=words))
    return parts
