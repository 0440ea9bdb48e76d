"""Who is seen on pictures of people: as they are, damaged, and recovered by every model."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mien.evaluate.findings import Strip
from mien.evaluate.judges import Picture, recovered_face
from mien.evaluate.reference import Spoil, jpeg_of
from mien.evaluate.sheets import EvaluationError
from mien.evaluate.trial import INPUT, Trial
from mien.evaluate.wild import TEMPLATE, recover_again
from mien.faces.align import align, detection_of
from mien.faces.detect import shared_part
from mien.faces.identify import Identify, cut_face, face_of_crop, most_prominent
from mien.image.io import read_image
from mien.types import Box, Detection, FindFaces, FivePoints, Image

CLEAN = "undamaged"
"""A version of a picture; `input` is the damaged one, and every model has one of each."""
SMALLEST_SHARE = 0.3
"""Of a given box, or of the found one, that both must share to be the same face."""


@dataclass(frozen=True)
class Portrait:
    """A picture of one person."""

    name: str
    """Its damage depends on it, so it does not change with where the pictures lie."""
    source: Path | bytes
    points: FivePoints | None = None
    """In pixels, where a protocol gives them; else the detector finds the face."""
    box: Box | None = None
    """Of the face that is meant, where a protocol gives one."""

    def read(self) -> Image:
        return read_image(self.source if isinstance(self.source, Path) else io.BytesIO(self.source))


@dataclass(frozen=True)
class Seen:
    """What the embedder saw."""

    vectors: Mapping[str, Float[Tensor, "portraits features"]]
    """By version; rows of zeros where no face was found."""
    found: Bool[Tensor, " portraits"]
    strips: tuple[Strip, ...]
    """Those first whose person changed most in the hands of the last model."""

    def note(self, what: str = "pictures") -> tuple[str, ...]:
        num_lost = int((~self.found).sum())
        said = f"no face was found on {num_lost} of {len(self.found)} {what}, which are left out"
        return (said,) if num_lost else ()


def recovered(version: str) -> str:
    """The version of a model that was given the undamaged picture."""
    return f"{version}, {CLEAN}"


def see(portraits: Sequence[Portrait], trial: Trial, spoil: Spoil) -> Seen:
    """Every portrait in every version; the points that align it come from the undamaged picture."""
    identify = trial.judges.identify
    if identify is None:
        raise EvaluationError("recognition needs an embedder among the judges")
    rows: dict[int, Mapping[str, Tensor]] = {}
    shown: list[tuple[float, int, Strip]] = []
    for number, portrait in enumerate(portraits):
        trial.advance()
        photo = portrait.read()
        detection = locate(photo, portrait, trial.finder)
        if detection is None:
            continue
        faces, pictures = versions(photo, detection, portrait.name, trial, spoil)
        rows[number] = vectors_of(faces, identify)
        if trial.num_strips:
            alike = {who: float(rows[number][who] @ rows[number][CLEAN]) for who in pictures}
            strip = (alike[list(pictures)[-1]], number, strip_of(portrait.name, pictures, alike))
            shown = nsmallest(trial.num_strips, [*shown, strip])
    if not rows:
        raise EvaluationError(f"no face was found on any of {len(portraits)} pictures")
    blank = {who: torch.zeros_like(vector) for who, vector in next(iter(rows.values())).items()}
    every = [rows.get(number, blank) for number in range(len(portraits))]
    return Seen(
        vectors={who: torch.stack([row[who] for row in every]) for who in blank},
        found=torch.tensor([number in rows for number in range(len(portraits))]),
        strips=tuple(strip for _, _, strip in shown),
    )


def locate(photo: Image, portrait: Portrait, find: FindFaces) -> Detection | None:
    """The face that is meant: by points, by a box, or the most prominent one."""
    if portrait.points is not None:
        return detection_of(portrait.points)
    with torch.no_grad():
        detections = find(photo)
    if portrait.box is None:
        return most_prominent(photo, detections) if detections else None
    meant = Detection(portrait.box, torch.zeros(5, 2), 1.0)
    shares = [shared_part(meant, detection) for detection in detections]
    best = max(range(len(shares)), key=lambda index: shares[index], default=None)
    return None if best is None or shares[best] < SMALLEST_SHARE else detections[best]


def versions(
    photo: Image, detection: Detection, name: str, trial: Trial, spoil: Spoil
) -> tuple[dict[str, Picture], dict[str, Picture]]:
    """What a recogniser sees of each version; and the crops to look at."""
    crop = align(photo, detection, TEMPLATE, trial.side)
    damaged = replace(crop, pixels=spoil(crop.pixels, name))
    faces: dict[str, Picture] = {
        CLEAN: cut_face(photo, detection).float(),
        INPUT: face_of_crop(damaged).float(),
    }
    pictures: dict[str, Picture] = {CLEAN: crop.pixels, INPUT: damaged.pixels}
    for who, model in trial.models.items():
        for version, given in ((recovered(who), crop), (who, damaged)):
            taken, recovery = recover_again(given, model)
            faces[version] = recovered_face(taken, recovery, model.template).float()
        pictures[who] = recovery.pixels
    return faces, pictures


def vectors_of(faces: Mapping[str, Picture], identify: Identify) -> dict[str, Float[Tensor, " features"]]:
    with torch.no_grad():
        return dict(zip(faces, identify(torch.stack(list(faces.values()))), strict=True))


def strip_of(name: str, pictures: Mapping[str, Picture], alike: Mapping[str, float]) -> Strip:
    labels = tuple(who if who == CLEAN else f"{who} · id {alike[who]:.2f}" for who in pictures)
    return Strip(name, labels, tuple(jpeg_of(picture) for picture in pictures.values()))
