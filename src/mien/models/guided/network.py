"""GFRNet (section 3.1): WarpNet brings a guide to a damaged face's pose, RecNet restores that face."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mien.layers.conv import activate, conv3x3, residual_blocks
from mien.layers.dense import DenseDecoder
from mien.layers.flow import Flow, enlarged_flow, identity_flow, warp
from mien.layers.unet import UNet

Pictures = Float[Tensor, "batch 3 height width"]
"""In [-1, 1]."""

SHIFT_SCALE = 0.05
"""On what the last layer says: a step of the optimizer moves the flow by pixels, not by half the face."""


class Guided(NamedTuple):
    """What comes out."""

    image: Pictures
    warped: Pictures
    """The guide in the pose of the damaged picture."""
    flow: Flow
    """Where in the guide each of its pixels comes from (Phi), in float32."""


@dataclass(frozen=True)
class UNetConfig:
    """The paper's plain nets."""

    channels: tuple[int, ...]
    """Of the encoder; every level halves the size, down to one pixel."""
    num_dropouts: int = 0
    """Levels of the decoder, from the code on, that drop half of their features."""

    @property
    def stride(self) -> int:
        return 2 ** len(self.channels)


@dataclass(frozen=True)
class FoldedConfig:
    """Nets that fold pixels into channels and keep the size of their codes."""

    shrink: int
    """They work on pictures this many times smaller."""
    channels: tuple[int, ...]
    """Of the encoder, stem first; every further level halves the size."""
    num_blocks: tuple[int, ...]
    """Residual blocks after each of these."""
    decoder_channels: tuple[int, ...]
    """Coarse to fine; every one doubles the size. A WarpNet may end on a coarser grid than it began."""
    num_decoder_blocks: int = 1
    guide_channels: tuple[int, ...] = ()
    """Of a RecNet's second, narrower encoder, which hands the warped guide alone to the decoder."""

    def __post_init__(self) -> None:
        num_levels, num_grown = len(self.channels), len(self.decoder_channels)
        if len(self.num_blocks) != num_levels or num_grown >= num_levels:
            raise ValueError(
                "num_blocks has as many entries as channels, decoder_channels fewer, "
                f"got {len(self.num_blocks)}, {num_levels} and {num_grown}"
            )
        if self.guide_channels and len(self.guide_channels) != num_levels - 1:
            raise ValueError(
                f"guide_channels has an entry for each level but the last, got {len(self.guide_channels)}"
            )

    @property
    def stride(self) -> int:
        return self.shrink * 2 ** (len(self.channels) - 1)


@dataclass(frozen=True)
class GuidedConfig:
    """A GFRNet, or one of its variants in Table 1."""

    image_size: int
    rec: UNetConfig | FoldedConfig
    warp: UNetConfig | FoldedConfig | None
    """None: the guide stays as it is (-W)."""
    sees_guide: bool = True
    """False: RecNet sees the damaged picture alone (-WG)."""

    def __post_init__(self) -> None:
        if self.warp is not None and not self.sees_guide:
            raise ValueError("there is nothing to warp a guide for that nobody sees")
        for part in (self.rec, self.warp):
            if part is not None and self.image_size % part.stride:
                raise ValueError(f"image_size {self.image_size} is not a multiple of {part.stride}")


def paper_config(most_channels: int = 512) -> GuidedConfig:
    """Eight and eight levels, no wider than `most_channels` in WarpNet; RecNet is 512 wide.

    512 makes the whole 1.72 times as large as -W, which the paper calls nearly twice; 1024 does 3.3 times.
    """
    widths = (64, 128, 256, 512, 1024, 1024, 1024, 1024)
    warp_widths = tuple(min(width, most_channels) for width in widths)
    rec_widths = tuple(min(width, 512) for width in widths)
    return GuidedConfig(256, rec=UNetConfig(rec_widths, num_dropouts=3), warp=UNetConfig(warp_widths))


