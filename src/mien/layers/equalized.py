"""Layers whose weights all learn at one pace: of unit variance, scaled in use (Karras et al., 2018, 4.1)."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mien.layers.conv import NEGATIVE_SLOPE
from mien.layers.upfirdn import Resample

Features = Float[Tensor, "batch channels height width"]
Result = Float[Tensor, "batch new_channels new_height new_width"]


def activate_scaled(values: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Leaky ReLU that keeps the variance."""
    return F.leaky_relu(values, NEGATIVE_SLOPE) * math.sqrt(2)


class EqualLinear(nn.Module):
    """A linear map; with `pace` below 1 it learns so much slower than its neighbours."""

    def __init__(self, in_features: int, out_features: int, bias: float = 0.0, pace: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / pace)
        self.bias = nn.Parameter(torch.full((out_features,), bias))
        self.scale = pace / math.sqrt(in_features)
        self.pace = pace

    def forward(self, values: Float[Tensor, "*batch in_features"]) -> Float[Tensor, "*batch out_features"]:
        return F.linear(values, self.weight * self.scale, self.bias * self.pace)


class EqualConv(nn.Module):
    """A convolution that keeps the size, or halves it after a blur."""

    def __init__(
        self, in_channels: int, out_channels: int, size: int, stride: int = 1, bias: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, size, size))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.scale = 1 / math.sqrt(in_channels * size**2)
        self.stride = stride
        self.padding = size // 2 if stride == 1 else 0
        margin = size // 2 + 1
        self.blur = None if stride == 1 else Resample(padding=(margin, margin))

    def forward(self, features: Features) -> Result:
        if self.blur is not None:
            features = self.blur(features)  # (B, C, H - 1 + 2 * (size // 2), ...)
        return F.conv2d(features, self.weight * self.scale, self.bias, self.stride, self.padding)


class EqualBlock(nn.Module):
    """A convolution and its activation."""

    def __init__(self, in_channels: int, out_channels: int, size: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = EqualConv(in_channels, out_channels, size, stride)

    def forward(self, features: Features) -> Result:
        return activate_scaled(self.conv(features))
