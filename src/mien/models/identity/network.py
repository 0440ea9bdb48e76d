"""IR-ResNet of ArcFace (section 3.1 there): a face of 112 px to a vector whose direction is the person."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mien.types import Images

Features = Float[Tensor, "batch channels height width"]
Smaller = Float[Tensor, "batch new_channels new_height new_width"]
Maps = Float[Tensor, "batch features 7 7"]
Seen = tuple[Float[Tensor, "batch _ _ _"], ...]
Embeddings = Float[Tensor, "batch embedding"]

FACE_SIZE = 112
MAP_SIZE = 7
INITIAL_SLOPE = 0.25


@dataclass(frozen=True)
class IdentityConfig:
    """Each stage halves the size, and the last one gives 7 x 7."""

    stem_channels: int
    stem_stride: Literal[1, 2]
    channels: tuple[int, ...]
    num_blocks: tuple[int, ...]
    embedding_size: int
    activation: Literal["prelu", "relu"]
    dropout: float
    """Before the embedding; 0 where a teacher's embedding is learned, which says more than a label."""

    def __post_init__(self) -> None:
        if len(self.channels) != len(self.num_blocks) or min(self.num_blocks) < 1:
            raise ValueError(f"{self.channels} channels and {self.num_blocks} blocks make no stages")
        size = FACE_SIZE // self.stem_stride // 2 ** len(self.channels)
        if size != MAP_SIZE:
            raise ValueError(f"these stages end at {size} px, not at {MAP_SIZE}")


PAPER = IdentityConfig(
    stem_channels=64,
    stem_stride=1,
    channels=(64, 128, 256, 512),
    num_blocks=(3, 4, 14, 3),
    embedding_size=512,
    activation="prelu",
    dropout=0.4,
)
"""IR-50."""
SMALL = IdentityConfig(
    stem_channels=32,
    stem_stride=2,
    channels=(48, 96, 192),
    num_blocks=(2, 3, 2),
    embedding_size=128,
    activation="relu",
    dropout=0.0,
)
"""0.6 GFLOP a face. PReLU would cost a CPU a third of its training time."""


def convolution(before: int, after: int, size: int, stride: int = 1) -> nn.Conv2d:
    conv = nn.Conv2d(before, after, size, stride, size // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv


def activation(kind: Literal["prelu", "relu"], channels: int) -> nn.Module:
    return nn.PReLU(channels, INITIAL_SLOPE) if kind == "prelu" else nn.ReLU(inplace=True)


def shortcut(before: int, after: int, stride: int) -> nn.Module:
    """What a block adds its work to."""
    if before != after:
        return nn.Sequential(convolution(before, after, 1, stride), nn.BatchNorm2d(after))
    return nn.MaxPool2d(1, stride) if stride > 1 else nn.Identity()


class Block(nn.Module):
    """BN-Conv-BN-PReLU-Conv-BN; the second convolution makes it smaller."""

    def __init__(self, before: int, after: int, stride: int, kind: Literal["prelu", "relu"]) -> None:
        super().__init__()
        self.shortcut = shortcut(before, after, stride)
        self.body = nn.Sequential(
            nn.BatchNorm2d(before),
            convolution(before, after, 3),
            nn.BatchNorm2d(after),
            activation(kind, after),
            convolution(after, after, 3, stride),
            nn.BatchNorm2d(after),
        )

    def forward(self, features: Features) -> Smaller:
        return self.body(features) + self.shortcut(features)  # (B, after, H / stride, W / stride)


class IdentityNetwork(nn.Module):
    """Faces in [-1, 1], aligned by the ArcFace template."""

    def __init__(self, config: IdentityConfig) -> None:
        super().__init__()
        self.config = config
        stem = config.stem_channels
        self.stem = nn.Sequential(
            convolution(3, stem, 3, config.stem_stride),
            nn.BatchNorm2d(stem),
            activation(config.activation, stem),
        )
        stages, before = [], stem
        for after, count in zip(config.channels, config.num_blocks, strict=True):
            widths = [before] + [after] * (count - 1)
            blocks = [
                Block(width, after, 2 if not i else 1, config.activation) for i, width in enumerate(widths)
            ]
            stages.append(nn.Sequential(*blocks))
            before = after
        self.stages = nn.ModuleList(stages)
        self.head = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.Dropout(config.dropout),
            nn.Flatten(),
            nn.Linear(before * MAP_SIZE**2, config.embedding_size),
            nn.BatchNorm1d(config.embedding_size),
        )

    def maps(self, faces: Images) -> Seen:
        """What is seen where after each stage, fine to coarse."""
        features, seen = self.stem(faces), []
        for stage in self.stages:
            features = stage(features)  # (B, C, H / 2, W / 2)
            seen.append(features)
        return tuple(seen)

    def embed(self, maps: Maps) -> Embeddings:
        """From the coarsest of them."""
        return self.head(maps)

    def forward(self, faces: Images) -> Embeddings:
        return self.embed(self.maps(faces)[-1])


@torch.no_grad()
def map_embeddings(
    network: IdentityNetwork, matrix: Float[Tensor, "features features"], origin: Float[Tensor, " features"]
) -> None:
    """Make the network answer `matrix @ (embedding - origin)`, by changing its last two layers."""
    linear, norm = network.head[-2], network.head[-1]
    assert isinstance(linear, nn.Linear)
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    matrix, gain = matrix.double(), norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    bias = gain * (linear.bias - norm.running_mean) + norm.bias - origin
    linear.weight.copy_(matrix @ (gain[:, None] * linear.weight))
    linear.bias.copy_(matrix @ bias)
    norm.reset_parameters()
    norm.running_var.fill_(1 - norm.eps)


def as_input(faces: Images) -> Images:
    """[0, 1] to what the network takes, in the memory order that it is quick in."""
    return (2 * faces - 1).contiguous(memory_format=torch.channels_last)
