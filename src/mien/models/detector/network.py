"""A small anchor-free face detector: at every cell of four grids a score, a box and five points."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mien.layers.norm import ConvNorm, Features, NormBlock
from mien.types import Images

OUTPUTS = 1 + 4 + 10
"""Per cell: score, box (centre, log size), five points."""


@dataclass(frozen=True)
class DetectorConfig:
    """Size of the network; the grids have strides 8, 16, 32 and 64."""

    stem_widths: tuple[int, int] = (16, 24)
    widths: tuple[int, int, int, int] = (40, 72, 128, 96)
    """Channels at strides 8, 16, 32, 64."""
    depths: tuple[int, int, int, int] = (1, 1, 2, 1)
    """Residual blocks at each of them."""
    neck_width: int = 48
    strides: tuple[int, int, int, int] = (8, 16, 32, 64)
    first_score: float = 0.01
    """What an untrained network answers everywhere, so that the empty cells do not drown the first steps."""


SMALL = DetectorConfig()
"""What the embedded weights have."""


class Cells(NamedTuple):
    """All grids in a row, in pixels of the input; a tuple, which wrappers of networks understand."""

    scores: Float[Tensor, "batch cells"]
    """Before the sigmoid."""
    boxes: Float[Tensor, "batch cells 4"]
    points: Float[Tensor, "batch cells 5 2"]
    centres: Float[Tensor, "cells 2"]
    strides: Float[Tensor, " cells"]


class Head(nn.Module):
    """Reads one grid; not shared, since each grid sees faces with their own statistics."""

    def __init__(self, width: int, first_score: float) -> None:
        super().__init__()
        self.conv = ConvNorm(width, width)
        self.out = nn.Conv2d(width, OUTPUTS, 1)
        nn.init.normal_(self.out.weight, std=0.01)
        bias = torch.zeros(OUTPUTS)
        bias[0] = torch.logit(torch.tensor(first_score))
        self.out.bias = nn.Parameter(bias)

    def forward(self, features: Features) -> Float[Tensor, "batch outputs height width"]:
        return self.out(self.conv(features))


class DetectorNetwork(nn.Module):
    """A chain of convolutions, and a way back up that brings what the coarse grids see to the fine ones."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        first, second = config.stem_widths
        self.stem = nn.Sequential(ConvNorm(3, first, 2), ConvNorm(first, second, 2))
        inputs = [second, *config.widths[:-1]]
        self.stages = nn.ModuleList(
            nn.Sequential(ConvNorm(before, width, 2), *(NormBlock(width) for _ in range(depth)))
            for before, width, depth in zip(inputs, config.widths, config.depths, strict=True)
        )
        self.laterals = nn.ModuleList(ConvNorm(width, config.neck_width, size=1) for width in config.widths)
        self.smooth = nn.ModuleList(ConvNorm(config.neck_width, config.neck_width) for _ in config.widths)
        self.heads = nn.ModuleList(Head(config.neck_width, config.first_score) for _ in config.widths)

    def forward(self, images: Images) -> Cells:
        """RGB in [0, 1], sides a multiple of 64."""
        features = self.stem((images - 0.5) * 4)  # (B, stem, H/4, W/4)
        laterals = []
        for stage, lateral in zip(self.stages, self.laterals, strict=True):
            features = stage(features)  # (B, widths[i], H/8 ... H/64, ...)
            laterals.append(lateral(features))
        answers: list[Tensor] = []
        above: Tensor | None = None
        for lateral, smooth, head in zip(
            reversed(laterals), reversed(self.smooth), reversed(self.heads), strict=True
        ):
            merged = lateral if above is None else lateral + F.interpolate(above, scale_factor=2.0)
            above = smooth(merged)  # (B, neck, H/s, W/s), from the coarsest grid down
            answers.append(head(above))
        return decode(answers[::-1], self.config.strides)


def decode(answers: list[Tensor], strides: tuple[int, ...]) -> Cells:
    """What the heads say, from units of the stride into pixels."""
    places = [
        grid(answer.shape[2], answer.shape[3], stride)
        for answer, stride in zip(answers, strides, strict=True)
    ]
    centres = torch.cat(places).to(answers[0].device)
    stride = torch.cat(
        [centres.new_full((place.shape[0],), s) for place, s in zip(places, strides, strict=True)]
    )
    raw = torch.cat([answer.flatten(2) for answer in answers], 2).transpose(1, 2).float()  # (B, cells, 15)
    middle = centres + raw[..., 1:3] * stride[:, None]
    # a fresh network answers four strides, the middle of what a grid is for
    half = 2 * stride[:, None] * raw[..., 3:5].clamp(-4.0, 4.0).exp()
    # in box sides from its middle, so that the answer says how the face is turned and nothing else;
    # the box is not bent to suit its points
    side = (4 * half.prod(-1)).sqrt().detach()
    points = middle.detach()[..., None, :] + 0.5 * raw[..., 5:].unflatten(-1, (5, 2)) * side[..., None, None]
    return Cells(
        scores=raw[..., 0],
        boxes=torch.cat((middle - half, middle + half), -1),
        points=points,
        centres=centres,
        strides=stride,
    )


def grid(height: int, width: int, stride: int) -> Float[Tensor, "cells 2"]:
    """Centres of the cells in pixels; (0, 0) is the centre of the first pixel, so a cell starts at -0.5."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack((columns, rows), -1).reshape(-1, 2) * float(stride) + (stride - 1) / 2
