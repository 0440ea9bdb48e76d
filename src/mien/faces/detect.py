"""What every face detector needs: overlaps of boxes, one box per face.

A detector itself is anything that is a `FindFaces` of types.py.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mien.types import Detection


def box_areas(boxes: Float[Tensor, "*boxes 4"]) -> Float[Tensor, "*boxes"]:
    """A box whose sides have changed places has none."""
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp_min(0)
    return sides[..., 0] * sides[..., 1]


def box_iou(
    boxes: Float[Tensor, "boxes 4"], others: Float[Tensor, "others 4"]
) -> Float[Tensor, "boxes others"]:
    """What two boxes share over what they cover together, for every pair."""
    low = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = box_areas(torch.cat((low, high), dim=-1))
    together = box_areas(boxes)[:, None] + box_areas(others)[None] - shared
    return shared / together.clamp_min(torch.finfo(boxes.dtype).tiny)


def suppress_overlaps(
    boxes: Float[Tensor, "boxes 4"], scores: Float[Tensor, " boxes"], iou: float
) -> Int[Tensor, " kept"]:
    """Indices of the boxes to keep, the surest first: each drops the less sure that overlap it by more."""
    order = scores.argsort(descending=True, stable=True)
    overlapping = box_iou(boxes[order], boxes[order]) > iou
    alive = torch.ones_like(order, dtype=torch.bool)
    kept = []
    while bool(alive.any()):
        first = int(alive.int().argmax())
        kept.append(first)
        alive &= ~overlapping[first]
        alive[first] = False  # a box without area does not overlap even itself
    return order[torch.tensor(kept, dtype=torch.long, device=order.device)]


def largest(detections: list[Detection]) -> list[Detection]:
    """The face of the largest box alone; of equals, the first."""
    if not detections:
        return []
    areas = box_areas(torch.stack([detection.box for detection in detections]))
    return [detections[int(areas.argmax())]]
