"""How the parser learns: every pixel's class, the rare classes by their shape as well."""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from mien.types import Images, Losses

Logits = Float[Tensor, "batch classes height width"]
Labels = Int[Tensor, "batch height width"]


@dataclass(frozen=True)
class ParserObjective:
    """Cross entropy, and each class's overlap (soft Dice), in which an earring counts as much as hair."""

    entropy_weight: float = 1.0
    overlap_weight: float = 1.0

    def __call__(
        self, network: nn.Module, images: Images, labels: Int[Tensor, "batch label_height label_width"]
    ) -> Losses:
        """Labels at the resolution of the logits."""
        logits = network(images).float()
        entropy = F.cross_entropy(logits, labels)
        overlap = overlap_loss(logits, labels)
        total = self.entropy_weight * entropy + self.overlap_weight * overlap
        return Losses(total, {"entropy": entropy.detach(), "overlap": overlap.detach()})


def overlap_loss(logits: Logits, labels: Labels, epsilon: float = 1.0) -> Float[Tensor, ""]:
    """Mean over the classes that a batch shows of 1 - 2 |A B| / (|A| + |B|), areas in pixels."""
    chances = logits.softmax(dim=1)
    truth = F.one_hot(labels, logits.shape[1]).movedim(-1, 1).to(chances)  # (B, classes, H, W)
    shared = (chances * truth).sum(dim=(0, 2, 3))
    areas = truth.sum(dim=(0, 2, 3))
    both = chances.sum(dim=(0, 2, 3)) + areas
    loss = 1 - (2 * shared + epsilon) / (both + epsilon)
    return loss[areas > 0].mean()
