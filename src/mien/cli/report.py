"""What a command says of photos and faces in JSON: lengths in pixels, angles in degrees."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mien.geometry.pose import angles_from_rotation
from mien.image.blend import ellipse_mask
from mien.metrics.niqe import faces_model, niqe
from mien.metrics.sharpness import laplacian_variance
from mien.types import Detection, Face, Image, Mask, Reading
from mien.zoo.cards import LIKENESS

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


def describe_face(face: Face, model: str) -> Json:
    """What became of a face; evidence is the share of the recovery that was seen in the photo."""
    told: Json = {
        **describe_detection(face.detection),
        "model": model,
        "evidence": round(evidence_share(face), 4),
        "pasted": face.pasted,
        "quality": describe_quality(face),
    }
    if face.recovery.guidance is not None:
        told["guidance"] = {
            "reference": face.recovery.guidance.reference + 1,
            "likeness": describe_likeness(face.recovery.guidance.likeness),
            "lent": round(share_of_face(face.recovery.guidance.lent), 4),
        }
    if face.identity is not None:
        told["identity"] = describe_likeness(face.identity)
    return told


def describe_likeness(cosine: float) -> Json:
    """Of two faces: the cosine, and the calibrated chance that they are one person's."""
    return {"cosine": round(cosine, 4), "probability": chance_of(cosine)}


def chance_of(cosine: float) -> float:
    """That two faces are one person's: four digits that never say certain."""
    return min(max(round(LIKENESS(cosine), 4), 0.0001), 0.9999)


def describe_quality(face: Face) -> Json:
    """Of the crop before and after: NIQE by our model (lower is more natural), variance of the Laplacian."""
    both = torch.stack((face.crop.pixels, face.recovery.pixels)).float()
    told = {"sharpness": before_and_after(laplacian_variance(both), 1)}
    natural = faces_model()
    if both.shape[-1] >= 2 * natural.block_size:
        told["niqe"] = before_and_after(niqe(both, natural), 3)
    return {**told}


def before_and_after(values: Float[Tensor, "2"], num_digits: int) -> Json:
    """None for what cannot be measured, as JSON has no number for it."""
    before, after = (round(value, num_digits) if math.isfinite(value) else None for value in values.tolist())
    return {"before": before, "after": after}


def evidence_share(face: Face) -> float:
    """Mean evidence over the part of the crop that is the face."""
    return share_of_face(face.recovery.evidence)


def share_of_face(map_of_crop: Mask) -> float:
    """Its mean over the part of the crop that is the face."""
    mask = ellipse_mask(map_of_crop.shape[-1])
    return float((mask * map_of_crop).sum() / mask.sum())
