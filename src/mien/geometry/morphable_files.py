"""Our morphable models in files: safetensors, floats in half precision."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from mien.geometry.morphable import LinearMorphable, MorphableError, tensors_of

PRECISE = ("mean", "uv", "landmark_offsets")
"""Kept in single precision: they are small, and everything stands on them."""
PER_VERTEX_TRIANGLES = 32_767
"""Meshes of up to so many vertices are numbered in 16 bits."""


def save_morphable(model: LinearMorphable, path: Path) -> None:
    """Write a model for `read_morphable`."""
    save_file({name: _packed(name, tensor) for name, tensor in tensors_of(model).items()}, path)


def read_morphable(path: Path) -> LinearMorphable:
    """A model that `save_morphable` wrote."""
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise MorphableError(f"{path} is not a whole safetensors file: {error}") from error
    return morphable_from_tensors(tensors, str(path))


def morphable_from_tensors(tensors: dict[str, Tensor], origin: str) -> LinearMorphable:
    """A model from its parts by name."""
    wanted = set(LinearMorphable.__dataclass_fields__)
    if set(tensors) != wanted:
        raise MorphableError(
            f"{origin} is no morphable model: it should hold {', '.join(sorted(wanted))}; "
            f"it lacks {', '.join(sorted(wanted - set(tensors))) or 'none'} "
            f"and has besides {', '.join(sorted(set(tensors) - wanted)) or 'none'}"
        )
    return LinearMorphable(
        **{
            name: tensor.float() if tensor.is_floating_point() else tensor.long()
            for name, tensor in tensors.items()
        }
    )


def _packed(name: str, tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu().contiguous()
    if not tensor.is_floating_point():
        fits = not tensor.numel() or int(tensor.max()) <= PER_VERTEX_TRIANGLES
        return tensor.to(torch.int16 if fits else torch.int32)
    return tensor.float() if name in PRECISE else tensor.half()
