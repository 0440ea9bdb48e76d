"""CFR-GAN's generator with its occlusion-parsing path (section 3.3, Fig. 4), and its two-scale critic."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from mien.layers.conv import NEGATIVE_SLOPE, activate
from mien.layers.gated import GatedBlock, GatedShrink, Grow, NormedConv, reflected_conv
from mien.types import Images, Masks

Features = Float[Tensor, "batch channels height width"]


@dataclass(frozen=True)
class RotateConfig:
    """Size of the generator; the defaults are those of the paper and of its code."""

    image_size: int = 224
    fold: int = 1
    """Squares of pixels of this side become channels before anything else: the network then works on a
    picture smaller by that."""
    channels: tuple[int, int, int] = (64, 128, 256)
    """At the whole side, a half and a quarter."""
    num_blocks: int = 9
    stem: int = 7
    """Side of the first and last kernels."""
    spectral: bool = True
    """Spectral norm in all but the occlusion-parsing path."""
    parses: bool = True
    """Without the occlusion-parsing path (ablation w/o O path) there is no mask: all is made anew."""

    adds: bool = False
    """Whether the network makes what is to be added to the estimate, and not the picture itself: it then
    begins as good as the estimate is, which short trainings need."""

    def __post_init__(self) -> None:
        if self.image_size % (4 * self.fold):
            raise ValueError(f"image_size {self.image_size} is not a multiple of {4 * self.fold}")
        if self.adds and self.spectral:
            raise ValueError("what adds begins with zeros, of which there is no spectral norm")


PAPER = RotateConfig()
SMALL = RotateConfig(
    image_size=256, fold=4, channels=(48, 96, 160), num_blocks=6, stem=3, spectral=False, adds=True
)
"""What the embedded weights have: 5.3 M parameters, 3.9 GFLOP a face; at 256 px, the size of the photos, of
the parser and of restoration, so that nothing is resampled between them."""


def without_parsing(config: RotateConfig) -> RotateConfig:
    """Ablation: w/o O path."""
    return replace(config, parses=False)


class OcclusionAttention(nn.Module):
    """What differs between photo and estimate is weakened in the photo's features (equation 9).

    f_o = IN(conv((f_p - f_e)^2)), f_p = f_p (1 - sigmoid(f_o)); the convolution is in the code alone.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = reflected_conv(channels, channels, spectral=False)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, photo: Features, estimate: Features) -> tuple[Features, Features]:
        """The photo's features, and f_o."""
        differs = self.norm(self.conv((photo - estimate).square()))  # (B, C, H, W)
        return photo * (1 - torch.sigmoid(differs)), differs


class MixingModule(nn.Module):
    """M_o out of the gates and f_o, coarse to fine."""

    def __init__(self, channels: tuple[int, int, int], fold: int) -> None:
        super().__init__()
        fine, middle, coarse = channels
        self.grow_coarse = self.grow(coarse, middle)
        self.mix = nn.Conv2d(2 * middle, middle, kernel_size=3, padding=1)
        self.grow_middle = self.grow(middle, fine)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in (middle, middle, fine))
        self.to_mask = nn.Conv2d(fine, fold**2, kernel_size=3, padding=1)
        self.fold = fold

    @staticmethod
    def grow(inputs: int, outputs: int) -> nn.ConvTranspose2d:
        return nn.ConvTranspose2d(inputs, outputs, kernel_size=3, stride=2, padding=1, output_padding=1)

    def forward(
        self,
        differs: Features,
        middle: Float[Tensor, "batch middle_channels middle_height middle_width"],
        coarse: Float[Tensor, "batch coarse_channels coarse_height coarse_width"],
    ) -> Float[Tensor, "batch 1 whole_height whole_width"]:
        """The mask before its sigmoid."""
        first, second, third = self.norms
        grown = activate(first(self.grow_coarse(coarse)))  # (B, C1, H / 2, W / 2)
        mixed = activate(second(self.mix(torch.cat((grown, middle), dim=1))))  # (B, C1, H / 2, W / 2)
        features = activate(third(self.grow_middle(mixed))) + differs  # (B, C0, H, W)
        return F.pixel_shuffle(self.to_mask(features), self.fold)  # (B, 1, fold H, fold W)


