"""FFN, the frontalization net of MDFR (section 3.1, equation 2), and its two critics (section 3.3)."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mien.layers.conv import NEGATIVE_SLOPE, activate, conv3x3, residual_blocks
from mien.layers.dense import DenseDecoder
from mien.models.restore.network import PAPER as RESTORE_PAPER
from mien.models.restore.network import RestoreConfig, RestoreNetwork

PoseInput = Literal["residual", "concatenated", "none"]
"""How poses enter: their difference (equation 2), side by side (FFN-S-PC of Fig. 4), not at all (w/o PNM)."""

Heatmaps = Float[Tensor, "batch points map_height map_width"]
"""Of the size that the network works at, `FrontalConfig.map_size`: a spot is smooth, so nothing is lost."""


@dataclass(frozen=True)
class FrontalConfig:
    """An FFN: the encoder and decoder of an FRN, and a way in for poses."""

    shared: RestoreConfig
    """The same as the FRN's that it will teach, so that their last dense blocks can be compared."""
    num_points: int = 18
    pose: PoseInput = "residual"

    def __post_init__(self) -> None:
        if self.shared.residual:
            raise ValueError("a turned face is not its input and a difference: shared.residual must be False")

    @property
    def map_size(self) -> int:
        """Side of the heatmaps."""
        return self.shared.image_size // self.shared.shrink

    @property
    def num_pose_codes(self) -> int:
        """Codes of poses that the picture's code is joined with."""
        return {"residual": 1, "concatenated": 2, "none": 0}[self.pose]


def turning(config: RestoreConfig) -> RestoreConfig:
    """An FRN's config for results in another pose: not its input with something added."""
    return replace(config, residual=False)


PAPER = FrontalConfig(turning(RESTORE_PAPER))
SMALL = FrontalConfig(
    RestoreConfig(
        image_size=128,
        shrink=4,
        channels=(64, 128, 256),
        num_blocks=(1, 2, 4),
        decoder_channels=(128, 64),
        num_decoder_blocks=1,
        skips=False,
        residual=False,
    )
)
"""128 px as in the paper, and no way past the code either: fine features that go around it keep their pose,
and a network that is handed them learns to draw its input."""


class TwoDoorEncoder(nn.Module):
    """E_2: pictures and heatmaps come in by a stem each; all that follows is the same for both.

    Only then is the difference of two poses' codes one in the space of the pictures' codes.
    """

    def __init__(self, config: FrontalConfig) -> None:
        super().__init__()
        shared, channels = config.shared, config.shared.channels
        self.fold = shared.shrink
        self.image_stem = conv3x3(3 * self.fold**2, channels[0])
        self.pose_stem = conv3x3(config.num_points, channels[0])
        wider = pairwise(channels)
        self.shrinks = nn.ModuleList(conv3x3(before, after, stride=2) for before, after in wider)
        self.stages = nn.ModuleList(
            residual_blocks(width, num_blocks)
            for width, num_blocks in zip(channels, shared.num_blocks, strict=True)
        )

    def forward(
        self, inputs: Float[Tensor, "batch planes height width"]
    ) -> list[Float[Tensor, "batch _ _ _"]]:
        """Features fine to coarse; the last one is the code. Three planes are a picture, others heatmaps."""
        if inputs.shape[1] == 3:
            entered = self.image_stem(F.pixel_unshuffle(inputs, self.fold))  # (B, channels[0], H / s, W / s)
        else:
            entered = self.pose_stem(inputs)
        features = [self.stages[0](entered)]
        for shrink, stage in zip(self.shrinks, self.stages[1:], strict=True):
            features.append(stage(shrink(activate(features[-1]))))  # (B, channels[k], H/(s 2^k), W/(s 2^k))
        return features


