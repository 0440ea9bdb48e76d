"""How the judge learns: real faces against made ones, and parts of the one in the other.

After IFQA (Jo et al., 2023, section 3): made faces come from a network that learns to restore beside the
judge, and eyes, nose and mouth, where people look, are swapped between real and made ones.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mien.types import Images, Losses, Masks

REGIONS = (
    (0.26, 0.39, 0.49, 0.54),
    (0.51, 0.39, 0.74, 0.54),
    (0.39, 0.48, 0.61, 0.68),
    (0.34, 0.66, 0.66, 0.80),
)
"""Eyes, nose and mouth of an FFHQ crop: left, top, right and bottom in shares of its side."""


@dataclass(frozen=True)
class QualityObjective:
    """What made faces are, and how much each kind of error weighs."""

    damaged_share: float = 0.2
    """Of the made faces: damaged ones that nobody restored."""
    blended_share: float = 0.2
    """Of the made faces: damaged ones, partly restored."""
    swapped: float = 1.0
    """Weight of faces with swapped regions beside the whole ones."""
    emphasis: float = 1.0
    """Further weight of the pixels in eyes, nose and mouth."""
    looseness: float = 0.2
    """By what share of its side a region's edges may lie elsewhere than in `REGIONS`."""

    def __post_init__(self) -> None:
        if not 0 <= self.damaged_share + self.blended_share <= 1:
            raise ValueError("damaged_share and blended_share must lie between 0 and 1 together")

    def __call__(
        self,
        judge: nn.Module,
        truth: Images,
        damaged: Images,
        restored: Images,
        generator: torch.Generator,
    ) -> Losses:
        """Pictures in [0, 1], of the same faces."""
        made = self.make(damaged, restored.detach(), generator)
        regions = region_masks(truth, self.looseness, generator)  # (B, 4, H, W)
        is_real = swap_mask(regions, generator)
        mixed = torch.where(is_real, truth, made)
        weights = 1 + self.emphasis * regions.any(dim=1, keepdim=True).float()
        weights = weights / weights.mean(dim=(1, 2, 3), keepdim=True)
        terms = {
            "real": _error(judge(2 * truth - 1), torch.ones_like(weights), weights),
            "made": _error(judge(2 * made - 1), torch.zeros_like(weights), weights),
            "swapped": _error(judge(2 * mixed - 1), is_real.float(), weights),
        }
        total = terms["real"] + terms["made"] + self.swapped * terms["swapped"]
        return Losses(total, {name: term.detach() for name, term in terms.items()})

    def make(self, damaged: Images, restored: Images, generator: torch.Generator) -> Images:
        """Restored, damaged and blended faces, each picture of a kind drawn for it."""
        size = (len(damaged), 1, 1, 1)
        kind, share = torch.rand((2, *size), generator=generator, device=damaged.device)
        share = torch.where(kind < self.damaged_share + self.blended_share, share, 1.0)
        share = torch.where(kind < self.damaged_share, 0.0, share)
        return torch.lerp(damaged, restored.to(damaged), share)


def region_masks(
    images: Images, looseness: float, generator: torch.Generator
) -> Bool[Tensor, "batch 4 height width"]:
    """Where eyes, nose and mouth are, with edges that differ from picture to picture."""
    batch, _, height, width = images.shape
    boxes = images.new_tensor(REGIONS)  # (4, 4)
    sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    chance = torch.rand((batch, *boxes.shape), generator=generator, device=images.device)
    left, top, right, bottom = (boxes + looseness * (chance - 0.5) * sides).unbind(-1)  # each (B, 4)
    across = ((torch.arange(width, device=images.device) + 0.5) / width)[None, None, None, :]
    down = ((torch.arange(height, device=images.device) + 0.5) / height)[None, None, :, None]
    inside_columns = (across > left[..., None, None]) & (across < right[..., None, None])
    return inside_columns & (down > top[..., None, None]) & (down < bottom[..., None, None])


def swap_mask(
    regions: Bool[Tensor, "batch 4 height width"], generator: torch.Generator
) -> Bool[Tensor, "batch 1 height width"]:
    """Where a mixed face is real: some regions alone, or all but some."""
    batch, num_regions = regions.shape[:2]
    device = regions.device
    chosen = torch.rand((batch, num_regions), generator=generator, device=device) < 0.5
    sure = torch.randint(num_regions, (batch, 1), generator=generator, device=device)
    chosen = chosen.scatter(1, sure, torch.ones_like(sure, dtype=torch.bool))  # at least one is swapped
    taken = (regions & chosen[..., None, None]).any(dim=1, keepdim=True)
    inverted = torch.rand((batch, 1, 1, 1), generator=generator, device=device) < 0.5
    return taken ^ inverted


def _error(logits: Masks, target: Masks, weights: Masks) -> Float[Tensor, ""]:
    """Cross-entropy of every pixel, in float32 whatever the judge computes in."""
    return F.binary_cross_entropy_with_logits(logits.float(), target, weights)
