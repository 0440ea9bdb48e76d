"""Aligned faces and the class of each of their pixels, packed; and how they are varied."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mien.data.cover import Cover
from mien.data.photos import find_photos, square
from mien.data.variety import drop_color, relight
from mien.data.worn import Wardrobe
from mien.degrade.chain import Profile
from mien.degrade.occlude import OccluderProfile, occlude
from mien.image.io import read_image
from mien.image.warp import compose, similarity, translation, warp_affine
from mien.types import Images

PIXELS, LABELS, POINTS = "pixels.npy", "labels.npy", "points.npy"


@dataclass(frozen=True)
class Parsed:
    """A batch."""

    images: Images
    labels: Int[Tensor, "batch label_height label_width"]
    points: Float[Tensor, "batch 68 2"] | None = None
    """Landmarks, not finite where they are not known; only what faces wear needs them."""


@dataclass(frozen=True)
class PackedParsed:
    """All faces, as memory-mapped arrays."""

    pixels: np.ndarray
    """(N, 3, size, size), uint8."""
    labels: np.ndarray
    """(N, size, size), uint8."""
    points: np.ndarray | None = None
    """(N, 68, 2)."""

    @classmethod
    def open(cls, folder: Path) -> "PackedParsed":
        points = np.load(folder / POINTS) if (folder / POINTS).exists() else None
        return cls(np.load(folder / PIXELS, mmap_mode="r"), np.load(folder / LABELS, mmap_mode="r"), points)

    def __len__(self) -> int:
        return len(self.pixels)

    def classes(self, indices: list[int], num_classes: int) -> Bool[Tensor, "faces classes"]:
        """Which classes each face shows."""
        counts = [np.bincount(self.labels[index].ravel(), minlength=num_classes) for index in indices]
        return torch.from_numpy(np.stack(counts) > 0)

    def known(self, indices: list[int]) -> list[int]:
        """Those of them whose landmarks are known."""
        if self.points is None:
            return []
        return [index for index in indices if bool(np.isfinite(self.points[index]).all())]

    def batch(self, indices: list[int]) -> Parsed:
        labels = torch.from_numpy(self.labels[indices].astype(np.int64))
        points = None if self.points is None else torch.from_numpy(self.points[indices])
        return Parsed(torch.from_numpy(self.pixels[indices]).float().div_(255), labels, points)


def pack_parsed(photos: tuple[Path, ...], maps: tuple[Path, ...], size: int, folder: Path) -> int:
    """Photos, and maps of the same names: gray pictures whose values are classes. How many that were."""
    by_name = {path.stem: path for path in find_photos(maps)}
    paths = [path for path in find_photos(photos) if path.stem in by_name]
    if not paths:
        raise FileNotFoundError("no photo has a map of classes of its own name")
    pixels = [(square(read_image(path), size) * 255).round().to(torch.uint8).numpy() for path in paths]
    labels = [read_classes(by_name[path.stem], size) for path in paths]
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / PIXELS, np.stack(pixels))
    np.save(folder / LABELS, np.stack(labels))
    return len(paths)


def read_classes(path: Path, size: int) -> np.ndarray:
    """A map of classes, which must have the photos' size: classes cannot be mixed."""
    classes = (read_image(path)[0] * 255).round().to(torch.uint8)
    if classes.shape != (size, size):
        raise ValueError(f"{path} has {classes.shape[1]} x {classes.shape[0]} pixels, not {size} x {size}")
    return classes.numpy()


def dressed(
    parsed: Parsed, cover: Cover, share: float, wardrobe: Wardrobe | None, generator: torch.Generator
) -> Parsed:
    """That share of the faces behind masks, hands and the like, which are background."""
    if parsed.points is None:
        return parsed
    chance = torch.rand(len(parsed.images), generator=generator, device=generator.device)
    is_known = parsed.points.isfinite().all(-1).all(-1)
    chosen = ((chance < share).to(is_known.device) & is_known).nonzero()[:, 0]
    if not len(chosen):
        return parsed
    laid = cover(parsed.images[chosen], parsed.points[chosen], wardrobe, generator)
    images, labels = parsed.images.clone(), parsed.labels.clone()
    images[chosen] = laid.images
    labels[chosen] = labels[chosen].masked_fill(laid.mask[:, 0] > 0.5, 0)
    return Parsed(images, labels, parsed.points)


