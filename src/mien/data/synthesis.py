"""Swap-R&R: pairs to learn from, made of single photos that may have anything in front of their faces.

CFR-GAN, section 3.2. What differs between a photo and the face that was read from it changes places between
their two renders, and the photo's is then turned away and back: its damage has an answer, the photo itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mien.data.photos import to_unit_range
from mien.geometry.estimate import Estimate
from mien.geometry.pose import angles_from_rotation, rotation_from_angles
from mien.geometry.rasterize import Rasterizer, rasterize
from mien.geometry.rotate import RotationSettings, random_angles, rotate_twice
from mien.image.occlusion import (
    OcclusionSettings,
    Parts,
    occlusion_mask,
    softened,
    swap,
    with_parts,
)
from mien.types import Images, Masks

Around = Literal["photo", "black"]
COUNT = "count.npy"
LEAST_FACE = 0.05
"""Share of a picture that a face must cover to be worth learning from."""


@dataclass(frozen=True)
class SynthesisSettings:
    """How triples are made."""

    occlusion: OcclusionSettings = field(default_factory=OcclusionSettings)
    mask_by: Literal["difference", "parser"] = "difference"
    """`parser` is the paper's ablation w/o diff: only what a parser knows counts as covering."""
    swaps: bool = True
    """Without, the photo's covers stay in the damaged picture (ablation w/o swap)."""
    lost_counts: bool = True
    """Whether what two turns destroyed belongs to the mask. In the paper's code it does; equation 10 takes
    the coarse mask alone."""
    around: Around = "photo"
    """What is around the face in inputs: its photo, so that results have no seam; the paper has black."""
    guide_blur: float = 2.0
    """Standard deviation in pixels, of what the guide gets from the photo."""
    draw: Rasterizer = rasterize


@dataclass(frozen=True)
class Triples:
    """A batch: what the generator sees, and what it is to make of it."""

    damaged: Images
    """R_p_sr: the photo without what differs, turned twice."""
    guide: Images
    """R_e_s: the estimate, with what differs."""
    estimate: Images
    """R_e."""
    mask: Masks
    """What is to be found and filled in."""
    face: Masks
    """Where the face is."""
    truth: Images
    """I."""
    landmarks: Float[Tensor, "batch 68 2"]


def synthesize(
    photos: Images,
    estimate: Estimate,
    landmarks: Float[Tensor, "batch 68 2"],
    settings: SynthesisSettings,
    generator: torch.Generator,
    parts: Parts | None = None,
) -> Triples:
    """A triple of each photo."""
    face, (height, width) = estimate.face, photos.shape[-2:]
    estimated, covered = estimate.draw(face.rotation, height, width, settings.draw)
    mask = coarse_mask(photos * covered, estimated, covered, settings, parts)
    soft = softened(mask, settings.occlusion) * covered
    around = photos if settings.around == "photo" else torch.zeros_like(photos)
    # the whole photo is sampled, so that the face's rim does not fade into black
    shown, guide = swap(photos, torch.lerp(around, estimated, covered), soft, settings.guide_blur)
    angles = random_angles(angles_from_rotation(face.rotation), generator)
    drawing = RotationSettings(background="black", draw=settings.draw)
    back = rotate_twice(
        shown if settings.swaps else photos, face, rotation_from_angles(angles).to(photos), drawing
    )
    damaged = torch.lerp(around, back.pixels.clamp(0, 1), back.covered)
    lost = ((1 - back.seen) * covered).clamp(0, 1)
    wanted = soft if settings.swaps else torch.zeros_like(soft)
    return Triples(
        damaged=damaged,
        guide=guide if settings.swaps else torch.lerp(around, estimated, covered),
        estimate=torch.lerp(around, estimated, covered),
        mask=torch.maximum(wanted, lost) if settings.lost_counts else wanted,
        face=covered,
        truth=photos,
        landmarks=landmarks,
    )


def coarse_mask(
    projected: Images, estimated: Images, face: Masks, settings: SynthesisSettings, parts: Parts | None
) -> Masks:
    """M, by the difference and what a parser adds, or by the parser alone."""
    if settings.mask_by == "difference":
        return occlusion_mask(projected, estimated, face, settings.occlusion, parts)
    if parts is None:
        raise ValueError("a mask by the parser alone needs a parser")
    return with_parts(torch.zeros_like(face), face, parts, settings.occlusion.eye_margin)


@dataclass(frozen=True)
class PackedTriples:
    """All of them, as memory-mapped arrays in a folder."""

    damaged: np.ndarray
    """(N, 3, size, size), uint8, as are `guide`, `estimate` and `truth`."""
    guide: np.ndarray
    estimate: np.ndarray
    mask: np.ndarray
    """(N, 1, size, size), uint8, as is `face`."""
    face: np.ndarray
    truth: np.ndarray
    landmarks: np.ndarray
    """(N, 68, 2)."""

    @classmethod
    def open(cls, folder: Path) -> "PackedTriples":
        count = int(np.load(folder / COUNT))
        stored = {one.name: np.load(folder / f"{one.name}.npy", mmap_mode="r") for one in fields(cls)}
        return cls(**{name: array[:count] for name, array in stored.items()})

    def __len__(self) -> int:
        return len(self.truth)

    def split(self, every: int) -> tuple[list[int], list[int]]:
        """To train on, and each `every`-th to validate on."""
        held_out = np.arange(len(self)) % every == every - 1
        return np.flatnonzero(~held_out).tolist(), np.flatnonzero(held_out).tolist()

    def batch(self, indices: list[int]) -> Triples:
        """Stored bytes as numbers."""

        def unit(stored: np.ndarray) -> Tensor:
            return to_unit_range(torch.from_numpy(stored[indices]))

        return Triples(
            unit(self.damaged),
            unit(self.guide),
            unit(self.estimate),
            masks_of(self.mask, indices),
            masks_of(self.face, indices),
            unit(self.truth),
            torch.from_numpy(self.landmarks[indices]),
        )


def masks_of(stored: np.ndarray, indices: list[int]) -> Masks:
    return torch.from_numpy(stored[indices]).float().div_(255)


Make = Callable[[list[int]], Triples | None]
"""Numbers of photos to the triples of those that can be read, None where none can."""


def pack_triples(make: Make, num_photos: int, batch: int, size: int, folder: Path) -> int:
    """Make and store a triple for each photo whose face is large enough; how many that were."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [one.name for one in fields(Triples)]
    stored = {name: create(folder / f"{name}.npy", name, num_photos, size) for name in names}
    count = 0
    for start in range(0, num_photos, batch):
        triples = make(list(range(start, min(start + batch, num_photos))))
        if triples is None:
            continue
        is_large = triples.face.mean(dim=(1, 2, 3)) > LEAST_FACE
        rows = slice(count, count + int(is_large.sum()))
        for name, array in stored.items():
            values = getattr(triples, name)[is_large]
            if array.dtype == np.uint8:
                values = (values.clamp(0, 1) * 255).round().to(torch.uint8)
            array[rows] = values.numpy()
        count = rows.stop
    if not count:
        raise ValueError(f"none of {num_photos} photos shows a face that can be read")
    # last, since a folder with it is complete
    np.save(folder / COUNT, np.array(count))
    return count


def create(path: Path, name: str, num: int, size: int) -> np.ndarray:
    """An empty array on disk for one field of the triples."""
    if name == "landmarks":
        return np.lib.format.open_memmap(path, "w+", np.float32, (num, 68, 2))
    planes = 1 if name in ("mask", "face") else 3
    return np.lib.format.open_memmap(path, "w+", np.uint8, (num, planes, size, size))
