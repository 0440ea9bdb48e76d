"""FRN, the face restoration sub-net of MDFR (section 3.1, equation 1): encoder and dense decoder."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from mien.layers.conv import NEGATIVE_SLOPE, activate, conv3x3, residual_blocks
from mien.layers.dense import DenseDecoder
from mien.layers.mmrb import Mmrb

Features = Float[Tensor, "batch channels height width"]


@dataclass(frozen=True)
class RestoreConfig:
    """The size and the habits of an FRN."""

    image_size: int
    """Side of the square crops it is made for."""
    shrink: int
    """The network works on pictures this many times smaller, pixels folded into channels (1: as they are)."""
    channels: tuple[int, ...]
    """Channels of the encoder, stem first; every further level halves the size."""
    num_blocks: tuple[int, ...]
    """Residual blocks after each of these."""
    decoder_channels: tuple[int, ...]
    """Channels of the decoder's blocks, coarse to fine; every block doubles the size."""
    num_decoder_blocks: int
    """Residual blocks in each block of the decoder."""
    skips: bool
    """Whether the decoder sees the encoder's features of its size as well."""
    residual: bool
    """Whether the network predicts what to add to its input."""
    mmrb: bool = False
    """Whether each level of the encoder but the first and last ends in an MMRB (MMRB-GAN)."""

    def __post_init__(self) -> None:
        if not len(self.num_blocks) == len(self.channels) == len(self.decoder_channels) + 1:
            raise ValueError(
                "channels, num_blocks and decoder_channels must have n + 1, n + 1 and n entries, "
                f"got {len(self.channels)}, {len(self.num_blocks)} and {len(self.decoder_channels)}"
            )
        if self.image_size % self.stride:
            raise ValueError(f"image_size {self.image_size} is not a multiple of {self.stride}")

    @property
    def stride(self) -> int:
        """Sides of the input must be a multiple of it."""
        return self.shrink * 2 ** len(self.decoder_channels)


PAPER = RestoreConfig(
    image_size=128,
    shrink=1,
    channels=(64, 128, 256, 512, 512),
    num_blocks=(0, 2, 2, 2, 2),
    decoder_channels=(256, 128, 64, 32),
    num_decoder_blocks=1,
    skips=False,
    residual=False,
)
SMALL = RestoreConfig(
    image_size=256,
    shrink=4,
    channels=(64, 96, 160, 256),
    num_blocks=(1, 1, 2, 3),
    decoder_channels=(160, 96, 64),
    num_decoder_blocks=1,
    skips=True,
    residual=True,
)


class Encoder(nn.Module):
    """E_1: picture to code, with the features on the way."""

    def __init__(self, config: RestoreConfig) -> None:
        super().__init__()
        self.stem = conv3x3(3 * config.shrink**2, config.channels[0])
        wider = zip(config.channels[:-1], config.channels[1:], strict=True)
        self.shrinks = nn.ModuleList(conv3x3(before, after, stride=2) for before, after in wider)
        self.stages = nn.ModuleList(
            residual_blocks(channels, num_blocks)
            for channels, num_blocks in zip(config.channels, config.num_blocks, strict=True)
        )
        inner = range(1, len(config.channels) - 1) if config.mmrb else ()
        self.mmrbs = nn.ModuleDict({str(level): Mmrb(config.channels[level]) for level in inner})

    def forward(self, folded: Features) -> list[Float[Tensor, "batch _ _ _"]]:
        """Features fine to coarse; the last one is the code."""
        features = [self.stages[0](self.stem(folded))]  # (B, channels[0], H, W)
        for level, (shrink, stage) in enumerate(zip(self.shrinks, self.stages[1:], strict=True), start=1):
            finer = stage(shrink(activate(features[-1])))  # (B, channels[k], H / 2^k, W / 2^k)
            features.append(self.mmrbs[str(level)](finer) if str(level) in self.mmrbs else finer)
        return features


class RestoreNetwork(nn.Module):
    """G_1 = F_1(E_1(I_l)) (MDFR, equation 1)."""

    def __init__(self, config: RestoreConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = DenseDecoder(
            code_channels=config.channels[-1],
            block_channels=config.decoder_channels,
            skip_channels=config.channels[-2::-1] if config.skips else (0,) * len(config.decoder_channels),
            num_blocks=config.num_decoder_blocks,
        )
        self.to_image = conv3x3(config.decoder_channels[-1], 3 * config.shrink**2)
        if config.residual:
            nn.init.zeros_(self.to_image.weight)

    def forward(
        self, damaged: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 3 height width"]:
        """Pictures in [-1, 1]; the result may leave that range a little."""
        return self.features_and_image(damaged)[1]

    def features_and_image(
        self, damaged: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch channels _ _"], Float[Tensor, "batch 3 height width"]]:
        """The last dense block, which task-integrated training aligns (equation 12), and the picture."""
        folded = F.pixel_unshuffle(damaged, self.config.shrink)  # (B, 3 s^2, H / s, W / s)
        *finer, code = self.encoder(folded)  # code (B, channels[-1], H / stride, W / stride)
        last = self.decoder(code, finer[::-1] if self.config.skips else [])  # (B, C, H / s, W / s)
        image = F.pixel_shuffle(self.to_image(activate(last)), self.config.shrink)  # (B, 3, H, W)
        return last, damaged + image if self.config.residual else image


class PatchCritic(nn.Module):
    """Judges patches of 70 pixels: is this the true picture behind that damaged one? (As in pix2pix.)

    Spectral norms bound how steep it gets, so that it needs no gradient penalty.
    """

    def __init__(self, channels: tuple[int, ...] = (48, 96, 192, 384), num_given: int = 1) -> None:
        """`num_given`: pictures that it is shown beside the one to judge, as channels of one."""
        super().__init__()
        layers: list[nn.Module] = []
        before = 3 * (num_given + 1)
        for index, after in enumerate(channels):
            stride = 2 if index < len(channels) - 1 else 1
            layers += [spectral_norm(nn.Conv2d(before, after, 4, stride, 1)), nn.LeakyReLU(NEGATIVE_SLOPE)]
            before = after
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(before, 1, 4, 1, 1)))

    def forward(
        self, given: Float[Tensor, "batch planes height width"], images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 1 _ _"]:
        """Logits, large where a patch looks real; pictures in [-1, 1]."""
        return self.layers(torch.cat((given, images), dim=1))  # (B, 1, H / 8 - 2, W / 8 - 2)
