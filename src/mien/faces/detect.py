"""What every face detector needs: one box per face, and the largest of them.

A detector itself is anything that is a `FindFaces` of types.py.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mien.types import Detection


def box_areas(boxes: Float[Tensor, "*boxes 4"]) -> Float[Tensor, "*boxes"]:
    """A box whose sides have changed places has none."""
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp_min(0)
    return sides[..., 0] * sides[..., 1]


def shared_part(face: Detection, other: Detection) -> float:
    """How much of the smaller box lies in the other one."""
    low, high = torch.maximum(face.box[:2], other.box[:2]), torch.minimum(face.box[2:], other.box[2:])
    smaller = torch.minimum(box_areas(face.box), box_areas(other.box))
    return float(box_areas(torch.cat((low, high))) / smaller.clamp_min(1e-6))


def distinct(faces: list[Detection], inside: float) -> list[Detection]:
    """Of faces, the surest first, those that lie in no surer one by more than the share `inside`."""
    kept: list[Detection] = []
    for face in faces:
        if all(shared_part(face, other) <= inside for other in kept):
            kept.append(face)
    return kept


def largest(detections: list[Detection]) -> list[Detection]:
    """The face of the largest box alone; of equals, the first."""
    if not detections:
        return []
    areas = box_areas(torch.stack([detection.box for detection in detections]))
    return [detections[int(areas.argmax())]]
