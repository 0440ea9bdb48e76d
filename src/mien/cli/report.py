"""What a command says of photos and faces in JSON: lengths in pixels, angles in degrees."""

from mien.image.blend import ellipse_mask
from mien.types import Detection, Face, Image

Json = dict[str, object]


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


def describe_face(face: Face, model: str) -> Json:
    """What became of a face; evidence is the share of the recovery that was seen in the photo."""
    return {
        **describe_detection(face.detection),
        "model": model,
        "evidence": round(evidence_share(face), 4),
        "pasted": face.pasted,
    }


def evidence_share(face: Face) -> float:
    """Mean evidence over the part of the crop that is the face."""
    mask = ellipse_mask(face.recovery.evidence.shape[-1])
    return float((mask * face.recovery.evidence).sum() / mask.sum())
