"""Encoder and decoder of 4x4 convolutions, each of which halves or doubles the size (as in pix2pix)."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mien.layers.conv import activate

Features = Float[Tensor, "batch channels height width"]
SIZE, STRIDE, PADDING = 4, 2, 1


class HalvingEncoder(nn.Module):
    """Convolution, batch norm; the first has nothing before it, and the first and last no norm.

    The last one leaves a single pixel, which has no variance where a batch is one picture.
    """

    def __init__(self, in_channels: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        widths = list(pairwise((in_channels, *channels)))
        self.convs = nn.ModuleList(nn.Conv2d(a, b, SIZE, STRIDE, PADDING) for a, b in widths)
        self.norms = nn.ModuleList(nn.BatchNorm2d(after) for after in channels[1:-1])

    def forward(self, pictures: Features) -> list[Float[Tensor, "batch _ _ _"]]:
        """Features fine to coarse; the last one is the code."""
        features = [self.convs[0](pictures)]  # (B, channels[0], H / 2, W / 2)
        for index, conv in enumerate(self.convs[1:]):
            after = conv(activate(features[-1]))  # (B, channels[k], H / 2^(k + 1), W / 2^(k + 1))
            features.append(self.norms[index](after) if index < len(self.norms) else after)
        return features


class DoublingDecoder(nn.Module):
    """ReLU, transposed convolution, batch norm; the last has no norm, and the first may drop features.

    Beside what it grew, each level but the first sees the features of its size that it is given.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        out_channels: int,
        skip_channels: tuple[int, ...],
        num_dropouts: int = 0,
    ) -> None:
        """`channels`: of the code, and of what each level but the last makes of it."""
        super().__init__()
        skips = (0, *skip_channels)
        widths = list(pairwise((*channels, out_channels)))
        self.convs = nn.ModuleList(
            nn.ConvTranspose2d(before + skip, after, SIZE, STRIDE, PADDING)
            for (before, after), skip in zip(widths, skips, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(after) for after in channels[1:])
        self.num_dropouts = num_dropouts

    def forward(
        self,
        code: Float[Tensor, "batch channels code_height code_width"],
        skips: list[Float[Tensor, "batch _ _ _"]],
    ) -> Float[Tensor, "batch out_channels height width"]:
        """`skips`: coarse to fine, or nothing."""
        features = code
        for level, conv in enumerate(self.convs):
            if skips and level > 0:
                features = torch.cat((features, skips[level - 1]), dim=1)  # (B, C + C_skip, h, w)
            features = conv(F.relu(features))  # (B, C', 2 h, 2 w)
            if level < len(self.norms):
                features = self.norms[level](features)
            if level < self.num_dropouts:
                features = F.dropout(features, 0.5, self.training)
        return features


class UNet(nn.Module):
    """Both, down to the last level's size and back, ending in tanh."""

    def __init__(
        self,
        in_channels: int,
        channels: tuple[int, ...],
        out_channels: int,
        skips: bool,
        num_dropouts: int = 0,
    ) -> None:
        """Without `skips` all that is known of the pictures goes through the code."""
        super().__init__()
        self.encoder = HalvingEncoder(in_channels, channels)
        self.decoder = DoublingDecoder(
            channels=channels[::-1],
            out_channels=out_channels,
            skip_channels=channels[-2::-1] if skips else (0,) * (len(channels) - 1),
            num_dropouts=num_dropouts,
        )
        self.skips = skips

    def forward(self, pictures: Features) -> Float[Tensor, "batch out_channels height width"]:
        *finer, code = self.encoder(pictures)  # code (B, C, H / 2^L, W / 2^L)
        return torch.tanh(self.decoder(code, finer[::-1] if self.skips else []))
