"""Convolutions without normalisation: batch statistics would leak one picture's damage into another."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Features = Float[Tensor, "batch channels height width"]

NEGATIVE_SLOPE = 0.2


def conv3x3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size (or halves it), initialised for leaky ReLU."""
    conv = nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1)
    nn.init.kaiming_normal_(conv.weight, a=NEGATIVE_SLOPE)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv


def activate(features: Features) -> Features:
    """Leaky ReLU: on a CPU a good deal cheaper than the smooth ones."""
    return F.leaky_relu(features, NEGATIVE_SLOPE)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions added to their input; starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv3x3(channels, channels)
        self.second = conv3x3(channels, channels)
        nn.init.zeros_(self.second.weight)

    def forward(self, features: Features) -> Features:
        inner = activate(self.first(activate(features)))  # (B, C, H, W)
        return features + self.second(inner)


def residual_blocks(channels: int, num_blocks: int) -> nn.Sequential:
    """`num_blocks` residual blocks in a row."""
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(num_blocks)))
