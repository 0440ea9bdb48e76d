"""Turn a MobileFaceNet's weights into a file that `mien train --embedder` takes.

    python tools/export_embedder.py mobilefacenet.pt embedder.pt2
    python tools/export_embedder.py mobilefacenet.pt teacher.pt2 --teacher

The file holds a graph, not code: it takes faces of 256 px in [0, 1], aligned as FFHQ, brings them to the
112 px of the ArcFace alignment and gives their embeddings. Gradients flow through it. With `--teacher` it
is what the recipe `identity` learns from: it takes 112 px and gives its feature maps too.
"""

import argparse
import itertools
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
SHOWN = (5, 12)
"""Numbers of blocks after which a teacher shows its maps: the last of 28 and of 14 px."""


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

    def maps(self, faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fine = self.features[: SHOWN[0]](self.dw_conv(self.conv1(faces)))  # (B, 64, 28, 28)
        middle = self.features[SHOWN[0] : SHOWN[1]](fine)  # (B, 128, 14, 14)
        return fine, middle, self.conv2(self.features[SHOWN[1] :](middle))  # (B, 512, 7, 7)

    def forward(self, maps: Tensor) -> Tensor:
        return self.bn(self.conv3(self.gdconv(maps)).flatten(1))  # (B, 128)


class Teacher(nn.Module):
    """112 px in [0, 1] to embeddings and the feature maps on the way, fine to coarse."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: MobileFaceNet) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def forward(self, faces: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        maps = self.network.maps((faces - self.mean) / self.deviation)
        return self.network(maps[-1]), maps


class CropEmbedder(nn.Module):
    """Aligned crops to embeddings."""

    grid: Tensor

    def __init__(self, network: MobileFaceNet) -> None:
        super().__init__()
        self.teacher = Teacher(network)
        self.register_buffer("grid", sampling_grid())

    def forward(self, crops: Float[Tensor, "batch 3 256 256"]) -> Float[Tensor, "batch 128"]:
        grid = self.grid.expand(crops.shape[0], -1, -1, -1)  # (B, 224, 224, 2)
        fine = F.grid_sample(crops, grid, padding_mode="border", align_corners=True)  # (B, 3, 224, 224)
        embeddings, _ = self.teacher(F.avg_pool2d(fine, 2))  # of (B, 3, 112, 112)
        return embeddings


def sampling_grid() -> Float[Tensor, "1 224 224 2"]:
    """Where each of 2 x 2 samples a pixel of the 112 px face lies in the crop, in grid_sample's units."""
    crop_from_face = fit_similarity(template_points("arcface", FACE_SIZE), template_points("ffhq", CROP_SIZE))
    steps = (torch.arange(2 * FACE_SIZE, dtype=torch.float64) + 0.5) / 2 - 0.5
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    points = torch.stack((x, y, torch.ones_like(x)), dim=-1) @ crop_from_face.double().T  # (224, 224, 2)
    return (points / (CROP_SIZE - 1) * 2 - 1).float()[None]


def fold_norms(network: nn.Module) -> nn.Module:
    """Each norm of a chain into the convolution before it: the same numbers in less time."""
    for chain in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for place, (conv, norm) in enumerate(itertools.pairwise(chain)):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                chain[place] = torch.nn.utils.fuse_conv_bn_eval(conv, norm)
                chain[place + 1] = nn.Identity()
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="a MobileFaceNet's state dict, tensors only")
    parser.add_argument("output", type=Path, help="where the .pt2 file goes")
    parser.add_argument("--teacher", action="store_true", help="for the recipe identity")
    arguments = parser.parse_args()
    network = MobileFaceNet()
    network.load_state_dict(torch.load(arguments.weights, map_location="cpu", weights_only=True))
    fold_norms(network.eval())
    embedder = Teacher(network) if arguments.teacher else CropEmbedder(network)
    size = FACE_SIZE if arguments.teacher else CROP_SIZE
    batch = torch.export.Dim("batch", min=1, max=4096)
    program = torch.export.export(
        embedder.eval().requires_grad_(False), (torch.rand(2, 3, size, size),), dynamic_shapes=({0: batch},)
    )
    torch.export.save(program, arguments.output)
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    main()
