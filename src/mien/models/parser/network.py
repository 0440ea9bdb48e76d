"""The parser: what each pixel of an aligned face shows, skin or hair or glasses or something in front."""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mien.layers.norm import ConvNorm, NormBlock
from mien.types import Images

Features = Float[Tensor, "batch channels height width"]

CLASSES = (
    "background",
    "skin",
    "nose",
    "eye_glasses",
    "left_eye",
    "right_eye",
    "left_brow",
    "right_brow",
    "left_ear",
    "right_ear",
    "mouth_inside",
    "upper_lip",
    "lower_lip",
    "hair",
    "hat",
    "earring",
    "necklace",
    "neck",
    "cloth",
)
"""CelebAMask-HQ's, in its usual order; what is in front of a face is background."""


def mirrored_class(name: str) -> str:
    """What a left eye is in a mirror."""
    sides = {"left": "right", "right": "left"}
    side, _, part = name.partition("_")
    return f"{sides[side]}_{part}" if side in sides else name


MIRRORED = torch.tensor([CLASSES.index(mirrored_class(name)) for name in CLASSES])
"""Each class's number to that of its mirror image."""


@dataclass(frozen=True)
class ParserConfig:
    """Size of the network, whose finest features have half the picture's side."""

    image_size: int = 256
    widths: tuple[int, ...] = (24, 48, 96, 160)
    """Channels at a half, a quarter, an eighth, a sixteenth of the side."""
    depths: tuple[int, ...] = (0, 1, 2, 2)
    """Residual blocks at each of them."""
    decoder_widths: tuple[int, ...] = (96, 64, 32)
    """Channels on the way back, coarse to fine."""

    def __post_init__(self) -> None:
        if not len(self.widths) == len(self.depths) == len(self.decoder_widths) + 1:
            raise ValueError("widths, depths and decoder_widths must have n + 1, n + 1 and n entries")
        if self.image_size % 2 ** len(self.widths):
            raise ValueError(f"image_size {self.image_size} cannot be halved {len(self.widths)} times")


SMALL = ParserConfig()
"""What the embedded weights have: 1.8 M parameters, 3.6 GFLOP a face."""


class ParserNetwork(nn.Module):
    """Down to a sixteenth, where the whole face is seen, and back up with what was seen on the way."""

    def __init__(self, config: ParserConfig) -> None:
        super().__init__()
        self.config = config
        self.stages = nn.ModuleList(
            nn.Sequential(ConvNorm(before, after, 2), *(NormBlock(after) for _ in range(depth)))
            for (before, after), depth in zip(pairwise((3, *config.widths)), config.depths, strict=True)
        )
        self.everywhere = nn.Linear(config.widths[-1], config.widths[-1])
        steps = zip(pairwise((config.widths[-1], *config.decoder_widths)), config.widths[-2::-1], strict=True)
        self.merges = nn.ModuleList(ConvNorm(before + skip, after) for (before, after), skip in steps)
        self.to_classes = nn.Conv2d(config.decoder_widths[-1], len(CLASSES), kernel_size=1)

    def forward(self, images: Images) -> Float[Tensor, "batch classes half_height half_width"]:
        """RGB in [0, 1]; logits at half the side."""
        seen, features = [], (images - 0.5) * 4  # (B, 3, H, W)
        for stage in self.stages:
            features = stage(features)  # (B, widths[k], H / 2^(k + 1), W / 2^(k + 1))
            seen.append(features)
        overall = self.everywhere(features.mean(dim=(2, 3)))  # (B, C)
        features = features + overall[:, :, None, None]
        for merge, finer in zip(self.merges, seen[-2::-1], strict=True):
            grown = F.interpolate(features, finer.shape[-2:], mode="bilinear")
            features = merge(torch.cat((grown, finer), dim=1))  # (B, decoder_widths[k], H / 2^k, W / 2^k)
        return self.to_classes(features)  # (B, classes, H / 2, W / 2)
