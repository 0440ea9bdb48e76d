"""What faces look like: StyleGAN2's generator, its noise beside the features (MMRB-GAN, equation 3)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mien.layers.equalized import EqualLinear, activate_scaled
from mien.layers.modulated import ModulatedConv, NoiseUse, StyledConv
from mien.layers.upfirdn import doubling

Features = Float[Tensor, "batch channels height width"]
Codes = Float[Tensor, "batch style"]
Styles = Float[Tensor, "batch layers style"]
Noises = list[Float[Tensor, "batch _ _ _"]]
"""Coarse to fine: one of side 4, then two of each size."""

FIRST_SIDE = 4
MAPPING_PACE = 0.01
MEAN_SEED, NUM_IN_MEAN = 0, 4096


@dataclass(frozen=True)
class Widths:
    """How many channels features have, by their side."""

    image_size: int
    most: int
    """Channels at every side that could have more."""
    budget: int
    """Channels times side, of the others."""

    def __post_init__(self) -> None:
        if self.image_size not in (16, 32, 64, 128, 256, 512, 1024):
            raise ValueError(f"image_size is a power of two from 16 to 1024, got {self.image_size}")

    def __getitem__(self, side: int) -> int:
        return min(self.most, self.budget // side)

    @property
    def sides(self) -> tuple[int, ...]:
        """4, 8, ..., image_size."""
        return tuple(2**power for power in range(2, self.image_size.bit_length()))


@dataclass(frozen=True)
class GeneratorConfig:
    """The size and the habits of a generator."""

    widths: Widths
    style_channels: int = 512
    num_mapping_layers: int = 8
    noise: NoiseUse = "concatenated"

    @property
    def num_layers(self) -> int:
        """Of those that take a style: one RGB layer takes the style of the next convolution."""
        return 2 * len(self.widths.sides)

    def noise_shapes(self) -> list[tuple[int, int]]:
        """Channels and side of every noise."""
        shapes = []
        for side in self.widths.sides:
            channels = self.widths[side] if self.noise == "concatenated" else 1
            shapes += [(channels, side)] * (1 if side == FIRST_SIDE else 2)
        return shapes


PAPER = GeneratorConfig(Widths(512, most=512, budget=512 * 64))
SMALL_256 = GeneratorConfig(Widths(256, most=256, budget=256 * 32), style_channels=256)
"""The width of GPEN's generator for 256 px."""
SMALL_128 = GeneratorConfig(Widths(128, most=128, budget=128 * 32), style_channels=256)
"""What a few cores can train."""


class Mapping(nn.Module):
    """Codes of any length to styles: W = MLP(Z) (MMRB-GAN, equation 2)."""

    def __init__(self, channels: int, num_layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            EqualLinear(channels, channels, pace=MAPPING_PACE) for _ in range(num_layers)
        )

    def forward(self, codes: Float[Tensor, "*batch style"]) -> Float[Tensor, "*batch style"]:
        # all features hang on these few numbers, which eight layers in half precision would blur
        with torch.autocast(codes.device.type, enabled=False):
            values = codes.float()
            values = values * torch.rsqrt(values.square().mean(-1, keepdim=True) + 1e-8)
            for layer in self.layers:
                values = activate_scaled(layer(values))
        return values


class ToRgb(nn.Module):
    """Features to a picture, without demodulation."""

    def __init__(self, channels: int, style_channels: int) -> None:
        super().__init__()
        self.conv = ModulatedConv(channels, 3, 1, style_channels, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(
        self, features: Features, style: Float[Tensor, "batch style"]
    ) -> Float[Tensor, "batch 3 height width"]:
        # pictures of all sizes are summed up, in float32
        return self.conv(features, style).float() + self.bias[:, None, None].float()


class Generator(nn.Module):
    """Pictures from codes: a constant grows, each layer under its own style."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        widths, style = config.widths, config.style_channels
        beside = 2 if config.noise == "concatenated" else 1
        self.mapping = Mapping(style, config.num_mapping_layers)
        self.constant = nn.Parameter(torch.randn(1, widths[FIRST_SIDE], FIRST_SIDE, FIRST_SIDE))
        convs = [StyledConv(widths[FIRST_SIDE], widths[FIRST_SIDE], style, config.noise)]
        for side in widths.sides[1:]:
            before, after = beside * widths[side // 2], widths[side]
            convs.append(StyledConv(before, after, style, config.noise, grows=True))
            convs.append(StyledConv(beside * after, after, style, config.noise))
        self.convs = nn.ModuleList(convs)
        self.to_rgb = nn.ModuleList(ToRgb(beside * widths[side], style) for side in widths.sides)
        self.enlarge = doubling()

    def forward(
        self, codes: Float[Tensor, "batch pair style"], crossover: Int[Tensor, " batch"], noises: Noises
    ) -> tuple[Float[Tensor, "batch 3 _ _"], Styles]:
        """Pictures in [-1, 1], or a little beyond, and their styles; of a pair of codes the second one
        rules from layer `crossover` on."""
        mapped = self.mapping(codes)  # (B, 2, style)
        is_second = torch.arange(self.config.num_layers, device=codes.device) >= crossover[:, None]
        styles = torch.where(is_second[..., None], mapped[:, 1:], mapped[:, :1])  # (B, layers, style)
        return self.synthesize(styles, noises), styles

    def synthesize(self, styles: Styles, noises: Noises) -> Float[Tensor, "batch 3 _ _"]:
        """Pictures from the styles of all layers."""
        features = self.constant.expand(styles.shape[0], -1, -1, -1)  # (B, C, 4, 4)
        features = self.convs[0](features, styles[:, 0], noises[0])  # (B, 2 C, 4, 4)
        image = self.to_rgb[0](features, styles[:, 1])  # (B, 3, 4, 4)
        for level, to_rgb in enumerate(self.to_rgb[1:], start=1):
            for layer in (2 * level - 1, 2 * level):
                features = self.convs[layer](features, styles[:, layer], noises[layer])  # (B, 2 C, s, s)
            image = self.enlarge(image) + to_rgb(features, styles[:, 2 * level + 1])  # (B, 3, s, s)
        return image

    def styles_of(self, codes: Codes) -> Styles:
        """One code for all layers."""
        return self.mapping(codes)[:, None].expand(-1, self.config.num_layers, -1)

    def mean_style(self) -> Styles:
        """Of the average face, which truncation brings others nearer to; always of the same codes."""
        chance = torch.Generator().manual_seed(MEAN_SEED)
        codes = draw_codes(self.config, NUM_IN_MEAN, chance, self.constant.device)
        return self.styles_of(codes).mean(0, keepdim=True)


def draw_noises(
    config: GeneratorConfig, batch: int, generator: torch.Generator, device: torch.device
) -> Noises:
    """What pictures that nothing is known of are made with."""
    noises = []
    for channels, side in config.noise_shapes():
        # channels last, as the features are that they come to lie beside: nothing has to be moved then
        drawn = torch.randn((batch, side, side, channels), generator=generator, device=generator.device)
        noises.append(drawn.permute(0, 3, 1, 2).to(device))
    return noises


def draw_codes(
    config: GeneratorConfig, batch: int, generator: torch.Generator, device: torch.device
) -> Codes:
    """Who these pictures show."""
    shape = (batch, config.style_channels)
    return torch.randn(shape, generator=generator, device=generator.device).to(device)
