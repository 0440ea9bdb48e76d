"""Make profiles out of near-frontal photos: labelled faces turned, with labels of their own.

Profiles are rare in photos. The landmarks written are those of the fitted morphable model; to have them as a
teacher would place them, run refine_labels.py over the result.

    python tools/turn_faces.py LABELS.npz... --out FOLDER
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mien.data.facepool import read_labels
from mien.geometry.fit import FitSettings, fit_landmarks
from mien.geometry.mesh import close_openings
from mien.geometry.morphable import LinearMorphable
from mien.geometry.pose import angles_from_rotation
from mien.geometry.rasterize_numba import rasterize_compiled
from mien.geometry.rotate import FittedFace, RotationSettings, training_views
from mien.geometry.upright import squares_around
from mien.image.io import read_image, write_image
from mien.image.warp import invert, largest_scale, transform_points, warp_affine
from mien.zoo.load import load_morphable

SIZE, FACE = 224, 100.0
"""Of the pictures written, and of the face in them before it is turned, pixels."""
SMALLEST = 70.0
"""Pixels that a face must have in its photo: one that is turned shows every flaw."""
BATCH = 8


@dataclass(frozen=True)
class Plan:
    """How far faces are turned."""

    views: int = 2
    least: float = 35.0
    most: float = 90.0
    """Degrees of yaw to either side, evenly."""
    most_yaw: float = 18.0
    most_pitch: float = 22.0
    """Of a photo that counts as near-frontal."""
    seed: int = 5


def photos_of(labels: list[Path]) -> list[tuple[Tensor, Tensor]]:
    """Upright squares around the largest face of each photo, and its points in them."""
    found = []
    for path, faces, _ in (entry for file in labels for entry in read_labels(file)):
        photo_from_square = squares_around(faces[:1], SIZE, FACE)
        if largest_scale(photo_from_square) * FACE >= SMALLEST:
            square = warp_affine(read_image(path)[None], photo_from_square, SIZE, SIZE, "border", "bilinear")
            points = transform_points(invert(photo_from_square), faces[:1])
            found.append((square[0].clamp(0, 1), points[0]))
    return found


def turn_batch(
    photos: list[tuple[Tensor, Tensor]], model: LinearMorphable, plan: Plan, generator: torch.Generator
) -> list[tuple[Tensor, Tensor]]:
    """Views of those photos that are near-frontal, with their landmarks."""
    pixels, points = (torch.stack(part) for part in zip(*photos, strict=True))
    yaw, pitch, _ = angles_from_rotation(
        fit_landmarks(model, points, FitSettings(num_steps=5)).rotation
    ).unbind(-1)
    near = (yaw.abs() <= plan.most_yaw) & (pitch.abs() <= plan.most_pitch)
    if not bool(near.any()):
        return []
    pixels, fit = pixels[near], fit_landmarks(model, points[near], FitSettings(num_steps=5))
    shape = model.shape(fit.identity, fit.expression)
    face = FittedFace(shape, close_openings(model.triangles, len(model.mean)), fit.rotation, fit.camera)
    far = plan.least + (plan.most - plan.least) * torch.rand(plan.views, generator=generator)
    sides = torch.where(torch.rand(plan.views, generator=generator) < 0.5, -1.0, 1.0)
    views = training_views(
        pixels,
        face,
        model.landmark_points(shape),
        tuple((far * sides).tolist()),
        RotationSettings(draw=rasterize_compiled),
    )
    return [pair for view in views for pair in zip(view.view.pixels, view.landmarks, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labels", nargs="+", type=Path, help="of label_faces.py")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    plan, model = Plan(), load_morphable("cpu")
    generator = torch.Generator().manual_seed(plan.seed)
    photos, files, points = photos_of(options.labels), [], []
    for start in range(0, len(photos), BATCH):
        for view, landmarks in turn_batch(photos[start : start + BATCH], model, plan, generator):
            path = options.out.resolve() / f"{len(files):06d}.jpg"
            write_image(path, view.clamp(0, 1))
            files.append(str(path))
            points.append(landmarks.numpy())
        if start % (50 * BATCH) == 0:
            print(f"{start} of {len(photos)} photos", file=sys.stderr, flush=True)
    ones = np.ones(len(files), dtype=np.int64)
    np.savez_compressed(
        options.out / "labels.npz",
        files=np.array(files),
        points=np.stack(points),
        num_faces=ones,
        ignore=np.zeros((0, 4), dtype=np.float32),
        num_ignored=0 * ones,
        turned=np.array(True),
    )


if __name__ == "__main__":
    main()
