"""A square cut of a face in; landmarks, pose, camera and the morphable model's coefficients out."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mien.layers.norm import ConvNorm, NormBlock
from mien.types import Images

NUM_POINTS = 68
NUM_HARMONICS = 9
Features = Float[Tensor, "batch channels height width"]
Smaller = Float[Tensor, "batch new_channels new_height new_width"]
Maps = tuple[Float[Tensor, "batch _ _ _"], ...]


@dataclass(frozen=True)
class ReaderConfig:
    """Size of the network; each stage works at half the size of the one before."""

    crop_size: int = 112
    face_size: float = 70.0
    """Side (mean of width and height) of the 68 landmarks' box in a cut that is as it should be."""
    stem_width: int = 24
    widths: tuple[int, ...] = (48, 96, 192)
    depths: tuple[int, ...] = (1, 2, 2)
    """Residual blocks at each of the widths."""
    last_width: int = 64
    hidden: int = 320
    num_identity: int = 80
    num_expression: int = 56
    num_albedo: int = 80
    unit: float = 30.0
    """Pixels per decimetre of an average head in such a cut."""

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.depths):
            raise ValueError(f"{self.widths} widths and {self.depths} depths make no stages")
        if self.crop_size % self.shrinking:
            raise ValueError(f"a cut of {self.crop_size} px does not divide by {self.shrinking}")

    @property
    def shrinking(self) -> int:
        """The cut's side over that of the coarsest features."""
        return 2 ** (1 + len(self.widths))

    @property
    def parts(self) -> tuple[int, ...]:
        """How many numbers there are of everything in an `Answer`, before the features."""
        coefficients = (self.num_identity, self.num_expression, self.num_albedo)
        return (2 * NUM_POINTS, 6, 1, 2, *coefficients, 3 * NUM_HARMONICS, 1, 1)


SMALL = ReaderConfig()
"""What the embedded weights have."""


class Answer(NamedTuple):
    """What is read off each cut, in its pixels; a tuple, which wrappers of networks understand."""

    points: Float[Tensor, "batch 68 2"]
    """The landmarks, from the picture directly."""
    turn: Float[Tensor, "batch 6"]
    """A rotation, for `geometry.pose.rotation_from_six`."""
    scale: Float[Tensor, " batch"]
    """Of the weak perspective camera."""
    shift: Float[Tensor, "batch 2"]
    identity: Float[Tensor, "batch identities"]
    expression: Float[Tensor, "batch expressions"]
    albedo: Float[Tensor, "batch albedos"]
    light: Float[Tensor, "batch 9 3"]
    certainty: Float[Tensor, " batch"]
    """Before the sigmoid."""
    occluded: Float[Tensor, " batch"]
    """The share of the face that something hides, before the sigmoid."""
    maps: Maps
    """What was seen where, finer to coarser, and all of it together."""


class Stage(nn.Module):
    """Half the size, then residual blocks."""

    def __init__(self, inputs: int, width: int, depth: int) -> None:
        super().__init__()
        self.body = nn.Sequential(ConvNorm(inputs, width, 2), *(NormBlock(width) for _ in range(depth)))

    def forward(self, features: Features) -> Smaller:
        return self.body(features)  # (B, width, H / 2, W / 2)


class ReaderNetwork(nn.Module):
    """Convolutions, then two full layers, which know where in the cut they look."""

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = ConvNorm(3, config.stem_width, 2)
        before = (config.stem_width, *config.widths[:-1])
        self.stages = nn.ModuleList(
            Stage(*sizes) for sizes in zip(before, config.widths, config.depths, strict=True)
        )
        self.narrow = ConvNorm(config.widths[-1], config.last_width, size=1)
        side = config.crop_size // config.shrinking
        self.full = nn.Linear(config.last_width * side**2, config.hidden)
        self.out = nn.Linear(config.hidden, sum(config.parts))
        nn.init.normal_(self.out.weight, std=0.01)
        nn.init.zeros_(self.out.bias)
        with torch.no_grad():
            # a face that looks ahead, to begin with
            self.out.bias[2 * NUM_POINTS : 2 * NUM_POINTS + 6] = torch.tensor([1.0, 0, 0, 0, 1.0, 0])

    def forward(self, cuts: Images) -> Answer:
        """RGB in [0, 1], `crop_size` square."""
        features, seen = self.stem((cuts - 0.5) * 4), []  # (B, stem, S/2, S/2)
        for stage in self.stages:
            features = stage(features)
            seen.append(features)
        flat = self.narrow(features).flatten(1)
        # a position in bfloat16 would be a quarter of a pixel off
        with torch.autocast(cuts.device.type, enabled=False):
            hidden = self.full(flat.float()).relu()  # (B, hidden)
            return self.in_pixels(self.out(hidden), (*seen[-2:], hidden[:, :, None, None]))

    def in_pixels(self, raw: Float[Tensor, "batch outputs"], maps: Maps) -> Answer:
        """From sides of the face around the middle of the cut."""
        config = self.config
        middle = (config.crop_size - 1) / 2
        points, turn, scale, shift, identity, expression, albedo, light, certainty, occluded = raw.split(
            config.parts, 1
        )
        return Answer(
            points=middle + config.face_size * points.unflatten(1, (NUM_POINTS, 2)),
            turn=turn,
            scale=config.unit * scale[:, 0].clamp(-3.0, 3.0).exp(),
            shift=middle + config.face_size * shift,
            identity=identity,
            expression=expression,
            albedo=albedo,
            light=light.unflatten(1, (NUM_HARMONICS, 3)),
            certainty=certainty[:, 0],
            occluded=occluded[:, 0],
            maps=maps,
        )
