"""The second look: an upright cut of what may be a face in; a score, a box and five points out."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import nn

from mien.layers.norm import ConvNorm, NormBlock
from mien.types import Images

OUTPUTS = 1 + 4 + 10
"""Score, box (centre, log size), five points."""


@dataclass(frozen=True)
class LookConfig:
    """Size of the network; its convolutions work at a half, a quarter, an eighth, a sixteenth of the cut."""

    cut_size: int = 96
    face_size: float = 64.0
    """Side that the face in the middle of a cut is thought to have."""
    stem_width: int = 24
    widths: tuple[int, int, int] = (40, 72, 128)
    depths: tuple[int, int, int] = (1, 2, 1)
    """Residual blocks at each of the widths."""
    last_width: int = 48
    hidden: int = 256


SMALL = LookConfig()
"""What the embedded weights have."""


class Sight(NamedTuple):
    """What is seen in each cut, in its pixels; a tuple, which wrappers of networks understand."""

    scores: Float[torch.Tensor, " batch"]
    """Before the sigmoid."""
    boxes: Float[torch.Tensor, "batch 4"]
    points: Float[torch.Tensor, "batch 5 2"]


class LookNetwork(nn.Module):
    """Convolutions down to a sixteenth, then two full layers, which know where in the cut they look."""

    def __init__(self, config: LookConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = ConvNorm(3, config.stem_width, 2)
        before = (config.stem_width, *config.widths[:-1])
        self.stages = nn.Sequential(
            *(
                nn.Sequential(ConvNorm(inputs, width, 2), *(NormBlock(width) for _ in range(depth)))
                for inputs, width, depth in zip(before, config.widths, config.depths, strict=True)
            )
        )
        self.narrow = ConvNorm(config.widths[-1], config.last_width, size=1)
        side = config.cut_size // 16
        self.full = nn.Linear(config.last_width * side**2, config.hidden)
        self.out = nn.Linear(config.hidden, OUTPUTS)
        nn.init.normal_(self.out.weight, std=0.01)
        nn.init.zeros_(self.out.bias)

    def forward(self, cuts: Images) -> Sight:
        """RGB in [0, 1], `cut_size` square."""
        features = self.stem((cuts - 0.5) * 4)  # (B, stem, S/2, S/2)
        features = self.narrow(self.stages(features))  # (B, last, S/16, S/16)
        hidden = self.full(features.flatten(1)).relu()  # (B, hidden)
        return self.in_pixels(self.out(hidden).float())

    def in_pixels(self, raw: Float[torch.Tensor, "batch outputs"]) -> Sight:
        """From sides of the face around the middle of the cut."""
        face, middle = self.config.face_size, (self.config.cut_size - 1) / 2
        centre = middle + face * raw[:, 1:3]
        half = face / 2 * raw[:, 3:5].clamp(-3.0, 3.0).exp()
        points = middle + face * raw[:, 5:].unflatten(-1, (5, 2))  # (B, 5, 2)
        return Sight(raw[:, 0], torch.cat((centre - half, centre + half), -1), points)
