"""Two published networks that label photos: RetinaFace (boxes) and 3DDFA_V2 (68 points).

They are rebuilt from the names and shapes of the tensors in their weight files, which a user
downloads from the projects that trained them. Both take BGR, as their authors did.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MIRROR_68 = torch.tensor(
    [
        *(*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)),
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65),
    ]
)
"""Which point of the mirrored face is which point of the face."""


def conv_norm(inputs: int, outputs: int, size: int = 3, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(outputs)]


def separable(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    deep = [*conv_norm(inputs, inputs, 3, stride, inputs), nn.ReLU()]
    return nn.Sequential(*deep, *conv_norm(inputs, outputs, 1), nn.ReLU())


class Context(nn.Module):
    """RetinaFace's context module: three receptive fields side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.conv3X3 = nn.Sequential(*conv_norm(64, 32))
        self.conv5X5_1 = nn.Sequential(*conv_norm(64, 16))
        self.conv5X5_2 = nn.Sequential(*conv_norm(16, 16))
        self.conv7X7_2 = nn.Sequential(*conv_norm(16, 16))
        self.conv7x7_3 = nn.Sequential(*conv_norm(16, 16))

    def forward(self, features: Tensor) -> Tensor:
        shared = self.conv5X5_1(features).relu()
        far = self.conv7x7_3(self.conv7X7_2(shared).relu())
        return torch.cat((self.conv3X3(features), self.conv5X5_2(shared), far), 1).relu()