class RotateNetwork(nn.Module):
    """From R_p and R_e to a picture and M_o."""

    def __init__(self, config: RotateConfig) -> None:
        super().__init__()
        self.config = config
        fine, middle, coarse = config.channels
        planes, spectral = 3 * config.fold**2, config.spectral
        self.photo_stem = NormedConv(planes, fine, config.stem, spectral=spectral)
        self.estimate_stem = NormedConv(planes, fine, config.stem, spectral=spectral)
        if config.parses:
            self.attention = OcclusionAttention(fine)
            self.shrinks = nn.ModuleList(
                (GatedShrink(fine, middle, spectral), GatedShrink(middle, coarse, spectral))
            )
            self.mixing = MixingModule(config.channels, config.fold)
        else:
            self.join = reflected_conv(2 * fine, fine, spectral=spectral)
            self.plain_shrinks = nn.Sequential(
                NormedConv(fine, middle, stride=2, spectral=spectral),
                NormedConv(middle, coarse, stride=2, spectral=spectral),
            )
        self.blocks = nn.Sequential(*(GatedBlock(coarse, spectral) for _ in range(config.num_blocks)))
        self.grows = nn.Sequential(Grow(coarse, middle, spectral), Grow(middle, fine, spectral))
        self.to_image = reflected_conv(fine, planes, config.stem, spectral=spectral)
        if isinstance(self.to_image, nn.Conv2d) and config.adds:
            nn.init.zeros_(self.to_image.weight)  # nothing is added at first

    def forward(self, photo: Images, estimate: Images) -> tuple[Images, Masks]:
        """Pictures in [-1, 1]; of the mask the logits, which are high where something was made up."""
        fold = self.config.fold
        seen = self.photo_stem(F.pixel_unshuffle(photo, fold))  # (B, C0, H / fold, W / fold)
        expected = self.estimate_stem(F.pixel_unshuffle(estimate, fold))  # (B, C0, H / fold, W / fold)
        features, logits = self.parse(seen, expected)  # (B, C2, H / (4 fold), W / (4 fold))
        planes = self.to_image(self.grows(self.blocks(features)))  # (B, 3 fold^2, H / fold, W / fold)
        image = F.pixel_shuffle(planes, fold)  # (B, 3, H, W)
        return (estimate + image if self.config.adds else torch.tanh(image)), logits

    def parse(
        self, seen: Features, expected: Features
    ) -> tuple[Float[Tensor, "batch coarse _ _"], Float[Tensor, "batch 1 _ _"]]:
        """The way down; without the O path the mask is everything."""
        if not self.config.parses:
            joined = activate(self.join(torch.cat((seen, expected), dim=1)))
            size = [self.config.fold * side for side in seen.shape[-2:]]
            return self.plain_shrinks(joined), torch.full_like(seen[:, :1, :1, :1], 20.0).expand(-1, 1, *size)
        features, differs = self.attention(seen, expected)
        gates = []
        for shrink in self.shrinks:
            features, gate = shrink(features)
            gates.append(gate)
        return features, self.mixing(differs, *gates)


class PatchScale(nn.Module):
    """The critic at one size of the picture: five convolutions, as in the code; the paper says six."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        before, layers = 3, []
        for after in channels:
            layers += [
                spectral_norm(nn.Conv2d(before, after, kernel_size=4, stride=2, padding=2)),
                nn.LeakyReLU(NEGATIVE_SLOPE),
            ]
            before = after
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(before, 1, kernel_size=1)))

    def forward(self, images: Images) -> Float[Tensor, "batch 1 patches_down patches_across"]:
        return self.layers(images)


CRITIC_CHANNELS = (64, 128, 256, 512)
NARROW_CHANNELS = (32, 64, 96, 128)


class RotateCritic(nn.Module):
    """Two scales (Pix2PixHD); scores without bound, as Wasserstein critics have them."""

    def __init__(self, channels: tuple[int, ...] = CRITIC_CHANNELS) -> None:
        super().__init__()
        self.fine, self.coarse = PatchScale(channels), PatchScale(channels)

    def forward(self, images: Images) -> Float[Tensor, "batch patches"]:
        """Pictures in [-1, 1]; a score for each patch of both scales."""
        fine = self.fine(images)  # (B, 1, h, w)
        coarse = self.coarse(F.avg_pool2d(images, 2))  # (B, 1, h', w')
        return torch.cat((fine.flatten(1), coarse.flatten(1)), dim=1)
