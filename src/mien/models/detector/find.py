"""What may be a face in a photo: the network on two sizes of it, its answers merged."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from mien.layers.packed import made_ready
from mien.models.detector.network import Cells, DetectorNetwork
from mien.types import Detection, Image

UNIT = 64
"""Sides of what the network takes are multiples of it."""


@dataclass(frozen=True)
class DetectorSettings:
    """How a photo is looked at, and what counts as a face."""

    threshold: float = 0.15
    """Low, since each answer is looked at again."""
    long_side: int = 1024
    """Larger photos are shrunk to it, which leaves faces of an eightieth of the photo visible."""
    short_view: int = 112
    """Smaller photos are enlarged to it, at most four times."""
    second_view: float = 0.36
    """The photo is seen again this much smaller, with a border: faces that fill it, and those under noise."""
    largest_second_view: int = 256
    border: int = 32
    same_face: float = 0.4
    """Overlap (shared over joint area) from which two answers are one face."""
    inside: float = 0.75
    """Share of the weaker answer's box that lies in a stronger one, from which it is a part of that face."""
    max_candidates: int = 1500


@dataclass(frozen=True)
class View:
    """A photo as the network sees it: resized, then put at an offset on a gray canvas."""

    scale: float
    height: int
    width: int
    offset: int

    @property
    def canvas(self) -> tuple[int, int]:
        height, width = (
            (side + 2 * self.offset + UNIT - 1) // UNIT * UNIT for side in (self.height, self.width)
        )
        return height, width


@dataclass(frozen=True)
class Candidates:
    """Answers of the network that may be faces, in pixels of the photo.

    Merging takes many steps on few numbers, which numpy does in a third of torch's time.
    """

    scores: Float[np.ndarray, " faces"]
    boxes: Float[np.ndarray, "faces 4"]
    points: Float[np.ndarray, "faces 5 2"]


class Detector:
    """Finds faces of 12 pixels to the whole photo, at any in-plane angle."""

    def __init__(
        self, network: DetectorNetwork, device: torch.device, settings: DetectorSettings | None = None
    ) -> None:
        self.settings = settings or DetectorSettings()
        self.device = device
        # bfloat16 is what makes it quick; the answers are turned into pixels in float32
        self.network = made_ready(network, device, torch.bfloat16)

    @torch.inference_mode()
    def __call__(self, photo: Image) -> list[Detection]:
        """The faces of a photo, the surest first."""
        found = []
        for view in plan_views(photo, self.settings):
            canvas = paint(photo.to(self.device), view)[None]
            cells = self.network(canvas.contiguous(memory_format=torch.channels_last))
            found.append(read(cells, view, self.settings))
        return merge(found, photo, self.settings)


def plan_views(photo: Image, settings: DetectorSettings) -> list[View]:
    """The two sizes a photo is seen in; none for one too small to hold a face."""
    height, width = photo.shape[1:]
    long_side = max(height, width)
    if long_side < 6:
        return []
    # between the two sides a photo is seen as it is
    first = max(min(1.0, settings.long_side / long_side), min(4.0, settings.short_view / long_side))
    second = min(first * settings.second_view, settings.largest_second_view / long_side)
    views = []
    for scale, offset in ((first, 0), (second, settings.border)):
        size = [max(1, round(side * scale)) for side in (height, width)]
        views.append(View(scale, size[0], size[1], offset))
    return views


def paint(photo: Image, view: View) -> Float[Tensor, "3 canvas_height canvas_width"]:
    """The canvas of a view, in bfloat16; its gray is what the network's own padding looks like."""
    size = (view.height, view.width)
    if size != photo.shape[1:]:
        photo = F.interpolate(
            photo[None], size, mode="bilinear", antialias=view.scale < 1, align_corners=False
        )[0]
    height, width = view.canvas
    after = (width - view.width - view.offset, height - view.height - view.offset)
    return F.pad(photo.bfloat16(), (view.offset, after[0], view.offset, after[1]), value=0.5)


def read(cells: Cells, view: View, settings: DetectorSettings) -> Candidates:
    """What one view's answers say of its photo."""
    scores = cells.scores[0].sigmoid()
    sure = (scores > settings.threshold).nonzero()[:, 0]
    if len(sure) > settings.max_candidates:
        sure = sure[scores[sure].topk(settings.max_candidates).indices]
    # half a pixel, as coordinates count from the centres of pixels
    boxes = (cells.boxes[0, sure] - view.offset + 0.5) / view.scale - 0.5
    points = (cells.points[0, sure] - view.offset + 0.5) / view.scale - 0.5
    return Candidates(*(part.cpu().numpy() for part in (scores[sure], boxes, points)))


def merge(parts: list[Candidates], photo: Image, settings: DetectorSettings) -> list[Detection]:
    """One detection for each face, the mean of the answers that agree on it."""
    if not parts:
        return []
    scores = np.concatenate([part.scores for part in parts])
    boxes = np.concatenate([part.boxes for part in parts])
    points = np.concatenate([part.points for part in parts])
    order = np.argsort(-scores, kind="stable")
    scores, boxes, points = scores[order], boxes[order], points[order]
    height, width = photo.shape[1:]
    limit = np.array([width, height, width, height], np.float32) - 0.5
    faces = []
    while len(scores):
        same, part = belonging(boxes, settings)
        weights = scores[same] / scores[same].sum()
        faces.append(
            Detection(
                box=torch.from_numpy((weights @ boxes[same]).clip(-0.5, limit)),
                points=torch.from_numpy(np.tensordot(weights, points[same], 1)),
                score=float(scores[0]),
            )
        )
        left = ~(same | part)
        scores, boxes, points = scores[left], boxes[left], points[left]
    return faces


def belonging(
    boxes: Float[np.ndarray, "faces 4"], settings: DetectorSettings
) -> tuple[Bool[np.ndarray, " faces"], Bool[np.ndarray, " faces"]]:
    """Which answers mean the same face as the first one, and which are a part or a mere neighbour of it."""
    low, high = np.maximum(boxes[0, :2], boxes[:, :2]), np.minimum(boxes[0, 2:], boxes[:, 2:])
    shared = (high - low).clip(0).prod(-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1).clip(1e-6)
    overlap = shared / (area + area[0] - shared)
    same = overlap > 0.5 + settings.same_face / 2
    same[0] = True
    return same, (overlap > settings.same_face) | (shared / area > settings.inside)