class RetinaFace(nn.Module):
    """The 0.25 MobileNet variant: plain ReLU, two square anchors on each of three strides."""

    ANCHORS = ((8, (10, 20)), (16, (32, 64)), (32, (128, 256)))

    def __init__(self, weights: Path) -> None:
        super().__init__()
        first = nn.Sequential(*conv_norm(3, 8, 3, 2), nn.ReLU())
        widths = [(8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)]
        self.body = nn.Module()
        self.body.stage1 = nn.Sequential(first, *(separable(*width) for width in widths))
        self.body.stage2 = nn.Sequential(separable(64, 128, 2), *(separable(128, 128, 1) for _ in range(5)))
        self.body.stage3 = nn.Sequential(separable(128, 256, 2), separable(256, 256, 1))
        self.fpn = nn.Module()
        for index, width in enumerate((64, 128, 256), 1):
            setattr(self.fpn, f"output{index}", nn.Sequential(*conv_norm(width, 64, 1)))
        for index in (1, 2):
            setattr(self.fpn, f"merge{index}", nn.Sequential(*conv_norm(64, 64)))
        self.ssh1, self.ssh2, self.ssh3 = Context(), Context(), Context()
        for name, outputs in (("ClassHead", 4), ("BboxHead", 8), ("LandmarkHead", 20)):
            heads = nn.ModuleList(nn.ModuleDict({"conv1x1": nn.Conv2d(64, outputs, 1)}) for _ in range(3))
            setattr(self, name, heads)
        state = torch.load(weights, map_location="cpu", weights_only=True)
        state = {name.removeprefix("module."): value for name, value in state.items()}
        own = set(self.state_dict())
        self.load_state_dict({name: value for name, value in state.items() if name in own})
        self.eval()

    def levels(self, pixels: Tensor) -> list[Tensor]:
        one = self.body.stage1(pixels)
        two = self.body.stage2(one)
        three = self.body.stage3(two)
        one, two, three = (
            self.fpn.output1(one).relu(),
            self.fpn.output2(two).relu(),
            self.fpn.output3(three).relu(),
        )
        two = self.fpn.merge2(two + F.interpolate(three, size=two.shape[2:])).relu()
        one = self.fpn.merge1(one + F.interpolate(two, size=one.shape[2:])).relu()
        return [self.ssh1(one), self.ssh2(two), self.ssh3(three)]

    @torch.inference_mode()
    def forward(self, bgr: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """BGR in 0-255 to scores (B, N), boxes (B, N, 4) and five points (B, N, 5, 2), before suppression."""
        features = self.levels(bgr - bgr.new_tensor([104.0, 117.0, 123.0]).view(1, 3, 1, 1))
        scores, boxes, points = [], [], []
        for index, (feature, (stride, sizes)) in enumerate(zip(features, self.ANCHORS, strict=True)):
            raw = [
                heads[index]["conv1x1"](feature).permute(0, 2, 3, 1).flatten(1)
                for heads in (self.ClassHead, self.BboxHead, self.LandmarkHead)
            ]
            anchors = self.anchors(feature.shape[2], feature.shape[3], stride, sizes)
            centre, side = anchors[:, :2], anchors[:, 2:]
            scores.append(raw[0].unflatten(1, (-1, 2)).softmax(-1)[..., 1])
            offset = raw[1].unflatten(1, (-1, 4))
            middle = centre + 0.1 * offset[..., :2] * side
            half = side * (0.2 * offset[..., 2:]).exp() / 2
            boxes.append(torch.cat((middle - half, middle + half), -1))
            points.append(centre[:, None] + 0.1 * raw[2].unflatten(1, (-1, 5, 2)) * side[:, None])
        return torch.cat(scores, 1), torch.cat(boxes, 1), torch.cat(points, 1)

    @staticmethod
    def anchors(height: int, width: int, stride: int, sizes: tuple[int, ...]) -> Tensor:
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        centre = (torch.stack((columns, rows), -1).reshape(-1, 1, 2) + 0.5) * stride
        side = torch.tensor(sizes, dtype=torch.float32).view(1, -1, 1)
        both = torch.cat((centre.expand(-1, len(sizes), 2), side.expand(centre.shape[0], -1, 1)), -1)
        return both.reshape(-1, 3)


class PointTeacher(nn.Module):
    """3DDFA_V2's half-width MobileNet, of which only the head for 68 points is kept."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16)
        deep = [("dw2_1", 16, 32, 1), ("dw2_2", 32, 64, 2), ("dw3_1", 64, 64, 1), ("dw3_2", 64, 128, 2)]
        deep += [("dw4_1", 128, 128, 1), ("dw4_2", 128, 256, 2)]
        deep += [(f"dw5_{index}", 256, 256, 1) for index in range(1, 6)]
        deep += [("dw5_6", 256, 512, 2), ("dw6", 512, 512, 1)]
        self.order = [name for name, *_ in deep]
        for name, inputs, outputs, stride in deep:
            block = nn.Module()
            block.conv_dw, block.bn_dw = conv_norm(inputs, inputs, 3, stride, inputs)
            block.conv_sep, block.bn_sep = conv_norm(inputs, outputs, 1)
            setattr(self, name, block)
        self.fc_lm = nn.Linear(512, 136)
        state = torch.load(weights, map_location="cpu", weights_only=True)["state_dict"]
        state = {name.removeprefix("module."): value for name, value in state.items()}
        own = set(self.state_dict())
        self.load_state_dict({name: value for name, value in state.items() if name in own})
        self.eval()

    def one_way(self, bgr: Tensor) -> Tensor:
        features = self.bn1(self.conv1((bgr - 127.5) / 128)).relu()
        for name in self.order:
            block = getattr(self, name)
            features = block.bn_dw(block.conv_dw(features)).relu()
            features = block.bn_sep(block.conv_sep(features)).relu()
        flat = self.fc_lm(features.mean((2, 3)))
        return torch.stack((flat[:, :68], flat[:, 68:]), -1)

    @torch.inference_mode()
    def forward(self, bgr: Tensor) -> Tensor:
        """BGR crops (B, 3, 120, 120) in 0-255 to points (B, 68, 2) in -1..1, the mean of both mirrorings."""
        plain, mirrored = self.one_way(torch.cat((bgr, bgr.flip(3)))).chunk(2)
        mirrored = mirrored[:, MIRROR_68] * mirrored.new_tensor([-1.0, 1.0])
        return (plain + mirrored) / 2
