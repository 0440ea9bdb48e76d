"""The critics: StyleGAN2's of whole pictures, and small ones of eyes and mouth (MMRB-GAN, section 3.4)."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mien.layers.conv import NEGATIVE_SLOPE
from mien.layers.equalized import EqualBlock, EqualConv, EqualLinear, activate_scaled
from mien.layers.roi import align_regions
from mien.models.prior.network import FIRST_SIDE, Widths

Features = Float[Tensor, "batch channels height width"]

GROUP = 4
"""Pictures among which the last layers see how much they differ."""
PARTS = ("left_eye", "right_eye", "mouth")


class CriticBlock(nn.Module):
    """Two convolutions beside a skip, half the size."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first = EqualBlock(before, before)
        self.second = EqualBlock(before, after, stride=2)
        self.skip = EqualConv(before, after, 1, stride=2, bias=False)

    def forward(self, features: Features) -> Float[Tensor, "batch after half_height half_width"]:
        return (self.second(self.first(features)) + self.skip(features)) / math.sqrt(2)


class Critic(nn.Module):
    """Is this a face as they are? Residual, with minibatch deviation."""

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        self.stem = EqualBlock(3, widths[widths.image_size], size=1)
        sides = widths.sides[:0:-1]
        self.blocks = nn.ModuleList(CriticBlock(widths[side], widths[side // 2]) for side in sides)
        last = widths[FIRST_SIDE]
        self.last = EqualBlock(last + 1, last)
        self.hidden = EqualLinear(last * FIRST_SIDE**2, last)
        self.to_logit = EqualLinear(last, 1)

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 1 1 1"]:
        """Logits, large for true pictures; pictures in [-1, 1]."""
        return self.judge(self.describe(images)[-1])

    def describe(self, images: Float[Tensor, "batch 3 height width"]) -> list[Float[Tensor, "batch _ _ _"]]:
        """What each block sees, fine to coarse; the last one is what the judgement hangs on."""
        features = self.stem(images)  # (B, C, S, S)
        seen = []
        for block in self.blocks:
            features = block(features)  # (B, C, s / 2, s / 2)
            seen.append(features)
        return seen

    def judge(self, features: Features) -> Float[Tensor, "batch 1 1 1"]:
        """What follows the last block."""
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            joined = torch.cat((features, minibatch_deviation(features)), dim=1)  # (B, C + 1, 4, 4)
            hidden = activate_scaled(self.hidden(self.last(joined).flatten(1)))  # (B, C)
            return self.to_logit(hidden)[..., None, None]

    def freeze(self, num_layers: int) -> None:
        """FreezeD: the stem and the `num_layers - 1` blocks behind it learn no more."""
        if not 0 <= num_layers <= len(self.blocks) + 1:
            raise ValueError(f"between 0 and {len(self.blocks) + 1} layers can be frozen, not {num_layers}")
        for part in (self.stem, *self.blocks)[:num_layers]:
            part.requires_grad_(False)


def minibatch_deviation(features: Features, group: int = GROUP) -> Float[Tensor, "batch 1 height width"]:
    """How much the pictures of a group differ, as one number for all of them (Karras et al., 2018, 3).

    Groups take every n-th picture; where the batch cannot be split so, they are as large as can be.
    """
    batch, _, height, width = features.shape
    group = next(size for size in range(min(group, batch), 0, -1) if batch % size == 0)
    grouped = features.reshape(group, -1, *features.shape[1:])  # (G, B / G, C, H, W)
    deviation = (grouped.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))  # (B / G,)
    return deviation.repeat(group)[:, None, None, None].expand(-1, -1, height, width)


@dataclass(frozen=True)
class LocalConfig:
    """The critics of parts of the face."""

    eye_size: int
    mouth_size: int
    channels: tuple[int, int, int] = (64, 128, 256)


def local_config(image_size: int) -> LocalConfig:
    """80 and 120 pixels of 512, as in GFPGAN, and nothing too small to be halved twice."""
    eye, mouth = (max(16, round(image_size * side / 512 / 4) * 4) for side in (80, 120))
    return LocalConfig(eye, mouth)


def part_critic(channels: tuple[int, int, int]) -> nn.Sequential:
    """Two of its convolutions halve the size; a map of logits comes out (section 3.4)."""
    narrow, middle, wide = channels
    plan = ((3, narrow, 1), (narrow, middle, 2), (middle, middle, 1), (middle, wide, 2), (wide, wide, 1))
    layers: list[nn.Module] = []
    for before, after, stride in plan:
        layers += [EqualConv(before, after, 3, stride), nn.LeakyReLU(NEGATIVE_SLOPE)]
    return nn.Sequential(*layers, EqualConv(wide, 1, 3))


class LocalCritics(nn.Module):
    """D_comp of equation 12: one for each part, all alike."""

    def __init__(self, config: LocalConfig) -> None:
        super().__init__()
        self.sizes = (config.eye_size, config.eye_size, config.mouth_size)
        self.critics = nn.ModuleDict({part: part_critic(config.channels) for part in PARTS})

    def forward(
        self, images: Float[Tensor, "batch 3 height width"], boxes: Float[Tensor, "batch 3 4"]
    ) -> list[Float[Tensor, "batch 1 _ _"]]:
        """Logits of each part; boxes in pixels, in the order of PARTS."""
        parts = zip(self.critics.values(), self.sizes, boxes.unbind(1), strict=True)
        return [critic(align_regions(images, box, size)) for critic, size, box in parts]
