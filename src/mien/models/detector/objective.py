"""What the detector learns: which cells answer for a face, and how far off their answers are.

Cells are assigned as in YOLOX (simOTA): each face takes the few cells near its centre whose answers
already suit it best, as many as their boxes' overlaps add up to.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mien.models.detector.network import Cells
from mien.types import Images, Losses

FACE, IGNORE = 1, 2


@dataclass(frozen=True)
class Lesson:
    """Pictures and what is in them; unused room has kind 0."""

    pictures: Images
    boxes: Float[Tensor, "batch faces 4"]
    points: Float[Tensor, "batch faces 5 2"]
    kinds: Int[Tensor, "batch faces"]
    """1 a face, 2 a region of which nothing is asked."""


@dataclass(frozen=True)
class DetectorObjective:
    """Weights of the terms, and how cells are assigned."""

    box: float = 2.0
    points: float = 6.0
    radius: float = 2.0
    """Cells this near to a face's centre, in strides, may answer for it."""
    largest_ratio: float = 10.0
    smallest_ratio: float = 0.7
    """Sides of a face, in strides, that a grid may answer for."""
    overlap_weight: float = 3.0
    """Of the box beside the score in the cost of an assignment."""
    num_candidates: int = 8
    """Overlaps added up to say how many cells a face gets."""
    focus: float = 2.0
    """How much cells that are right already are left out of the score's loss."""

    def __call__(self, network: nn.Module, lesson: Lesson, generator: torch.Generator) -> Losses:
        cells = network(lesson.pictures)
        with torch.autocast(lesson.pictures.device.type, enabled=False):
            return self.judge(cells, lesson)

    def judge(self, cells: Cells, lesson: Lesson) -> Losses:
        with torch.no_grad():
            owner = self.assign(cells, lesson)  # (B, cells), -1 for none
        taken = owner >= 0
        rows = taken.nonzero()[:, 0]
        face = owner[taken]
        boxes, points = lesson.boxes[rows, face], lesson.points[rows, face]
        count = taken.sum().clamp(min=1)
        overlap = generalized_iou(cells.boxes[taken], boxes)
        side = (boxes[:, 2:] - boxes[:, :2]).prod(-1).clamp(min=1).sqrt()
        away = (cells.points[taken] - points).norm(dim=-1) / side[:, None]
        terms = {
            "score": self.score_loss(cells, lesson, taken, overlap.detach()) / count,
            "box": (1 - overlap).sum() / count,
            "points": away.sum() / (5 * count),
        }
        total = terms["score"] + self.box * terms["box"] + self.points * terms["points"]
        return Losses(total, {name: term.detach() for name, term in terms.items()})

    def score_loss(
        self,
        cells: Cells,
        lesson: Lesson,
        taken: Bool[Tensor, "batch cells"],
        overlap: Float[Tensor, " taken"],
    ) -> Float[Tensor, ""]:
        """Quality focal loss (Li et al. 2020, eq. 2); the quality stays above a half, as a face is a face."""
        target = torch.zeros_like(cells.scores)
        target[taken] = 0.5 + 0.5 * overlap.clamp(min=0)
        surprise = (cells.scores.sigmoid() - target).abs() ** self.focus
        loss = surprise * F.binary_cross_entropy_with_logits(cells.scores, target, reduction="none")
        return (loss * (taken | ~self.ignored(cells, lesson))).sum()

    def ignored(self, cells: Cells, lesson: Lesson) -> Bool[Tensor, "batch cells"]:
        """Cells whose centre, or most of whose answered box, lies in a region to ignore."""
        boxes = torch.where((lesson.kinds == IGNORE)[..., None], lesson.boxes, -1e6)  # (B, faces, 4)
        low = torch.maximum(cells.boxes[:, :, None, :2], boxes[:, None, :, :2])
        high = torch.minimum(cells.boxes[:, :, None, 2:], boxes[:, None, :, 2:])
        both = (high - low).clamp(min=0).prod(-1)  # (B, cells, faces)
        own = (cells.boxes[..., 2:] - cells.boxes[..., :2]).prod(-1).clamp(min=1e-6)
        inside = inside_boxes(cells.centres, boxes)
        return ((both > 0.5 * own[..., None]) | inside).any(-1)

    def assign(self, cells: Cells, lesson: Lesson) -> Int[Tensor, "batch cells"]:
        """For every cell the face it answers for, or -1."""
        real = (lesson.kinds == FACE)[:, None, :]  # (B, 1, faces)
        boxes = lesson.boxes
        middle, extent = (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
        ratio = extent.clamp(min=1).prod(-1).sqrt()[:, None] / cells.strides[:, None]
        away = (cells.centres[:, None] - middle[:, None]).abs().amax(-1) / cells.strides[:, None]
        fits = (ratio > self.smallest_ratio) & (ratio < self.largest_ratio)
        may = real & fits & (away < self.radius) & inside_boxes(cells.centres, boxes)
        overlap = pairwise_iou(cells.boxes, boxes)  # (B, cells, faces)
        doubt = F.softplus(-cells.scores)[..., None]
        cost = doubt - self.overlap_weight * (overlap + 1e-6).log()
        cost = cost.masked_fill(~may, float("inf"))
        num = min(self.num_candidates, cost.shape[1])
        best = torch.where(may, overlap, 0.0).topk(num, 1).values.sum(1).long().clamp(min=1)  # (B, faces)
        order = cost.topk(num, 1, largest=False)
        chosen = torch.arange(num, device=best.device)[:, None] < best[:, None]
        chosen &= order.values.isfinite()
        mine = torch.zeros_like(may).scatter_(1, order.indices, chosen)
        cost = cost.masked_fill(~mine, float("inf"))
        cheapest = cost.min(-1)
        return torch.where(cheapest.values.isfinite(), cheapest.indices, -1)


def inside_boxes(
    centres: Float[Tensor, "cells 2"], boxes: Float[Tensor, "batch faces 4"]
) -> Bool[Tensor, "batch cells faces"]:
    low, high = boxes[:, None, :, :2], boxes[:, None, :, 2:]
    spots = centres[None, :, None]
    return ((spots > low) & (spots < high)).all(-1)


def pairwise_iou(
    boxes: Float[Tensor, "batch cells 4"], others: Float[Tensor, "batch faces 4"]
) -> Float[Tensor, "batch cells faces"]:
    low = torch.maximum(boxes[:, :, None, :2], others[:, None, :, :2])
    high = torch.minimum(boxes[:, :, None, 2:], others[:, None, :, 2:])
    both = (high - low).clamp(min=0).prod(-1)
    area = (boxes[..., 2:] - boxes[..., :2]).prod(-1)[:, :, None]
    other = (others[..., 2:] - others[..., :2]).prod(-1)[:, None]
    return both / (area + other - both).clamp(min=1e-6)


def generalized_iou(
    boxes: Float[Tensor, "pairs 4"], others: Float[Tensor, "pairs 4"]
) -> Float[Tensor, " pairs"]:
    """Overlap minus the empty share of the box around both (Rezatofighi et al. 2019)."""
    low, high = torch.maximum(boxes[:, :2], others[:, :2]), torch.minimum(boxes[:, 2:], others[:, 2:])
    both = (high - low).clamp(min=0).prod(-1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(-1) + (others[:, 2:] - others[:, :2]).prod(-1)
    union = (areas - both).clamp(min=1e-6)
    around = torch.maximum(boxes[:, 2:], others[:, 2:]) - torch.minimum(boxes[:, :2], others[:, :2])
    hull = around.prod(-1).clamp(min=1e-6)
    return both / union - (hull - union) / hull
