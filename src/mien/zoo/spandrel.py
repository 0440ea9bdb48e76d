"""Other people's restorers in their own files, by the package spandrel where the user has one that works."""

from importlib.util import find_spec
from pathlib import Path

import torch

from mien.models.foreign.recover import ForeignRestorer
from mien.zoo.files import WeightsError


def load_spandrel(path: Path, device: torch.device) -> ForeignRestorer:
    """Whatever face restorer spandrel finds in a file."""
    if find_spec("spandrel") is None:
        raise WeightsError("spandrel:FILE needs the package spandrel and a torchvision that works")
    try:
        from spandrel import (  # pyright: ignore[reportMissingImports]
            ImageModelDescriptor,
            ModelLoader,
            UnsupportedModelError,
        )
    except (ImportError, RuntimeError) as error:  # a torchvision built for another torch
        raise WeightsError(f"spandrel cannot be imported: {str(error).splitlines()[0]}") from error
    try:
        found = ModelLoader(device).load_from_file(path)
    except (UnsupportedModelError, OSError, RuntimeError, ValueError) as error:
        raise WeightsError(f"{path}: spandrel cannot read it: {str(error).splitlines()[0]}") from error
    if not isinstance(found, ImageModelDescriptor) or found.scale != 1 or found.input_channels != 3:
        raise WeightsError(f"{path} holds no restorer of faces, which keeps the size of a picture")
    return ForeignRestorer(found.model)
