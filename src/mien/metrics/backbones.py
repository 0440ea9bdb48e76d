"""The two networks that LPIPS is published with, read from a user's files: VGG-16 and AlexNet.

Both come as torchvision's weights (`features.0.weight`) with LPIPS's heads beside them
(`lin0.model.1.weight`), or whole as LPIPS saves them (`net.slice1.0.weight`).
"""

import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mien.metrics.perceptual import FeatureMap, Perception
from mien.types import Images

MEAN = (-0.030, -0.088, -0.188)
DEVIATION = (0.458, 0.448, 0.450)
"""ImageNet's, as LPIPS applies them to pictures in [-1, 1]."""
CONVOLUTION = re.compile(r"(?:^|\.)(?:features|slice\d)\.(\d+)\.(weight|bias)$")
HEAD = re.compile(r"^lin(\d)\.model\.\d\.weight$")


class BackboneError(ValueError):
    """Files that do not hold what LPIPS needs."""


@dataclass(frozen=True)
class Plan:
    """A stack of convolutions, each followed by ReLU, by their numbers in torchvision."""

    name: str
    kernel_size: int
    """Of the first convolution, which the networks are told apart by."""
    convolutions: Mapping[int, tuple[int, int]]
    """Number to stride and padding."""
    pools: Mapping[int, tuple[int, int]]
    """Side and stride of the maximum taken before a convolution."""
    taps: tuple[int, ...]
    """The convolutions whose features are looked at."""


_SAME = (1, 1)
VGG = Plan(
    name="VGG-16",
    kernel_size=3,
    convolutions=dict.fromkeys((0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28), _SAME),
    pools=dict.fromkeys((5, 10, 17, 24), (2, 2)),
    taps=(2, 7, 14, 21, 28),
)
ALEX = Plan(
    name="AlexNet",
    kernel_size=11,
    convolutions={0: (4, 2), 3: (1, 2), 6: _SAME, 8: _SAME, 10: _SAME},
    pools=dict.fromkeys((3, 6), (3, 2)),
    taps=(0, 3, 6, 8, 10),
)


@dataclass(frozen=True)
class Backbone:
    """A plan with its weights: pictures in [0, 1] to feature maps."""

    plan: Plan
    weights: Mapping[int, Float[Tensor, "_ _ _ _"]]
    biases: Mapping[int, Float[Tensor, " _"]]

    def __call__(self, images: Images) -> list[FeatureMap]:
        mean, deviation = (images.new_tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
        features = (2 * images - 1 - mean) / deviation
        found = []
        for number, (stride, padding) in self.plan.convolutions.items():
            if number in self.plan.pools:
                features = F.max_pool2d(features, *self.plan.pools[number])
            weight, bias = (values[number].to(images) for values in (self.weights, self.biases))
            features = F.relu(F.conv2d(features, weight, bias, stride, padding))
            if number in self.plan.taps:
                found.append(features)
        return found


def load_lpips(*paths: Path) -> Perception:
    """LPIPS from a backbone's file and one of heads, or from one that holds both.

    Without heads it is what its authors call the uncalibrated baseline, and its name says so.
    """
    tensors: dict[str, Tensor] = {}
    for path in paths:
        tensors |= _read(path)
    origin = " and ".join(path.name for path in paths)
    backbone = _backbone(tensors, origin)
    heads = {
        int(match[1]): tensor.flatten() for name, tensor in tensors.items() if (match := HEAD.match(name))
    }
    channels = [len(backbone.biases[tap]) for tap in backbone.plan.taps]
    if heads and [len(heads.get(index, ())) for index in range(len(channels))] != channels:
        raise BackboneError(f"{origin}: the heads do not fit {backbone.plan.name} of {channels} channels")
    kind = "LPIPS" if heads else "LPIPS without heads"
    return Perception(
        f"{kind}, {backbone.plan.name} of {origin}", backbone, tuple(heads[i] for i in sorted(heads))
    )


def _backbone(tensors: Mapping[str, Tensor], origin: str) -> Backbone:
    found: dict[str, dict[int, Tensor]] = {"weight": {}, "bias": {}}
    for name, tensor in tensors.items():
        if match := CONVOLUTION.search(name):
            found[match[2]][int(match[1])] = tensor
    if 0 not in found["weight"]:
        raise BackboneError(f"{origin} holds no features.0.weight: no VGG-16 or AlexNet")
    side = found["weight"][0].shape[-1]
    plan = next((plan for plan in (VGG, ALEX) if plan.kernel_size == side), None)
    if plan is None:
        raise BackboneError(f"{origin}: a first convolution of side {side} is neither VGG-16's nor AlexNet's")
    for kind, values in found.items():
        missing = [str(number) for number in plan.convolutions if number not in values]
        if missing:
            raise BackboneError(f"{origin} lacks the {kind} of {plan.name}'s layers {', '.join(missing)}")
    return Backbone(plan, found["weight"], found["bias"])


def _read(path: Path) -> dict[str, Tensor]:
    try:
        loaded = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise BackboneError(f"{path} is no file of plain tensors: {error}") from error
    if not isinstance(loaded, dict):
        raise BackboneError(f"{path} holds a {type(loaded).__name__}, not tensors by name")
    return {name: tensor.float() for name, tensor in loaded.items() if isinstance(tensor, Tensor)}
