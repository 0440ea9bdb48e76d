"""Aligned face pictures for training, packed into one memory-mapped array."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from mien.image.io import ImageError, read_image
from mien.image.resize import resize
from mien.types import Image, Images

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


def find_photos(folders: tuple[Path, ...]) -> list[Path]:
    """All pictures below the folders, in an order that does not depend on the file system."""
    found = [path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES]
    if not found:
        raise FileNotFoundError(f"no pictures ({', '.join(SUFFIXES)}) below {', '.join(map(str, folders))}")
    return sorted(found)


def square(image: Image, size: int) -> Float[Tensor, "3 size size"]:
    """The middle square of a picture, resized."""
    height, width = image.shape[1:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = image[:, top : top + side, left : left + side]
    return middle if side == size else resize(middle[None], size, size)[0].clamp(0, 1)


def pack_photos(folders: tuple[Path, ...], size: int, target: Path, smallest: int) -> int:
    """Write all pictures of at least `smallest` pixels to `target` (.npy, uint8); how many that were."""
    kept = []
    for path in find_photos(folders):
        try:
            image = read_image(path)
        except ImageError:
            continue  # a broken file among thousands is no reason to stop; the count returned tells
        if min(image.shape[1:]) >= smallest:
            kept.append((square(image, size) * 255).round().to(torch.uint8).numpy())
    target.parent.mkdir(parents=True, exist_ok=True)
    np.save(target, np.stack(kept))
    return len(kept)


@dataclass(frozen=True)
class PackedPhotos:
    """The packed pictures, and a held-out part of them."""

    pixels: np.ndarray
    """(N, 3, size, size), uint8."""

    @classmethod
    def open(cls, path: Path) -> "PackedPhotos":
        return cls(np.load(path, mmap_mode="r"))

    def __len__(self) -> int:
        return len(self.pixels)

    def split(self, every: int) -> tuple["PackedPhotos", "PackedPhotos"]:
        """To train on, and each `every`-th picture to validate on."""
        held_out = np.arange(len(self)) % every == every - 1
        return PackedPhotos(self.pixels[~held_out]), PackedPhotos(self.pixels[held_out])

    def batch(self, indices: list[int]) -> UInt8[Tensor, "batch 3 size size"]:
        return torch.from_numpy(np.ascontiguousarray(self.pixels[indices]))


def to_unit_range(pixels: UInt8[Tensor, "batch 3 size size"]) -> Images:
    """Stored bytes as pictures in [0, 1]."""
    return pixels.float().div_(255)
