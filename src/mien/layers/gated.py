"""Convolutions with a gate, and their kin in CFR-GAN's generator: reflected borders, instance norm.

Gates are those of Yu et al., Free-form image inpainting with gated convolution, 2019.
"""

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from mien.layers.conv import NEGATIVE_SLOPE, activate

Features = Float[Tensor, "batch channels height width"]
Smaller = Float[Tensor, "batch new_channels new_height new_width"]


def reflected_conv(
    inputs: int, outputs: int, size: int = 3, stride: int = 1, spectral: bool = True
) -> nn.Module:
    """A convolution that sees the picture's mirror image beyond its border."""
    conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, padding_mode="reflect")
    nn.init.kaiming_normal_(conv.weight, a=NEGATIVE_SLOPE)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return spectral_norm(conv) if spectral else conv


class NormedConv(nn.Module):
    """Convolution, instance norm, leaky ReLU."""

    def __init__(
        self, inputs: int, outputs: int, size: int = 3, stride: int = 1, spectral: bool = True
    ) -> None:
        super().__init__()
        self.conv = reflected_conv(inputs, outputs, size, stride, spectral)
        self.norm = nn.InstanceNorm2d(outputs)

    def forward(self, features: Features) -> Smaller:
        return activate(self.norm(self.conv(features)))


class GatedShrink(nn.Module):
    """Half the side: features through a gate that closes where something is to be forgotten."""

    def __init__(self, inputs: int, outputs: int, spectral: bool = True) -> None:
        super().__init__()
        self.feature = NormedConv(inputs, outputs, stride=2, spectral=spectral)
        self.gate = reflected_conv(inputs, outputs, stride=2, spectral=spectral)
        self.gate_norm = nn.InstanceNorm2d(outputs)

    def forward(self, features: Features) -> tuple[Smaller, Smaller]:
        """What passes the gate, and the gate before its sigmoid, high where it is closed."""
        closed = self.gate_norm(self.gate(features))  # (B, C, H / 2, W / 2)
        return self.feature(features) * (1 - torch.sigmoid(closed)), closed


class GatedBlock(nn.Module):
    """A residual block whose input first passes a gate."""

    def __init__(self, channels: int, spectral: bool = True) -> None:
        super().__init__()
        make = partial(reflected_conv, channels, channels, spectral=spectral)
        self.gate, self.first, self.second = make(), make(), make()
        self.gate_norm, self.first_norm, self.second_norm = (nn.InstanceNorm2d(channels) for _ in range(3))

    def forward(self, features: Features) -> Features:
        features = features * torch.sigmoid(self.gate_norm(self.gate(features)))
        inner = activate(self.first_norm(self.first(features)))  # (B, C, H, W)
        return features + self.second_norm(self.second(inner))


class Grow(nn.Module):
    """Twice the side, by a transposed convolution; instance norm, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, spectral: bool = True) -> None:
        super().__init__()
        conv = nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1)
        nn.init.kaiming_normal_(conv.weight, a=NEGATIVE_SLOPE)
        self.conv = spectral_norm(conv) if spectral else conv
        self.norm = nn.InstanceNorm2d(outputs)

    def forward(self, features: Features) -> Float[Tensor, "batch new_channels twice_height twice_width"]:
        return activate(self.norm(self.conv(features)))
