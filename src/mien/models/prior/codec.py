"""The asymmetric codec around the prior (MMRB-GAN, section 3.1): what a damaged face says of a clean one."""

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from mien.layers.equalized import EqualBlock, EqualConv, EqualLinear, activate_scaled
from mien.layers.mmrb import Mmrb
from mien.layers.upfirdn import doubling
from mien.models.prior.network import (
    FIRST_SIDE,
    PAPER,
    SMALL_128,
    SMALL_256,
    Generator,
    GeneratorConfig,
    Widths,
)

Features = Float[Tensor, "batch channels height width"]
Pyramid = list[Float[Tensor, "batch _ _ _"]]
"""Features or pictures of each size, coarse to fine."""


@dataclass(frozen=True)
class PriorConfig:
    """A generator, and what it is told."""

    generator: GeneratorConfig
    mmrb: Literal["half", "full", "none"] = "half"
    """Width of the blocks in the encoder; `none` is the ablation w/o MMRB."""
    decodes: bool = True
    """Whether there is a decoder; without one the encoder's features are the noise, as in GPEN."""


PRIOR_PAPER = PriorConfig(PAPER)
PRIOR_256 = PriorConfig(SMALL_256)
PRIOR_128 = PriorConfig(SMALL_128)


class Encoder(nn.Module):
    """Picture to code, with the features of every size on the way; an MMRB for all but the first and last."""

    def __init__(self, config: PriorConfig) -> None:
        super().__init__()
        widths = config.generator.widths
        self.stem = EqualBlock(3, widths[widths.image_size], size=1)
        self.shrinks = nn.ModuleDict()
        self.mmrbs = nn.ModuleDict()
        for side in widths.sides[-2::-1]:
            self.shrinks[str(side)] = EqualBlock(widths[2 * side], widths[side], stride=2)
            if config.mmrb != "none" and side != FIRST_SIDE:
                self.mmrbs[str(side)] = Mmrb(widths[side], config.mmrb, equalized=True)
        self.to_code = EqualLinear(widths[FIRST_SIDE] * FIRST_SIDE**2, config.generator.style_channels)

    def forward(
        self, damaged: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch style"], Pyramid]:
        """Z, and features coarse to fine."""
        found = [self.stem(damaged)]  # (B, C, S, S)
        for side, shrink in self.shrinks.items():
            features = shrink(found[-1])  # (B, C, side, side)
            found.append(self.mmrbs[side](features) if side in self.mmrbs else features)
        return activate_scaled(self.to_code(found[-1].flatten(1))), found[::-1]


class Level(nn.Module):
    """Of the decoder: what is coarser, enlarged, and what the encoder has of this size."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.enlarge = doubling()
        self.grow = EqualBlock(before, after)
        self.merge = EqualBlock(after, after)
        self.to_rgb = EqualConv(after, 3, 1)

    def forward(
        self,
        coarse: Float[Tensor, "batch before half_height half_width"],
        skip: Float[Tensor, "batch after height width"],
    ) -> tuple[Float[Tensor, "batch after height width"], Float[Tensor, "batch 3 height width"]]:
        """Features, and the picture that shows how clean they are."""
        features = self.merge(self.grow(self.enlarge(coarse)) + skip)
        return features, self.to_rgb(features).float()


class Decoder(nn.Module):
    """Reconstructs features of every size."""

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        self.first = EqualBlock(widths[FIRST_SIDE], widths[FIRST_SIDE])
        self.levels = nn.ModuleList(Level(widths[side // 2], widths[side]) for side in widths.sides[1:])

    def forward(self, encoded: Pyramid) -> tuple[Pyramid, Pyramid]:
        """Features coarse to fine, and pictures from side 8 on."""
        features, pictures = [self.first(encoded[0])], []
        for level, skip in zip(self.levels, encoded[1:], strict=True):
            finer, picture = level(features[-1], skip)
            features.append(finer)
            pictures.append(picture)
        return features, pictures


class Codec(nn.Module):
    """x_hat, Z = Codec(x) (equation 1)."""

    def __init__(self, config: PriorConfig) -> None:
        super().__init__()
        self.encoder = Encoder(config)
        self.decoder = Decoder(config.generator.widths) if config.decodes else None

    def forward(
        self, damaged: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch style"], Pyramid, Pyramid]:
        """Z, the features that take the place of noise, and the decoder's pictures, if there is one."""
        code, features = self.encoder(damaged)
        if self.decoder is None:
            return code, features, []
        return (code, *self.decoder(features))


class PriorNetwork(nn.Module):
    """A damaged face to a clean one, through what the generator knows of faces."""

    def __init__(self, config: PriorConfig) -> None:
        super().__init__()
        if config.generator.noise != "concatenated":
            raise ValueError("a codec's features have no place in a generator whose noise is added")
        self.config = config
        self.codec = Codec(config)
        self.generator = Generator(config.generator)

    def forward(
        self, damaged: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch 3 height width"], Pyramid]:
        """Pictures in [-1, 1]: the result, and those of the decoder."""
        code, features, pictures = self.codec(damaged)
        return self.generator.synthesize(self.generator.styles_of(code), as_noises(features)), pictures


class Answering(nn.Module):
    """The same network for use: the result, and the decoder's finest picture where there is a decoder."""

    def __init__(self, network: PriorNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, damaged: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch 3 height width"], ...]:
        image, pictures = self.network(damaged)
        return (image, *pictures[-1:])


def as_noises(features: Pyramid) -> Pyramid:
    """Each size but the first has two layers that take noise."""
    return [features[0], *(one for one in features[1:] for _ in range(2))]