PAPER = paper_config()
SMALL = GuidedConfig(
    256,
    rec=FoldedConfig(
        shrink=4,
        channels=(64, 96, 160, 256),
        num_blocks=(1, 1, 2, 3),
        decoder_channels=(160, 96, 64),
        guide_channels=(48, 64, 96),
    ),
    warp=FoldedConfig(
        shrink=4,
        channels=(24, 48, 96, 128, 160),
        num_blocks=(1, 1, 2, 2, 2),
        decoder_channels=(96, 64, 48),
    ),
)
"""RecNet is the restoration net of the package, with a way in for guides."""


def without_warp(config: GuidedConfig) -> GuidedConfig:
    """-W."""
    return replace(config, warp=None)


def without_guide(config: GuidedConfig) -> GuidedConfig:
    """-WG."""
    rec = replace(config.rec, guide_channels=()) if isinstance(config.rec, FoldedConfig) else config.rec
    return replace(config, rec=rec, warp=None, sees_guide=False)


def twice_as_wide(config: GuidedConfig) -> GuidedConfig:
    """-W2 and -WG2 of -W and -WG."""

    def doubled(widths: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(2 * width for width in widths)

    rec = replace(config.rec, channels=doubled(config.rec.channels))
    if isinstance(rec, FoldedConfig):
        rec = replace(
            rec,
            decoder_channels=doubled(rec.decoder_channels),
            guide_channels=doubled(rec.guide_channels),
        )
    return replace(config, rec=rec)


class Pyramid(nn.Module):
    """Stem, then levels of residual blocks, each half the size of the one before."""

    def __init__(self, in_channels: int, channels: tuple[int, ...], num_blocks: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = conv3x3(in_channels, channels[0])
        self.shrinks = nn.ModuleList(conv3x3(before, after, stride=2) for before, after in pairwise(channels))
        self.stages = nn.ModuleList(
            residual_blocks(width, num) for width, num in zip(channels, num_blocks, strict=True)
        )

    def forward(
        self, folded: Float[Tensor, "batch channels height width"]
    ) -> list[Float[Tensor, "batch _ _ _"]]:
        """Features fine to coarse; the last one is the code."""
        features = [self.stages[0](self.stem(folded))]  # (B, channels[0], H, W)
        for shrink, stage in zip(self.shrinks, self.stages[1:], strict=True):
            features.append(stage(shrink(activate(features[-1]))))  # (B, channels[k], H / 2^k, W / 2^k)
        return features


class FoldedWarpNet(nn.Module):
    """WarpNet that starts as the identity; its flow is smooth since it is drawn on a coarse grid."""

    def __init__(self, config: FoldedConfig) -> None:
        super().__init__()
        self.config = config
        num_grown = len(config.decoder_channels)
        self.encoder = Pyramid(6 * config.shrink**2, config.channels, config.num_blocks)
        self.decoder = DenseDecoder(
            code_channels=config.channels[-1],
            block_channels=config.decoder_channels,
            skip_channels=config.channels[-2::-1][:num_grown],
            num_blocks=config.num_decoder_blocks,
        )
        self.to_shift = conv3x3(config.decoder_channels[-1], 2)
        nn.init.zeros_(self.to_shift.weight)

    def forward(self, damaged: Pictures, guide: Pictures) -> Flow:
        both = F.pixel_unshuffle(torch.cat((damaged, guide), dim=1), self.config.shrink)  # (B, 6 s^2, ...)
        *finer, code = self.encoder(both)
        num_grown = len(self.config.decoder_channels)
        last = self.decoder(code, finer[::-1][:num_grown])  # (B, C, h, w)
        return enlarged_flow(SHIFT_SCALE * self.to_shift(activate(last)), *damaged.shape[-2:])


class FoldedRecNet(nn.Module):
    """RecNet that says what to add to the damaged picture."""

    def __init__(self, config: FoldedConfig, num_pictures: int) -> None:
        super().__init__()
        self.config = config
        planes = 3 * config.shrink**2
        self.encoder = Pyramid(num_pictures * planes, config.channels, config.num_blocks)
        skips = config.channels[-2::-1]
        self.guide_encoder = None
        if config.guide_channels:
            self.guide_encoder = Pyramid(planes, config.guide_channels, (1,) * len(config.guide_channels))
            skips = tuple(a + b for a, b in zip(skips, config.guide_channels[::-1], strict=True))
        self.decoder = DenseDecoder(
            code_channels=config.channels[-1],
            block_channels=config.decoder_channels,
            skip_channels=skips,
            num_blocks=config.num_decoder_blocks,
        )
        self.to_image = conv3x3(config.decoder_channels[-1], planes)
        nn.init.zeros_(self.to_image.weight)

    def forward(self, pictures: list[Pictures]) -> Pictures:
        """The damaged picture, and the warped guide where there is one."""
        folded = [F.pixel_unshuffle(picture, self.config.shrink) for picture in pictures]
        *finer, code = self.encoder(torch.cat(folded, dim=1))
        if self.guide_encoder is not None:
            shown = self.guide_encoder(folded[1])
            finer = [torch.cat(pair, dim=1) for pair in zip(finer, shown, strict=True)]
        last = self.decoder(code, finer[::-1])  # (B, C, H / s, W / s)
        return pictures[0] + F.pixel_shuffle(self.to_image(activate(last)), self.config.shrink)


class GuidedNetwork(nn.Module):
    """F(I_d, I_g) = F_r(I_d, warp(I_g, F_w(I_d, I_g))) (GFRNet, equations 1-3), without a detach."""

    def __init__(self, config: GuidedConfig) -> None:
        super().__init__()
        self.config = config
        num_pictures = 2 if config.sees_guide else 1
        self.warp_net = None if config.warp is None else make_warp_net(config.warp)
        if isinstance(config.rec, UNetConfig):
            dropouts = config.rec.num_dropouts
            self.rec_net = UNet(3 * num_pictures, config.rec.channels, 3, skips=True, num_dropouts=dropouts)
        else:
            self.rec_net = FoldedRecNet(config.rec, num_pictures)

    def forward(self, damaged: Pictures, guide: Pictures) -> Guided:
        flow = self.find_flow(damaged, guide)  # (B, 2, H, W)
        warped = guide if self.warp_net is None else warp(guide, flow)
        pictures = [damaged, warped] if self.config.sees_guide else [damaged]  # each (B, 3, H, W)
        if isinstance(self.rec_net, UNet):
            return Guided(self.rec_net(torch.cat(pictures, dim=1)), warped, flow)
        return Guided(self.rec_net(pictures), warped, flow)

    def find_flow(self, damaged: Pictures, guide: Pictures) -> Flow:
        """Phi, in float32 whatever the network computes in."""
        if self.warp_net is None:
            height, width = guide.shape[-2:]
            return identity_flow(height, width, guide.device).expand(len(guide), -1, -1, -1)
        if isinstance(self.warp_net, UNet):
            return self.warp_net(torch.cat((damaged, guide), dim=1)).float()
        return self.warp_net(damaged, guide)


def make_warp_net(config: UNetConfig | FoldedConfig) -> UNet | FoldedWarpNet:
    if isinstance(config, FoldedConfig):
        return FoldedWarpNet(config)
    return UNet(6, config.channels, 2, skips=False, num_dropouts=config.num_dropouts)


def start_from_restore(network: FoldedRecNet, restore: Mapping[str, Tensor]) -> None:
    """Begin as the restoration net does: its weights, and zeros for all that a guide brings in.

    Where a convolution sees more than it did, what is new comes last.
    """
    state = network.state_dict()
    unknown = [name for name in restore if name not in state]
    if unknown:
        raise ValueError(f"the restoration net has other parts: {', '.join(unknown[:3])}")
    for name, known in restore.items():
        widened = torch.zeros_like(state[name])
        widened[tuple(slice(side) for side in known.shape)] = known
        state[name] = widened
    network.load_state_dict(state)
