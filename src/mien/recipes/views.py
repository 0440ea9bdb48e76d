"""Views of near-frontal photos, made once for all trainings that turn faces."""

from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from mien.data.photos import PackedPhotos, pack_photos, to_unit_range
from mien.data.turned import PackedTurned, TurningPlan, pack_turned
from mien.geometry.heatmap import gaussian_heatmaps
from mien.models.frontal.recover import aligned_crop, place_crop
from mien.recipes.sources import MissingSourceError, Sources
from mien.train.order import generator_at
from mien.types import ReadFace
from mien.zoo.load import load_morphable, load_reader

PACKING_SEED = 18
LEAST_CERTAINTY = 0.5
YAW_BINS = (0.0, 30.0, 60.0, 90.0)


def open_turned(sources: Sources, folder: Path, plan: TurningPlan, size: int) -> PackedTurned:
    """The views, made once for a run's folder: each photo is read in 3D, the near-frontal ones turned."""
    packed = folder / "turned"
    if not (packed / "yaws.npy").exists():
        photos = folder / "photos.npy"
        pack_photos(sources.need("photos", "folders of aligned faces"), size, photos, smallest=size)
        everything = PackedPhotos.open(photos)
        generator = generator_at(torch.device("cpu"), PACKING_SEED)
        landmarks = read_landmarks(everything, load_reader("cpu"))
        pack_turned(
            everything,
            landmarks,
            load_morphable("cpu"),
            lambda found: place_crop(found, size),
            plan,
            packed,
            generator,
        )
    turned = PackedTurned.open(packed)
    if turned.views.shape[-1] != size:
        raise MissingSourceError(
            f"{packed} holds views of {turned.views.shape[-1]} pixels and this recipe needs {size}: "
            "it goes into a folder of its own"
        )
    return turned


def need_multiple(packed_size: int, image_size: int) -> None:
    """Views are shrunk by whole numbers."""
    if packed_size % image_size:
        raise ValueError(f"packed_size {packed_size} is not a multiple of the network's {image_size}")


def read_landmarks(photos: PackedPhotos, read: ReadFace) -> Float[Tensor, "photos 68 2"]:
    """Of the face in each aligned photo; not finite where there is none to be sure of."""
    found = []
    for index in range(len(photos)):
        reading = read(aligned_crop(to_unit_range(photos.batch([index]))[0]))
        sure = reading.certainty >= LEAST_CERTAINTY
        found.append(reading.landmarks if sure else torch.full_like(reading.landmarks, torch.nan))
    return torch.stack(found)


def by_yaw(name: str, yaws: Float[Tensor, " faces"], values: Float[Tensor, " faces"]) -> dict[str, float]:
    """The mean of what was measured, in each bin of yaw that has faces."""
    figures: dict[str, float] = {}
    for low, high in pairwise(YAW_BINS):
        inside = (yaws.abs() >= low) & (yaws.abs() < high + 1e-3)
        if inside.any():
            figures[f"{name}_{low:.0f}_{high:.0f}"] = float(values[inside].mean())
    return figures


def pose_maps(
    points: Float[Tensor, "batch 18 2"], image_size: int, side: int, sigma: float
) -> Float[Tensor, "batch 18 {side} {side}"]:
    """Key points of pictures as heatmaps of another side; `sigma` is for a side of 128."""
    factor = side / image_size
    return gaussian_heatmaps((points + 0.5) * factor - 0.5, side, side, sigma * side / 128)
