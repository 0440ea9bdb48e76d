"""Photos with labelled faces, packed as small squares in four sizes, for pictures made of many of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from mien.data.worn import Wardrobe
from mien.image.io import read_image
from mien.image.resize import resize
from mien.types import Image

SIZES = (256, 128, 64, 32)
"""Sides of the stored squares; a face is taken from the one nearest to the size it is wanted in."""
SLOTS = 4
"""Faces and regions to ignore that one photo may have."""
NUM_POINTS = 68
FOREHEAD = 0.3
"""How far the face goes on above its brows, in distances from brow to chin."""
OUTLINE = 5 + NUM_POINTS + 10
"""Stored per slot: five points, the 68, and the forehead above the ten brow points."""
FACE, IGNORE, NOTHING = 1, 2, 0
WORN_EVERY = 4
WARDROBE_SEED = 7


def five_of_68(points: Float[Tensor, "*batch 68 2"]) -> Float[Tensor, "*batch 5 2"]:
    """Two eye centres, nose tip, two mouth corners."""
    eyes = [points[..., 36:42, :].mean(-2), points[..., 42:48, :].mean(-2)]
    return torch.stack([*eyes, points[..., 30, :], points[..., 48, :], points[..., 54, :]], -2)


def with_forehead(points: Float[Tensor, "*batch 68 2"]) -> Float[Tensor, "*batch 78 2"]:
    """The 68 points end at the brows; a box around a face does not."""
    brows = points[..., 17:27, :]
    up = brows.mean(-2, keepdim=True) - points[..., 8:9, :]
    return torch.cat((points, brows + FOREHEAD * up), -2)


def bounds(points: Float[Tensor, "*batch points 2"]) -> Float[Tensor, "*batch 4"]:
    """The box around points. Around those of `with_forehead` it is what the detector calls a face's box."""
    return torch.cat((points.amin(-2), points.amax(-2)), -1)


@dataclass(frozen=True)
class FacePool:
    """The packed photos, memory-mapped, and their faces in pixels of the 256 px squares."""

    pixels: tuple[np.ndarray, ...]
    """One (N, 3, side, side) uint8 array for each of `SIZES`."""
    outlines: Float[Tensor, "photos 4 83 2"]
    """The five points, then those the box is taken around."""
    kinds: Int[Tensor, "photos 4"]
    extents: Float[Tensor, "photos 2"]
    """Width and height of the photo in its square, the rest of which repeats its border."""
    weights: Float[Tensor, " photos"]
    """How often to draw each."""

    @classmethod
    def open(cls, folder: Path) -> "FacePool":
        with np.load(folder / "labels.npz") as labels:
            tensors = {name: torch.from_numpy(labels[name]) for name in labels.files}
        pixels = tuple(np.load(folder / f"pixels{size}.npy", mmap_mode="r") for size in SIZES)
        return cls(pixels, tensors["outlines"], tensors["kinds"], tensors["extents"], tensors["weights"])

    def __len__(self) -> int:
        return len(self.outlines)

    def gather(self, indices: Int[Tensor, " cells"], level: int) -> UInt8[Tensor, "cells 3 side side"]:
        """Pictures of one of the four sizes."""
        return torch.from_numpy(self.pixels[level][indices.numpy()])

    def split(self, every: int) -> tuple[Int[Tensor, " kept"], Int[Tensor, " held"]]:
        """Numbers of the photos to train on, and of each `every`-th, to judge on."""
        numbers = torch.arange(len(self))
        held = numbers % every == every - 1
        return numbers[~held], numbers[held]


