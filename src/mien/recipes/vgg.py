"""Critics that start from a VGG-11 of the user's own, as MDFR's do (section 3.3)."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from mien.models.frontal.network import Critic

PLACES = (0, 3, 6, 8, 11, 13, 16, 18)
"""Of the convolutions in torchvision's `vgg11().features`."""


class VggError(ValueError):
    """A file that holds no VGG-11."""


def read_vgg11(path: Path) -> dict[str, Tensor]:
    """A state dict, from safetensors or from a file of torch."""
    if path.suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def start_from_vgg11(critic: Critic, tensors: Mapping[str, Tensor]) -> None:
    """Take over all convolutions; what they also see of a condition starts at nothing."""
    for number, place in enumerate(PLACES):
        weight, bias = (tensors.get(f"features.{place}.{part}") for part in ("weight", "bias"))
        own_weight = critic.get_parameter(f"convs.{number}.weight").data
        own_bias = critic.get_parameter(f"convs.{number}.bias").data
        seen = 3 if number == 0 else critic.config.channels[number - 1]
        wanted = (own_weight.shape[0], seen, 3, 3)
        if weight is None or bias is None or weight.shape != wanted:
            found = "nothing" if weight is None else str(tuple(weight.shape))
            raise VggError(f"features.{place}.weight should be {wanted} as in VGG-11, but there is {found}")
        own_weight.zero_()
        own_weight[:, :seen] = weight
        own_bias.copy_(bias)