class FrontalNetwork(nn.Module):
    """G_2 = F_2(E_2(I_h) + [E_2(L_p) - E_2(L_t)]), + being concatenation (MDFR, equation 2)."""

    def __init__(self, config: FrontalConfig) -> None:
        super().__init__()
        self.config = config
        shared, code_channels = config.shared, config.shared.channels[-1]
        self.encoder = TwoDoorEncoder(config)
        self.join = nn.Conv2d(code_channels * (1 + config.num_pose_codes), code_channels, kernel_size=1)
        self.decoder = DenseDecoder(
            code_channels=code_channels,
            block_channels=shared.decoder_channels,
            skip_channels=shared.channels[-2::-1] if shared.skips else (0,) * len(shared.decoder_channels),
            num_blocks=shared.num_decoder_blocks,
        )
        self.to_image = conv3x3(shared.decoder_channels[-1], 3 * shared.shrink**2)

    def forward(
        self, image: Float[Tensor, "batch 3 height width"], given: Heatmaps, wanted: Heatmaps
    ) -> Float[Tensor, "batch 3 height width"]:
        """Pictures in [-1, 1]; `given` is L_p, the pose of the picture, and `wanted` is L_t."""
        return self.features_and_image(image, given, wanted)[1]

    def features_and_image(
        self, image: Float[Tensor, "batch 3 height width"], given: Heatmaps, wanted: Heatmaps
    ) -> tuple[Float[Tensor, "batch channels _ _"], Float[Tensor, "batch 3 height width"]]:
        """The last dense block, which task-integrated training aligns (equation 12), and the picture."""
        *finer, code = self.encoder(image)  # code (B, C, H / stride, W / stride)
        poses = self.pose_codes(given, wanted)
        joined = self.join(torch.cat((code, *poses), dim=1))  # (B, C, H / stride, W / stride)
        last = self.decoder(joined, finer[::-1] if self.config.shared.skips else [])  # (B, D, H / s, W / s)
        return last, F.pixel_shuffle(self.to_image(activate(last)), self.config.shared.shrink)  # (B, 3, H, W)

    def pose_codes(self, given: Heatmaps, wanted: Heatmaps) -> list[Float[Tensor, "batch channels _ _"]]:
        """What the picture's code is joined with."""
        if self.config.pose == "none":
            return []
        codes = self.encoder(torch.cat((given, wanted)))[-1].chunk(2)  # each (B, C, H / stride, W / stride)
        return [codes[0] - codes[1]] if self.config.pose == "residual" else list(codes)


class Pupil(nn.Module):
    """FRN while FFN teaches it: in one go its picture and the features that are compared."""

    def __init__(self, network: RestoreNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, damaged: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch channels _ _"], Float[Tensor, "batch 3 height width"]]:
        return self.network.features_and_image(damaged)


@dataclass(frozen=True)
class CriticConfig:
    """A critic shaped like VGG-11 (configuration A): eight convolutions, halved after some."""

    channels: tuple[int, ...]
    condition_planes: int = 0
    """Planes beside the picture's three: heatmaps, for the PCD."""
    condition_features: int = 0
    """Of a vector that is laid over the fourth level: identity, for the ICD."""

    def __post_init__(self) -> None:
        if len(self.channels) != len(HALVED_BEFORE):
            raise ValueError(f"VGG-11 has {len(HALVED_BEFORE)} convolutions, got {len(self.channels)} widths")


HALVED_BEFORE = (False, True, True, False, True, False, True, False)
"""Whether the picture is halved before each convolution of VGG-11."""
CONDITIONED = 4
"""The convolution that sees the vector: the first of the fourth level."""
VGG11 = (64, 128, 256, 256, 512, 512, 512, 512)
NARROW = (32, 64, 96, 96, 128, 128, 160, 160)


class Critic(nn.Module):
    """D_1 or D_2 (MDFR, equation 10): is this a true picture of that pose, or of that person?"""

    def __init__(self, config: CriticConfig) -> None:
        super().__init__()
        self.config = config
        before = 3 + config.condition_planes
        convs = []
        for index, after in enumerate(config.channels):
            extra = config.condition_features if index == CONDITIONED else 0
            convs.append(conv3x3(before + extra, after))
            before = after
        self.convs = nn.ModuleList(convs)
        self.to_logit = nn.Linear(before, 1)

    def forward(
        self,
        images: Float[Tensor, "batch 3 height width"],
        condition: Float[Tensor, "batch planes height width"] | Float[Tensor, "batch features"],
    ) -> Float[Tensor, "batch 1 1 1"]:
        """Logits, large for true pictures; pictures in [-1, 1]."""
        is_vector = condition.ndim == 2
        features = images if is_vector else torch.cat((images, condition), dim=1)  # (B, 3 + planes, H, W)
        for index, (conv, halved) in enumerate(zip(self.convs, HALVED_BEFORE, strict=True)):
            if halved:
                features = F.max_pool2d(features, 2)  # (B, C, H / 2^k, W / 2^k)
            if is_vector and index == CONDITIONED:
                laid = condition[:, :, None, None].expand(-1, -1, *features.shape[-2:])
                features = torch.cat((features, laid), dim=1)  # (B, C + features, H / 8, W / 8)
            features = F.leaky_relu(conv(features), NEGATIVE_SLOPE)
        return self.to_logit(features.mean(dim=(2, 3)))[..., None, None]  # (B, 1, 1, 1)


def pose_critic(channels: tuple[int, ...], num_points: int) -> Critic:
    """PCD: D_1([L_t, image])."""
    return Critic(CriticConfig(channels, condition_planes=num_points))


def identity_critic(channels: tuple[int, ...], num_features: int) -> Critic:
    """ICD: D_2([P_t, image]); P_t is the target's embedding, since the paper leaves open what its map is."""
    return Critic(CriticConfig(channels, condition_features=num_features))
