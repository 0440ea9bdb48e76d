"""Turn a MobileFaceNet's weights into a file that `mien train --embedder` takes.

    python tools/export_embedder.py mobilefacenet.pt embedder.pt2

The file holds a graph, not code: it takes faces of 256 px in [0, 1], aligned as FFHQ, brings them to the
112 px of the ArcFace alignment and gives their embeddings. Gradients flow through it.
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mien.faces.align import fit_similarity, template_points

CROP_SIZE = 256
FACE_SIZE = 112
STAGES = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
"""Expansion, channels, blocks and stride of the first block."""


def convolution(before: int, after: int, size: int = 1, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, size, stride, (size - 1) // 2, groups=groups, bias=False)


def active(conv: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels), nn.ReLU6())


class Bottleneck(nn.Module):
    """Widen, filter each channel on its own, narrow; names as in the file."""

    def __init__(self, before: int, after: int, expansion: int, stride: int) -> None:
        super().__init__()
        wide = before * expansion
        self.keeps_shape = stride == 1 and before == after
        self.conv = nn.Sequential(
            active(convolution(before, wide)),
            active(convolution(wide, wide, 3, stride, groups=wide)),
            convolution(wide, after),
            nn.BatchNorm2d(after),
        )

    def forward(self, features: Tensor) -> Tensor:
        return features + self.conv(features) if self.keeps_shape else self.conv(features)


class DepthwiseFirst(nn.Module):
    """The second layer."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise, self.bn1 = convolution(64, 64, 3, groups=64), nn.BatchNorm2d(64)
        self.pointwise, self.bn2 = convolution(64, 64), nn.BatchNorm2d(64)

    def forward(self, features: Tensor) -> Tensor:
        features = F.relu6(self.bn1(self.depthwise(features)))
        return F.relu6(self.bn2(self.pointwise(features)))


class GlobalDepthwise(nn.Module):
    """One 7x7 filter per channel instead of pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(512, 512, 7, groups=512, bias=False)
        self.bn = nn.BatchNorm2d(512)

    def forward(self, features: Tensor) -> Tensor:
        return self.bn(self.depthwise(features))


class MobileFaceNet(nn.Module):
    """112 px RGB, ImageNet mean and deviation, to 128 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = active(convolution(3, 64, 3, 2))
        self.dw_conv = DepthwiseFirst()
        blocks, before = [], 64
        for expansion, after, count, stride in STAGES:
            for index in range(count):
                blocks.append(Bottleneck(before, after, expansion, stride if index == 0 else 1))
                before = after
        self.features = nn.Sequential(*blocks)
        self.conv2 = active(convolution(128, 512))
        self.gdconv = GlobalDepthwise()
        self.conv3 = nn.Conv2d(512, 128, 1)
        self.bn = nn.BatchNorm1d(128)

    def forward(self, faces: Tensor) -> Tensor:
        features = self.conv2(self.features(self.dw_conv(self.conv1(faces))))  # (B, 512, 7, 7)
        return self.bn(self.conv3(self.gdconv(features)).flatten(1))  # (B, 128)


class CropEmbedder(nn.Module):
    """Aligned crops to embeddings."""

    grid: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, network: MobileFaceNet) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("grid", sampling_grid())
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def forward(self, crops: Float[Tensor, "batch 3 256 256"]) -> Float[Tensor, "batch 128"]:
        grid = self.grid.expand(crops.shape[0], -1, -1, -1)  # (B, 224, 224, 2)
        fine = F.grid_sample(crops, grid, padding_mode="border", align_corners=True)  # (B, 3, 224, 224)
        faces = F.avg_pool2d(fine, 2)  # (B, 3, 112, 112)
        return self.network((faces - self.mean) / self.deviation)


def sampling_grid() -> Float[Tensor, "1 224 224 2"]:
    """Where each of 2 x 2 samples a pixel of the 112 px face lies in the crop, in grid_sample's units."""
    crop_from_face = fit_similarity(template_points("arcface", FACE_SIZE), template_points("ffhq", CROP_SIZE))
    steps = (torch.arange(2 * FACE_SIZE, dtype=torch.float64) + 0.5) / 2 - 0.5
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    points = torch.stack((x, y, torch.ones_like(x)), dim=-1) @ crop_from_face.double().T  # (224, 224, 2)
    return (points / (CROP_SIZE - 1) * 2 - 1).float()[None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="a MobileFaceNet's state dict, tensors only")
    parser.add_argument("output", type=Path, help="where the .pt2 file goes")
    arguments = parser.parse_args()
    network = MobileFaceNet()
    network.load_state_dict(torch.load(arguments.weights, map_location="cpu", weights_only=True))
    embedder = CropEmbedder(network).eval().requires_grad_(False)
    batch = torch.export.Dim("batch", min=1, max=4096)
    program = torch.export.export(
        embedder, (torch.rand(2, 3, CROP_SIZE, CROP_SIZE),), dynamic_shapes=({0: batch},)
    )
    torch.export.save(program, arguments.output)
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    main()
