"""VGG-16 (Simonyan and Zisserman, 2014, configuration D) for expressions, as CFR-GAN's Table 3 has it."""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mien.types import Images


@dataclass(frozen=True)
class ExpressionConfig:
    """Widths of the convolutions between two halvings, and of the two layers before the last."""

    image_size: int = 224
    stages: tuple[tuple[int, ...], ...] = (
        (64, 64),
        (128, 128),
        (256, 256, 256),
        (512, 512, 512),
        (512, 512, 512),
    )
    hidden: int = 4096
    dropout: float = 0.5
    num_classes: int = 7

    @property
    def last_side(self) -> int:
        """Of the features that the layers see."""
        return self.image_size // 2 ** len(self.stages)


PAPER = ExpressionConfig()
SMALL = ExpressionConfig(image_size=96, stages=((16,), (32,), (64, 64), (96, 96), (128, 128)), hidden=256)
"""For a CPU."""


class ExpressionNetwork(nn.Module):
    """Pictures in [0, 1] to a score for each expression."""

    def __init__(self, config: ExpressionConfig) -> None:
        super().__init__()
        self.config = config
        before, layers = 3, []
        for widths in config.stages:
            for width in widths:
                conv = nn.Conv2d(before, width, kernel_size=3, padding=1)
                nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
                layers += [conv, nn.ReLU(inplace=True)]
                before = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.first = nn.Linear(before * config.last_side**2, config.hidden)
        self.second = nn.Linear(config.hidden, config.hidden)
        self.last = nn.Linear(config.hidden, config.num_classes)

    def forward(self, images: Images) -> Float[Tensor, "batch classes"]:
        features = self.features((images - 0.5) * 4).flatten(1)  # (B, C side^2)
        for layer in (self.first, self.second):
            features = F.dropout(F.relu(layer(features)), self.config.dropout, self.training)
        return self.last(features)  # (B, classes)
