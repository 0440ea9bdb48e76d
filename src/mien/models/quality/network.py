"""A judge of faces, pixel by pixel: encoder, middle, and a decoder that the encoder's features gate.

After the discriminator of IFQA (Jo et al., Interpretable face quality assessment, 2023, section 3).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mien.layers.conv import activate, conv3x3

Features = Float[Tensor, "batch channels height width"]
NewFeatures = Float[Tensor, "batch new_channels new_height new_width"]
Scaling = Literal["halve", "keep", "double"]


@dataclass(frozen=True)
class QualityConfig:
    """The size of a judge."""

    image_size: int
    """Side of the square crops it is made for."""
    shrink: int
    """Pixels folded into channels before the first convolution (1: none)."""
    channels: tuple[int, ...]
    """Channels at each size, the first before any halving."""
    num_middle: int
    """Residual blocks at the smallest size."""

    def __post_init__(self) -> None:
        if self.image_size % self.stride:
            raise ValueError(f"image_size {self.image_size} is not a multiple of {self.stride}")

    @property
    def stride(self) -> int:
        """Sides of the input must be a multiple of it."""
        return self.shrink * 2 ** (len(self.channels) - 1)


PAPER = QualityConfig(image_size=256, shrink=1, channels=(64, 64, 128, 256, 512, 1024), num_middle=4)
SMALL = QualityConfig(image_size=256, shrink=2, channels=(32, 48, 96, 160, 224), num_middle=2)


class ScalingBlock(nn.Module):
    """A residual block that may halve or double the size; keeps the variance of what comes in."""

    def __init__(self, in_channels: int, out_channels: int, scaling: Scaling) -> None:
        super().__init__()
        self.scaling: Scaling = scaling
        self.first_norm = nn.InstanceNorm2d(in_channels, affine=True)
        self.first = conv3x3(in_channels, in_channels)
        self.second_norm = nn.InstanceNorm2d(in_channels, affine=True)
        self.second = conv3x3(in_channels, out_channels)
        is_same = in_channels == out_channels
        self.shortcut = nn.Identity() if is_same else nn.Conv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, features: Features) -> NewFeatures:
        inner = self.first(activate(self.first_norm(features)))  # (B, in, H, W)
        inner = self.second(activate(self.second_norm(self.scale(inner))))  # (B, out, H', W')
        return (self.scale(self.shortcut(features)) + inner) * 0.5**0.5

    def scale(self, features: Features) -> Float[Tensor, "batch channels new_height new_width"]:
        if self.scaling == "halve":
            return F.avg_pool2d(features, 2)
        return F.interpolate(features, scale_factor=2.0) if self.scaling == "double" else features


class QualityNetwork(nn.Module):
    """Pictures to logits of every pixel being that of a real, undamaged face."""

    def __init__(self, config: QualityConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.channels
        self.stem = conv3x3(3 * config.shrink**2, channels[0])
        steps = list(pairwise(channels))
        self.halvings = nn.ModuleList(ScalingBlock(fine, coarse, "halve") for fine, coarse in steps)
        middle = (ScalingBlock(channels[-1], channels[-1], "keep") for _ in range(config.num_middle))
        self.middle = nn.Sequential(*middle)
        self.doublings = nn.ModuleList(ScalingBlock(coarse, fine, "double") for fine, coarse in steps[::-1])
        self.to_map = conv3x3(channels[0], config.shrink**2)

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 1 height width"]:
        """Pictures in [-1, 1]."""
        folded = F.pixel_unshuffle(images, self.config.shrink)  # (B, 3 s^2, H / s, W / s)
        seen = [self.stem(folded)]
        for halve in self.halvings:
            seen.append(halve(seen[-1]))  # (B, channels[k], H / (s 2^k), W / (s 2^k))
        features = self.middle(seen.pop())
        for double in self.doublings:
            found = seen.pop()
            features = found + found * double(features)  # (B, channels[k], H / (s 2^k), W / (s 2^k))
        return F.pixel_shuffle(self.to_map(activate(features)), self.config.shrink)  # (B, 1, H, W)
