"""What the API says, as its description shows it."""

import base64
from dataclasses import dataclass

from mien.describe import (
    Json,
    describe_detection,
    describe_face,
    describe_reading,
    describe_size,
    evidence_in_words,
    mark_of,
    notes_on,
)
from mien.image.evidence import overlay
from mien.image.io import Photo, encode_photo
from mien.image.mark import Mark, marked
from mien.types import Detection, Face, Image, Reading
from mien.web.studio import Recovered, mark_on


@dataclass(frozen=True)
class Problem:
    """What went wrong."""

    error: str
    """One sentence."""


@dataclass(frozen=True)
class Health:
    """How the server is."""

    status: str
    version: str
    models: list[str]
    working: int
    """Requests that are worked on or wait."""
    places: int
    """That may wait while one is worked on."""


@dataclass(frozen=True)
class ToldReading:
    """A face in space."""

    yaw: float
    pitch: float
    roll: float
    occluded: float
    certainty: float
    landmarks: list[list[float]]


@dataclass(frozen=True)
class ToldFace:
    """A face that was found."""

    box: list[float]
    score: float
    roll: float
    points: list[list[float]]
    reading: ToldReading


@dataclass(frozen=True)
class Faces:
    """What `/api/faces` answers."""

    size: list[int]
    faces: list[ToldFace]


@dataclass(frozen=True)
class Likeness:
    """Of two faces."""

    cosine: float
    probability: float


@dataclass(frozen=True)
class ToldGuidance:
    """Which reference helped."""

    reference: int
    likeness: Likeness
    lent: float


@dataclass(frozen=True)
class FacePictures:
    """PNG files in base64."""

    before: str
    after: str
    evidence: str


@dataclass(frozen=True)
class ToldRecovery:
    """A face that was recovered."""

    box: list[float]
    score: float
    roll: float
    points: list[list[float]]
    model: str
    evidence: float
    pasted: bool
    identity: Likeness
    sentence: str
    guidance: ToldGuidance | None = None
    pictures: FacePictures | None = None


@dataclass(frozen=True)
class Report:
    """What `/api/recover` answers where JSON is asked for."""

    size: list[int]
    output_size: list[int]
    model: str
    seconds: dict[str, float]
    faces: list[ToldRecovery]
    notes: list[str]
    photo: str | None = None
    """A PNG file in base64."""


def tell_faces(photo: Photo, detections: list[Detection], readings: list[Reading]) -> Json:
    """As `Faces` says."""
    return {
        "size": describe_size(photo.image),
        "faces": [
            {**describe_detection(detection), "reading": describe_reading(reading)}
            for detection, reading in zip(detections, readings, strict=True)
        ],
    }


def tell_recovered(done: Recovered, with_pictures: bool = False) -> Json:
    """As `Report` says."""
    told: Json = {
        "size": describe_size(done.before.image),
        "output_size": describe_size(done.result.photo),
        "model": done.wish.model,
        "seconds": {stage: round(seconds, 4) for stage, seconds in done.result.seconds.items()},
        "faces": [tell_face(face, done.wish.model, with_pictures) for face in done.result.faces],
        "notes": [*done.notes, *notes_on(done.result.faces)],
    }
    if with_pictures:
        told["photo"] = in_base64(done.result.photo, mark_on(done))
    return told


def tell_face(face: Face, model: str, with_pictures: bool) -> Json:
    """As `ToldRecovery` says."""
    told = {**describe_face(face, model), "sentence": evidence_in_words(face)}
    if with_pictures:
        mark = mark_of([face], model)
        told["pictures"] = {
            "before": in_base64(face.crop.pixels),
            "after": in_base64(face.recovery.pixels, mark),
            "evidence": in_base64(overlay(face.recovery), mark),
        }
    return told


def in_base64(image: Image, mark: Mark | None = None) -> str:
    """A PNG file as text."""
    return base64.b64encode(marked(encode_photo(Photo(image), "PNG"), mark)).decode("ascii")
