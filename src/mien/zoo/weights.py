"""Find, check and load weight files: safetensors only, nothing is executed."""

import hashlib
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

PACKAGED = Path(__file__).parent / "weights"
OWN_FOLDER_VARIABLE = "MIEN_WEIGHTS"


class WeightsError(ValueError):
    """A weight file that is missing, broken or not what was asked for."""


def find_weights(file_name: str) -> tuple[Path, bool]:
    """Where the file is, and whether it came with the package (then its checksum is known).

    A folder named by MIEN_WEIGHTS goes first; what it does not hold comes from the package.
    """
    own_folder = os.environ.get(OWN_FOLDER_VARIABLE)
    if own_folder:
        if not Path(own_folder).is_dir():
            raise WeightsError(f"{OWN_FOLDER_VARIABLE} is not a folder: {own_folder}")
        own = Path(own_folder) / file_name
        if own.is_file():
            return own, False
    packaged = PACKAGED / file_name
    if not packaged.is_file():
        raise WeightsError(
            f"{file_name} does not come with mien, and {OWN_FOLDER_VARIABLE} "
            + (f"({own_folder}) does not hold it" if own_folder else "names no folder that holds it")
        )
    return packaged, True


@cache
def checksum(path: Path) -> str:
    """SHA-256 of a file, read once per process."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def checked(file_name: str, sha256: str) -> Path:
    """The file in the user's folder or the package; of the package's the checksum is compared."""
    path, is_packaged = find_weights(file_name)
    if is_packaged and checksum(path) != sha256:
        raise WeightsError(
            f"{path} is damaged or was replaced: its SHA-256 is {checksum(path)}, not {sha256}. "
            f"Files of your own belong in a folder named by {OWN_FOLDER_VARIABLE}"
        )
    return path


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
