"""Convolutions with batch norms, for networks that judge pictures and must be quick.

At inference the norms are folded into the convolutions, so that plain 3x3 convolutions and ReLUs remain:
on a CPU in bfloat16 they outrun separable ones of less arithmetic.
"""

import copy
from typing import TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Features = Float[Tensor, "batch channels height width"]
Result = Float[Tensor, "batch new_channels new_height new_width"]
Network = TypeVar("Network", bound=nn.Module)


class ConvNorm(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, size: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, features: Features) -> Result:
        return F.relu(self.norm(self.conv(features)), inplace=True)


class NormBlock(nn.Module):
    """Two of them added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = ConvNorm(width, width)
        self.second = ConvNorm(width, width)

    def forward(self, features: Features) -> Features:
        return features + self.second(self.first(features))


def fold_norms(network: Network) -> Network:
    """A copy for inference, its batch norms inside the convolutions."""
    folded = copy.deepcopy(network).eval()
    for module in folded.modules():
        if isinstance(module, ConvNorm) and isinstance(module.norm, nn.BatchNorm2d):
            module.conv = torch.nn.utils.fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()
    return folded
