"""What mien says of photos and faces, in JSON and in words: lengths in pixels, angles in degrees."""

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from itertools import count, islice
from pathlib import Path

from mien.geometry.pose import angles_from_rotation
from mien.image.evidence import share_of_face
from mien.image.mark import FaceMark, Mark
from mien.types import Detection, Face, Image, Mask, Reading, Recovery
from mien.zoo.cards import LIKENESS

Json = dict[str, object]
WEIGHTS = (".safetensors", ".pth", ".pt", ".ckpt", ".bin")
"""Endings of files of weights, which say nothing of a model."""


def describe_size(image: Image) -> list[int]:
    """Width and height."""
    height, width = image.shape[1:]
    return [width, height]


def describe_detection(detection: Detection) -> Json:
    """Where a face is; points are left eye, right eye, nose, left and right corner of the mouth."""
    return {
        "box": [round(number, 2) for number in detection.box.tolist()],
        "score": round(detection.score, 4),
        "roll": round(detection.roll, 2),
        "points": [[round(x, 2), round(y, 2)] for x, y in detection.points.tolist()],
    }


def describe_reading(reading: Reading) -> Json:
    """What is known of a face in space: angles, 68 landmarks, how much is hidden, and how sure that is."""
    yaw, pitch, roll = angles_from_rotation(reading.rotation).tolist()
    return {
        "yaw": round(yaw, 1),
        "pitch": round(pitch, 1),
        "roll": round(roll, 1),
        "occluded": round(reading.occluded, 3),
        "certainty": round(reading.certainty, 3),
        "landmarks": [[round(x, 1), round(y, 1)] for x, y in reading.landmarks.tolist()],
    }


def describe_face(face: Face, label: str) -> Json:
    """What became of a face; evidence is the share of the recovery that was seen in the photo.

    `label` is what people call the model.
    """
    told: Json = {
        **describe_detection(face.detection),
        "model": label,
        "evidence": round(evidence_share(face), 4),
        "pasted": face.pasted,
    }
    if face.recovery.guidance is not None:
        told["guidance"] = {
            "reference": face.recovery.guidance.reference + 1,
            "likeness": describe_likeness(face.recovery.guidance.likeness),
            "lent": round(share_of(face.recovery.guidance.lent, face), 4),
        }
    if face.identity is not None:
        told["identity"] = describe_likeness(face.identity)
    return told


def mark_of(faces: Iterable[Face], label: str, scale: int = 1) -> Mark | None:
    """What a picture with these faces says of itself, `scale` times the photo; None without faces. `label` is
    what people call the model."""
    marks = tuple(
        FaceMark(
            tuple(round(scale * number) for number in face.detection.box.tolist()),
            round(evidence_share(face), 4),
            None if face.identity is None else round(face.identity, 4),
        )
        for face in faces
    )
    return mark_by(label, len(marks), marks) if marks else None


def mark_of_views(views: Sequence[Recovery], label: str) -> Mark:
    """The same of a picture that is one face as a whole; all views of it together show so much of it."""
    height, width = views[0].pixels.shape[1:]
    seen = sum(share_of_face(view.evidence) for view in views) / len(views)
    return mark_by(label, 1, (FaceMark((0, 0, width - 1, height - 1), round(seen, 4)),))


def mark_by(label: str, num_faces: int, faces: tuple[FaceMark, ...] = ()) -> Mark:
    return Mark(version("mien"), label, num_faces, faces)


def label_of(model: str, num_parts: int = 1) -> str:
    """What people call a model: of a file's path the end alone, since where it lies is nobody's business."""
    kind, colon, file = model.partition(":")
    path = Path(file)
    path = path.with_suffix("") if path.suffix.lower() in WEIGHTS else path
    return f"{kind}:{'/'.join(path.relative_to(path.anchor).parts[-num_parts:])}" if colon else model


def labels_of(models: Sequence[str]) -> dict[str, str]:
    """Each model once, by what people call it: so much of its path as tells it from the others, and where
    only the ending does, a number."""
    once = list(dict.fromkeys(models))
    lengths = range(1, 1 + max((len(Path(model).parts) for model in once), default=0))
    labels: dict[str, str] = {}
    for model in once:
        ends = (
            label_of(model, length)
            for length in lengths
            if sum(label_of(other, length) == label_of(model, length) for other in once) == 1
        )
        labels.update((model, end) for end in islice(ends, 1))
    for model in once:
        if model not in labels:
            numbered = (f"{label_of(model)}-{number}" for number in count(1))
            labels[model] = next(label for label in numbered if label not in labels.values())
    return {labels[model]: model for model in once}


def describe_likeness(cosine: float) -> Json:
    """Of two faces: the cosine, and the calibrated chance that they are one person's."""
    return {"cosine": round(cosine, 4), "probability": chance_of(cosine)}


def chance_of(cosine: float) -> float:
    """That two faces are one person's: four digits that never say certain."""
    return min(max(round(LIKENESS(cosine), 4), 0.0001), 0.9999)


def percent(cosine: float) -> str:
    """The same in words."""
    return f"{100 * chance_of(cosine):.2f} %"


def evidence_share(face: Face) -> float:
    """Mean evidence over the part of the crop that is the face, or was pasted of it."""
    return share_of(face.recovery.evidence, face)


def share_of(map_of_crop: Mask, face: Face) -> float:
    """The same of another map."""
    return share_of_face(map_of_crop, face.area if face.pasted else None)


def seen_in_words(faces: Sequence[Face]) -> str:
    """Such as "41 % of it was seen"; of several the least and the most, and nothing of none."""
    if not faces:
        return ""
    shares = sorted(round(100 * evidence_share(face)) for face in faces)
    least, most = shares[0], shares[-1]
    told = f"{least} %" if least == most else f"{least} to {most} %"
    return f"{told} of {'it' if len(faces) == 1 else 'each'} was seen"


def evidence_in_words(face: Face) -> str:
    """Such as "41 % of this face was seen, identity 0.83"."""
    recovery = face.recovery
    shares = [f"{100 * evidence_share(face):.0f} % of this face was seen"]
    if recovery.mirrored is not None:
        shares.append(f"{100 * share_of(recovery.mirrored, face):.0f} % mirrored")
    if recovery.guidance is not None:
        shares.append(f"{100 * share_of(recovery.guidance.lent, face):.0f} % lent by a reference")
    if face.identity is not None:
        shares.append(f"identity {face.identity:.2f}")
    return ", ".join(shares)


def notes_on(faces: Sequence[Face]) -> tuple[str, ...]:
    """What a person should know: faces that stayed as they were, and those that may have become another's."""
    notes = []
    for face in faces:
        x, y = face.detection.box[:2].round().int().tolist()
        notes.extend(f"the face at {x}, {y}: {note}" for note in face.recovery.notes)
        if face.area is not None and not face.pasted:
            notes.append(f"the face at {x}, {y} stays as it was: where its skin is cannot be seen")
            continue
        if face.identity is None or not face.recovery.keeps_pose:
            continue
        likeness = f"identity {face.identity:.2f}, same person {percent(face.identity)}"
        if not face.pasted:
            notes.append(f"the face at {x}, {y} stays as it was: {likeness}")
        elif chance_of(face.identity) < 0.5:
            notes.append(f"the face at {x}, {y} may now look like somebody else: {likeness}")
    return tuple(notes)
