"""A decoder with dense connections (MDFR, section 3.1): every block feeds all later ones."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mien.layers.conv import activate, conv3x3, residual_blocks

Features = Float[Tensor, "batch channels height width"]


def grow(features: Features, height: int, width: int) -> Float[Tensor, "batch channels _ _"]:
    """Bilinear enlargement, so that a coarse block can join a finer one."""
    return F.interpolate(features, size=(height, width), mode="bilinear", align_corners=False)


class DenseBlock(nn.Module):
    """First convolution over everything it was given, then residual blocks."""

    def __init__(self, in_channels: int, out_channels: int, num_blocks: int) -> None:
        super().__init__()
        self.merge = conv3x3(in_channels, out_channels)
        self.blocks = residual_blocks(out_channels, num_blocks)

    def forward(
        self, features: Float[Tensor, "batch in_channels height width"]
    ) -> Float[Tensor, "batch out_channels height width"]:
        return self.blocks(self.merge(activate(features)))


class DenseDecoder(nn.Module):
    """Doubles the size once per block.

    The first convolution of block k sees the outputs of all blocks before it, enlarged to its size, and the
    encoder's features of that size where `skip_channels` is not zero.
    """

    def __init__(
        self,
        code_channels: int,
        block_channels: tuple[int, ...],
        skip_channels: tuple[int, ...],
        num_blocks: int,
    ) -> None:
        super().__init__()
        sources = (code_channels,)
        blocks = []
        for channels, skip in zip(block_channels, skip_channels, strict=True):
            blocks.append(DenseBlock(sum(sources) + skip, channels, num_blocks))
            sources = (channels,) if len(blocks) == 1 else (*sources, channels)
        self.blocks = nn.ModuleList(blocks)

    def forward(
        self,
        code: Float[Tensor, "batch code_channels code_height code_width"],
        skips: list[Float[Tensor, "batch _ _ _"]],
    ) -> Float[Tensor, "batch channels height width"]:
        """`skips`: the encoder's features, coarse to fine, or nothing."""
        height, width = code.shape[-2:]
        outputs: list[Tensor] = []
        for level, block in enumerate(self.blocks):
            height, width = 2 * height, 2 * width
            sources = outputs if outputs else [code]
            seen = [grow(source, height, width) for source in sources]  # each (B, C_i, H, W)
            seen += skips[level : level + 1]
            outputs.append(block(torch.cat(seen, dim=1)))  # (B, block_channels[level], H, W)
        return outputs[-1]
