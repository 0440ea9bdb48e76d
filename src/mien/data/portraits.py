"""Aligned faces with the boxes of their eyes and mouth, for critics that look at these alone."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mien.data.facepool import read_labels
from mien.data.photos import PackedPhotos, square, to_unit_range
from mien.data.variety import per_picture
from mien.degrade.chain import Profile
from mien.geometry.landmarks import NUM_LANDMARKS
from mien.image.io import read_image
from mien.types import Images

PHOTOS, POINTS = "photos.npy", "points.npy"
LEFT_EYE, RIGHT_EYE, MOUTH = slice(36, 42), slice(42, 48), slice(48, 68)
"""Of the 68 landmarks; left is the picture's left."""
EYE_MARGIN = 1.4
SMALLEST_HALF = 16 / 512
"""Share of the picture's side."""

Boxes = Float[Tensor, "batch 3 4"]


@dataclass(frozen=True)
class Portraits:
    """A batch; before `damaged_portraits` both pictures are the stored ones."""

    damaged: Images
    truth: Images
    boxes: Boxes
    """Left eye, right eye, mouth: x0, y0, x1, y1 in pixels."""


@dataclass(frozen=True)
class PackedPortraits:
    """Packed photos, and the 68 landmarks of each in its pixels."""

    photos: PackedPhotos
    points: np.ndarray
    """(N, 68, 2)."""

    @classmethod
    def open(cls, folder: Path) -> "PackedPortraits":
        photos, points = PackedPhotos.open(folder / PHOTOS), np.load(folder / POINTS)
        if points.shape != (len(photos), NUM_LANDMARKS, 2):
            raise ValueError(f"{folder / POINTS} has shape {points.shape} for {len(photos)} photos")
        return cls(photos, points)

    def __len__(self) -> int:
        return len(self.photos)

    def split(self, every: int) -> tuple[list[int], list[int]]:
        """Numbers of those to train on, and of each `every`-th, to validate on."""
        numbers = range(len(self))
        held_out = [number for number in numbers if number % every == every - 1]
        return [number for number in numbers if number % every != every - 1], held_out

    def batch(self, indices: list[int]) -> Portraits:
        """As they are stored."""
        images = to_unit_range(self.photos.batch(indices))
        points = torch.from_numpy(self.points[indices]).float()
        return Portraits(images, images, part_boxes(points, images.shape[-1]))


def pack_portraits(labels: tuple[Path, ...], size: int, folder: Path) -> int:
    """Pack the middle square of every photo that has one face, of label files of tools/label_faces.py.

    The photos are aligned already; those smaller than `size` are left out. How many there are.
    """
    photos, points = [], []
    for path, faces, _ in (entry for file in labels for entry in read_labels(file)):
        photo = read_image(path)
        height, width = photo.shape[1:]
        side = min(height, width)
        if len(faces) != 1 or side < size:
            continue
        corner = faces.new_tensor([(width - side) // 2, (height - side) // 2])
        photos.append((square(photo, size) * 255).round().to(torch.uint8).numpy())
        points.append(((faces[0] - corner + 0.5) * (size / side) - 0.5).float().numpy())
    if not photos:
        raise FileNotFoundError(f"no photo of one face of {size} pixels in {', '.join(map(str, labels))}")
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / PHOTOS, np.stack(photos))
    np.save(folder / POINTS, np.stack(points))
    return len(photos)


def part_boxes(points: Float[Tensor, "batch 68 2"], side: int) -> Boxes:
    """Squares around the parts, as in GFPGAN: the mouth's as wide as it is, the eyes' somewhat wider."""
    boxes = []
    for part, margin in ((LEFT_EYE, EYE_MARGIN), (RIGHT_EYE, EYE_MARGIN), (MOUTH, 1.0)):
        own = points[:, part]
        middle = own.mean(1)  # (B, 2)
        reach = (own.amax(1) - own.amin(1)).amax(1, keepdim=True) / 2 * margin
        half = reach.clamp(min=SMALLEST_HALF * side)
        boxes.append(torch.cat((middle - half, middle + half), dim=1))
    return torch.stack(boxes, dim=1)


def mirror_boxes(boxes: Boxes, side: int) -> Boxes:
    """In the mirror image: the eyes change places."""
    x0, y0, x1, y1 = boxes[:, [1, 0, 2]].unbind(2)
    return torch.stack((side - 1 - x1, y0, side - 1 - x0, y1), dim=2)


def damaged_portraits(portraits: Portraits, damage: Profile, generator: torch.Generator) -> Portraits:
    """Mirror half of them, then damage them."""
    is_mirrored = per_picture(portraits.truth, generator) < 0.5
    truth = torch.where(is_mirrored, portraits.truth.flip(-1), portraits.truth)
    mirrored = mirror_boxes(portraits.boxes, truth.shape[-1])
    boxes = torch.where(is_mirrored[..., 0], mirrored, portraits.boxes)
    return Portraits(damage(truth, generator), truth, boxes)
