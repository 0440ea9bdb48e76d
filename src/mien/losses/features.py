"""What a network sees in pictures, compared: the perceptual loss."""

from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from mien.types import Images

Describe = Callable[[Images], Float[Tensor, "batch channels map_height map_width"]]
"""Pictures in [0, 1] to a layer of a frozen network."""


def feature_distance(
    result: Float[Tensor, "batch channels height width"], truth: Float[Tensor, "batch channels height width"]
) -> Float[Tensor, ""]:
    """Squared distance of features over their number (GFRNet, equation 5), mean over the batch."""
    return (result - truth).square().mean()


def load_features(path: Path, device: torch.device) -> Describe:
    """A network from a file of `torch.export` (.pt2): pictures in [0, 1] to feature maps, in float32."""
    network = torch.export.load(path).module().to(device)

    def describe(images: Images) -> Float[Tensor, "batch channels map_height map_width"]:
        with torch.autocast(images.device.type, enabled=False):
            return network(images.float())

    return describe
