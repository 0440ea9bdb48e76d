"""The mixed multi-path residual block, which fits into any convolutional network (MMRB-GAN, section 3.2)."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mien.layers.equalized import EqualConv

Features = Float[Tensor, "batch channels height width"]
BranchWidth = Literal["half", "full"]
"""Channels of each branch of the second stage, which the paper leaves open: C / 2 as in the first, or C."""
START = 0.1
"""The block begins as its input plus so much of what it makes."""


class Mmrb(nn.Module):
    """Two branches of 3x3 and 5x5 convolutions that see each other's results after the first stage."""

    def __init__(self, channels: int, width: BranchWidth = "half", equalized: bool = False) -> None:
        """`equalized`: for networks of such layers, whose learning rate is too high for others."""
        super().__init__()
        if channels % 2:
            raise ValueError(f"an MMRB splits its channels in halves, {channels} cannot be")
        half = channels // 2
        second = half if width == "half" else channels

        def stage(before: int, after: int, size: int, start: float = 1.0) -> nn.Sequential:
            conv = EqualConv(before, after, size) if equalized else plain_conv(before, after, size)
            conv.weight.data.mul_(start)
            return nn.Sequential(conv, nn.PReLU(after))

        self.fine, self.coarse = stage(half, half, 3), stage(half, half, 5)
        self.mixed_fine, self.mixed_coarse = stage(channels, second, 3), stage(channels, second, 5)
        self.fuse = stage(2 * second, channels, 1, START)

    def forward(self, features: Features) -> Features:
        halves = features.chunk(2, dim=1)  # each (B, C / 2, H, W), equation 4
        first = torch.cat((self.fine(halves[0]), self.coarse(halves[1])), dim=1)  # (B, C, H, W), 5 and 6
        second = (self.mixed_fine(first), self.mixed_coarse(first))  # each (B, second, H, W), 7 and 8
        return features + self.fuse(torch.cat(second, dim=1))  # 9 and 10


def plain_conv(in_channels: int, out_channels: int, size: int) -> nn.Conv2d:
    """Initialised for a PReLU as it begins."""
    conv = nn.Conv2d(in_channels, out_channels, size, padding=size // 2)
    nn.init.kaiming_normal_(conv.weight, a=0.25)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv
