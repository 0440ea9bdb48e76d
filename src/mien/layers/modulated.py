"""Convolutions whose weights a style scales (StyleGAN2, section 2.2)."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mien.layers.equalized import EqualLinear, activate_scaled
from mien.layers.upfirdn import Resample

Features = Float[Tensor, "batch channels height width"]
Style = Float[Tensor, "batch style"]
NoiseUse = Literal["concatenated", "added"]
EPSILON = 1e-8


class ModulatedConv(nn.Module):
    """One weight for each input channel from the style; demodulated, outputs have unit variance again.

    The features are scaled instead of the weights, and the result instead of their norm: the same
    numbers (equations 1 and 3) from one convolution over the whole batch.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        size: int,
        style_channels: int,
        demodulate: bool = True,
        grows: bool = False,
    ) -> None:
        """`grows`: twice the size."""
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, size, size))
        self.scale = 1 / math.sqrt(in_channels * size**2)
        self.to_scales = EqualLinear(style_channels, in_channels, bias=1.0)
        self.demodulate = demodulate
        # the transposed convolution spreads each pixel over four, so that a quarter of the light is left
        self.blur = Resample(padding=(1, 1), gain=4.0) if grows else None

    def forward(
        self, features: Features, style: Style
    ) -> Float[Tensor, "batch out_channels new_height new_width"]:
        weight = self.weight * self.scale
        with torch.autocast(features.device.type, enabled=False):
            # float32: sums over all channels and squares of them
            scales = self.to_scales(style.float())  # (B, C)
            energies = weight.float().square().sum((2, 3))  # (C', C)
            gains = torch.rsqrt(scales.square() @ energies.transpose(0, 1) + EPSILON)  # (B, C')
        scaled = features * scales[:, :, None, None].to(features.dtype)
        result = self.convolve(scaled, weight)  # (B, C', H or 2 H, W or 2 W)
        return result * gains[:, :, None, None].to(result.dtype) if self.demodulate else result

    def convolve(
        self, features: Features, weight: Float[Tensor, "out_channels channels size size"]
    ) -> Float[Tensor, "batch out_channels new_height new_width"]:
        if self.blur is not None:
            return self.blur(F.conv_transpose2d(features, weight.transpose(0, 1), stride=2))
        return F.conv2d(features, weight, padding=weight.shape[-1] // 2)


class StyledConv(nn.Module):
    """A style block: modulated convolution, noise beside or upon its result, activation.

    What follows a block with concatenated noise sees twice its channels (MMRB-GAN, equation 3).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        style_channels: int,
        noise: NoiseUse,
        grows: bool = False,
    ) -> None:
        super().__init__()
        self.conv = ModulatedConv(in_channels, out_channels, 3, style_channels, grows=grows)
        self.noise_weight = nn.Parameter(torch.zeros(1))
        self.bias = nn.Parameter(torch.zeros(out_channels * (2 if noise == "concatenated" else 1)))
        self.noise = noise

    def forward(
        self,
        features: Features,
        style: Style,
        noise: Float[Tensor, "batch noise_channels new_height new_width"],
    ) -> Float[Tensor, "batch out_channels new_height new_width"]:
        result = self.conv(features, style)
        weighted = self.noise_weight.to(result.dtype) * noise.to(result.dtype)
        joined = torch.cat((result, weighted), dim=1) if self.noise == "concatenated" else result + weighted
        return activate_scaled(joined + self.bias[:, None, None].to(joined.dtype))
