"""Load weight files and write them: safetensors only, nothing is executed."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mien.zoo.files import WeightsError, checked, checksum


def load_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file, floating ones as float32."""
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise WeightsError(f"{path} is not a whole safetensors file: {error}") from error
    return {
        name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()
    }


def fill(network: nn.Module, tensors: Mapping[str, Tensor], origin: Path) -> None:
    """Put tensors into a network, every one of them and no other."""
    try:
        network.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        first_lines = " ".join(str(error).split())[:300]
        raise WeightsError(f"{origin} holds another network's weights: {first_lines}") from error


def load_packaged(network: nn.Module, file_name: str, sha256: str) -> None:
    """Fill a network from the user's folder or the package."""
    path = checked(file_name, sha256)
    fill(network, load_tensors(path), path)


def save_weights(network: nn.Module, path: Path, precision: torch.dtype = torch.float16) -> str:
    """Write a network's weights for the package; their SHA-256."""
    tensors = {
        name: tensor.detach().to(precision if tensor.is_floating_point() else tensor.dtype).contiguous()
        for name, tensor in network.state_dict().items()
    }
    save_file(tensors, path)
    checksum.cache_clear()
    return checksum(path)
