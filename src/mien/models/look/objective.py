"""What the second look learns: to tell faces from what only resembles them, and where their points are."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mien.types import Images, Losses


@dataclass(frozen=True)
class Looks:
    """Cuts, and what is in the middle of each."""

    cuts: Images
    faces: Bool[Tensor, " batch"]
    weights: Float[Tensor, " batch"]
    """0 where nobody knows whether it is a face."""
    boxes: Float[Tensor, "batch 4"]
    """In pixels of the cut; of faces alone, as the points are."""
    points: Float[Tensor, "batch 5 2"]


@dataclass(frozen=True)
class LookObjective:
    """Weights of the terms."""

    box: float = 1.0
    points: float = 6.0
    face_size: float = 64.0
    """What distances are measured by, in pixels of the cut."""

    def __call__(self, network: nn.Module, looks: Looks, generator: torch.Generator) -> Losses:
        sight = network(looks.cuts)
        with torch.autocast(looks.cuts.device.type, enabled=False):
            doubt = F.binary_cross_entropy_with_logits(
                sight.scores.float(), looks.faces.float(), looks.weights, reduction="sum"
            )
            sure = looks.faces & (looks.weights > 0)
            away = (sight.points[sure] - looks.points[sure]).norm(dim=-1) / self.face_size
            beside = (sight.boxes[sure] - looks.boxes[sure]).abs() / self.face_size
            terms = {
                "score": doubt / looks.weights.sum().clamp(min=1),
                "box": beside.sum() / (4 * sure.sum().clamp(min=1)),
                "points": away.sum() / (5 * sure.sum().clamp(min=1)),
            }
            total = terms["score"] + self.box * terms["box"] + self.points * terms["points"]
        return Losses(total, {name: term.detach() for name, term in terms.items()})