def pack_faces(labels: tuple[Path, ...], folder: Path, wardrobe: Wardrobe | None = None) -> int:
    """Pack the photos with a sure face named in label files (of tools/label_faces.py); their number.

    With a wardrobe, the largest face of every `WORN_EVERY`-th photo wears something of it.
    """
    chosen = [entry for path in labels for entry in read_labels(path)]
    folder.mkdir(parents=True, exist_ok=True)
    stores = [
        np.lib.format.open_memmap(
            folder / f"pixels{size}.npy", mode="w+", dtype=np.uint8, shape=(len(chosen), 3, size, size)
        )
        for size in SIZES
    ]
    outlines, kinds, extents = [], [], []
    chance = torch.Generator().manual_seed(WARDROBE_SEED)
    for number, (path, points, ignored) in enumerate(chosen):
        square, scale, extent = letterbox(read_image(path))
        outline, kind = fill_slots(points, ignored, scale)
        if wardrobe is not None and number % WORN_EVERY == WORN_EVERY - 1:
            square = wardrobe.put_on(square[None], outline[:1, 5:73], chance).images[0]
        for level, size in enumerate(SIZES):
            small = F.avg_pool2d(square[None], SIZES[0] // size)[0]
            stores[level][number] = (small * 255).round().to(torch.uint8).numpy()
        outlines.append(outline)
        kinds.append(kind)
        extents.append(extent)
    outline = torch.stack(outlines)
    np.savez(
        folder / "labels.npz",
        outlines=outline.numpy(),
        kinds=torch.stack(kinds).numpy(),
        extents=torch.tensor(extents, dtype=torch.float32).numpy(),
        weights=profile_weights(outline[:, 0]).numpy(),
    )
    return len(chosen)


def read_labels(path: Path) -> list[tuple[Path, Tensor, Tensor]]:
    """Photos that fit in the slots: path, 68 points of each face (largest first), boxes to ignore."""
    with np.load(path) as labels:
        files = labels["files"]
        faces = np.split(labels["points"], np.cumsum(labels["num_faces"])[:-1])
        ignored = np.split(labels["ignore"], np.cumsum(labels["num_ignored"])[:-1])
    entries = []
    for file, points, found in zip(files, faces, ignored, strict=True):
        boxes = found[~inside_faces(found, points)]
        if len(points) > 0 and len(points) + len(boxes) <= SLOTS:
            sizes = np.ptp(points, axis=1).max(-1)
            order = np.argsort(-sizes)
            entries.append((Path(str(file)), torch.from_numpy(points[order]), torch.from_numpy(boxes)))
    return entries


def inside_faces(boxes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Doubtful boxes centred in a sure face are a mouth or an eye of it."""
    centre = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    return ((centre > points.min(1)) & (centre < points.max(1))).all(-1).any(-1)


def letterbox(photo: Image) -> tuple[Float[Tensor, "3 256 256"], float, tuple[float, float]]:
    """The photo in the corner of a 256 px square, never enlarged; its scale; its width and height there."""
    side = SIZES[0]
    scale = min(1.0, side / max(photo.shape[1:]))
    height, width = (max(1, round(length * scale)) for length in photo.shape[1:])
    small = photo if scale == 1.0 else resize(photo[None], height, width)[0].clamp(0, 1)
    square = F.pad(small[None], (0, side - width, 0, side - height), mode="replicate")[0]
    return square, scale, (float(width), float(height))


def fill_slots(points: Tensor, ignored: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Labels of one photo, in pixels of its square."""
    outlines, kinds = torch.zeros(SLOTS, OUTLINE, 2), torch.zeros(SLOTS, dtype=torch.long)
    full = torch.cat((five_of_68(points), with_forehead(points)), 1)
    outlines[: len(points)] = (full + 0.5) * scale - 0.5
    kinds[: len(points)] = FACE
    for slot, (x0, y0, x1, y1) in enumerate(ignored.tolist(), len(points)):
        corners = torch.tensor([[x0, y0], [x1, y0], [x0, y1], [x1, y1]])
        outlines[slot] = ((corners + 0.5) * scale - 0.5)[torch.arange(OUTLINE) % 4]
        kinds[slot] = IGNORE
    return outlines, kinds


def profile_weights(outline: Float[Tensor, "photos 83 2"]) -> Float[Tensor, " photos"]:
    """Faces turned away are rare in photos, so they are drawn up to eight times as often."""
    eyes = (outline[:, 0] - outline[:, 1]).norm(dim=-1)
    box = bounds(outline[:, 5:])
    side = (box[:, 2:] - box[:, :2]).prod(-1).sqrt()
    # 0.36 of the box from the front, 0.1 and less in profile
    return 1 + 7 * ((0.3 - eyes / side) / 0.15).clamp(0, 1)