@dataclass(frozen=True)
class ParsingVariety:
    """How faces are moved, covered, relit and damaged."""

    degrees: float = 20.0
    stretch: float = 0.15
    """Deviation of the logarithm of the size."""
    shift: float = 0.06
    """Deviation, in parts of the side."""
    covered_share: float = 0.35
    damaged_share: float = 0.5
    brightness: float = 0.2
    contrast: float = 0.25
    gray_share: float = 0.1

    def __call__(
        self,
        parsed: Parsed,
        mirror: Int[Tensor, " classes"],
        damage: Profile,
        generator: torch.Generator,
    ) -> Parsed:
        images, labels = flipped(parsed, mirror, generator)
        images, labels = self.moved(images, labels, generator)
        profile = OccluderProfile(probability=self.covered_share)
        occluders = profile.draw(len(images), generator)
        covered = occlude(images, occluders, generator)
        labels = labels.masked_fill(covered.mask[:, 0] > 0.5, 0)
        images = relight(covered.images, self.brightness, self.contrast, generator)
        images = drop_color(images, self.gray_share, generator)
        chance = torch.rand(len(images), generator=generator, device=images.device)
        is_damaged = (chance < self.damaged_share)[:, None, None, None]
        return Parsed(torch.where(is_damaged, damage(images, generator), images), labels)

    def moved(
        self, images: Images, labels: Int[Tensor, "batch height width"], generator: torch.Generator
    ) -> tuple[Images, Int[Tensor, "batch height width"]]:
        """Each face turned, resized and shifted; labels go to the nearest pixel."""
        size = images.shape[-1]
        moves = torch.stack([self.move(size, generator) for _ in range(len(images))])
        pictures = warp_affine(images, moves, size, size, "border", "bilinear")
        places = nearest(moves.to(images.device), size)
        return pictures, labels.flatten(1).gather(1, places.flatten(1)).view_as(labels)

    def move(self, size: int, generator: torch.Generator) -> Float[Tensor, "2 3"]:
        """Input from output."""
        draws = torch.randn(3, generator=generator, device=generator.device).tolist()
        degrees = float(torch.rand(1, generator=generator, device=generator.device)) * 2 - 1
        middle = (size - 1) / 2
        place = (middle + self.shift * size * draws[0], middle + self.shift * size * draws[1])
        turned = similarity(float(np.exp(self.stretch * draws[2])), self.degrees * degrees, place)
        return compose(turned, translation(-middle, -middle)).float()


def nearest(moves: Float[Tensor, "batch 2 3"], size: int) -> Int[Tensor, "batch size size"]:
    """For each pixel of the output the number of the input's nearest one."""
    line = torch.arange(size, device=moves.device, dtype=moves.dtype)
    y, x = torch.meshgrid(line, line, indexing="ij")
    points = torch.stack((x, y, torch.ones_like(x)), dim=-1)  # (size, size, 3)
    places = torch.einsum("hwk,bik->bhwi", points, moves).round().clamp(0, size - 1).long()
    return places[..., 1] * size + places[..., 0]


def flipped(
    parsed: Parsed, mirror: Int[Tensor, " classes"], generator: torch.Generator
) -> tuple[Images, Int[Tensor, "batch height width"]]:
    """Half of the faces in a mirror, where a left eye becomes a right one."""
    chance = torch.rand(len(parsed.images), generator=generator, device=generator.device)
    is_flipped = (chance < 0.5).to(parsed.images.device)
    images = torch.where(is_flipped[:, None, None, None], parsed.images.flip(3), parsed.images)
    other = mirror.to(parsed.labels.device)[parsed.labels.flip(2)]
    return images, torch.where(is_flipped[:, None, None], other, parsed.labels)


def halved(labels: Int[Tensor, "batch height width"]) -> Int[Tensor, "batch half_height half_width"]:
    """Every second pixel: the class at half the side."""
    return labels[:, ::2, ::2]
