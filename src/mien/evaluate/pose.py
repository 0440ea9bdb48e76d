"""Landmarks and pose as AFLW2000-3D measures them (protocol C3), on faces as they are, behind hands, damaged.

As the published figures do it, the reader is told the box of the true landmarks, not that of a detector.
Every face is first brought to one size, so that the same damage is as bad for all of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mien.degrade.chain import PROFILES
from mien.degrade.exact import degrade_exact, picture_seed
from mien.degrade.hands import HandProfile
from mien.evaluate.blind import at_scale
from mien.evaluate.sheets import EvaluationError
from mien.image.io import read_image
from mien.image.warp import compose, invert, similarity, transform_points, translation, warp_affine
from mien.metrics.landmarks import box_size, normalised_mean_error
from mien.metrics.nme import BIN_NAMES, ErrorByYaw
from mien.metrics.pose import PoseError
from mien.types import Box, Image, Reading

CANVAS, FACE_SIZE = 256, 130.0
"""Side of the pictures that faces are brought to, and mean side of the landmarks' box there: that of a face
in FFHQ's alignment, for which the papers tell their damage."""
SHRINKING = 6.0
NUM_POINTS = 68
Placed = tuple[Float[Tensor, "3 256 256"], Float[Tensor, "68 2"]]


@runtime_checkable
class BoxReader(Protocol):
    """Reads the face whose landmarks have a given box."""

    def read_box(self, picture: Image, box: Box) -> Reading: ...


@dataclass(frozen=True)
class PoseLabels:
    """A file of numpy's `savez`: `names`, the files in the folder of photos; `points` (N, 68, 2) in their
    pixels, (0, 0) being the centre of the first; `angles` (N, 3), yaw, pitch and roll in degrees."""

    names: tuple[str, ...]
    points: Float[Tensor, "faces 68 2"]
    angles: Float[Tensor, "faces 3"]

    @classmethod
    def read(cls, path: Path) -> "PoseLabels":
        try:
            with np.load(path) as file:
                names, points, angles = (file[name] for name in ("names", "points", "angles"))
        except (OSError, KeyError, ValueError) as error:
            raise EvaluationError(f"{path} holds no labels (names, points, angles): {error}") from error
        wanted = ((len(names), NUM_POINTS, 2), (len(names), 3))
        if (points.shape, angles.shape) != wanted or not len(names):
            raise EvaluationError(
                f"{path}: for {len(names)} names points and angles should be {wanted[0]} and {wanted[1]}, "
                f"they are {points.shape} and {angles.shape}"
            )
        if not (np.isfinite(points).all() and np.isfinite(angles).all()):
            raise EvaluationError(f"{path}: a point or an angle is not a finite number")
        return cls(
            tuple(str(name) for name in names),
            torch.from_numpy(points).float(),
            torch.from_numpy(angles).float(),
        )


Spoil = Callable[[Placed, int], Image]
"""A face in its canvas, with its true landmarks, and a seed to what the reader gets."""


def behind(hands: HandProfile) -> Spoil:
    """With a hand, at times two, in front of the face."""

    def spoil(placed: Placed, seed: int) -> Image:
        pixels, points = placed
        return hands(pixels[None], points[None], torch.Generator().manual_seed(seed)).images[0]

    return spoil


def damaged(placed: Placed, seed: int) -> Image:
    """GFRNet equation 4 at 6x."""
    return degrade_exact(placed[0], at_scale(PROFILES["gfrnet"], SHRINKING), seed)


CONDITIONS: Mapping[str, Spoil] = {
    "original": lambda placed, seed: placed[0],
    "occluded": behind(HandProfile()),  # CFR-GAN Table 4
    "behind arms": behind(HandProfile(arm=1.0)),  # harder: the forearm is in front of the face, too
    "damaged 6x": damaged,
}


@dataclass(frozen=True)
class PoseReport:
    """By reader and condition."""

    num_faces: int
    seed: int
    landmarks: Mapping[str, Mapping[str, ErrorByYaw]]
    poses: Mapping[str, Mapping[str, PoseError]]
    certainty: Mapping[str, Mapping[str, float]]
    """Mean of what the reader says of itself."""

    def as_json(self) -> dict[str, object]:
        return {
            "protocol": "pose",
            "faces": self.num_faces,
            "seed": self.seed,
            "crop": "box of the true landmarks",
            "nme": "68 points, over sqrt(width * height) of the box, per cent",
            "readers": {
                who: {condition: self.row(who, condition) for condition in conditions}
                for who, conditions in self.landmarks.items()
            },
        }

    def row(self, who: str, condition: str) -> dict[str, float]:
        """All numbers of one, rounded: NME in per cent, angles in degrees."""
        errors, pose = self.landmarks[who][condition], self.poses[who][condition]
        bins = zip(BIN_NAMES, errors.bins, strict=True)
        angles = {name: getattr(pose, name).value for name in ("yaw", "pitch", "roll", "turn")}
        return {
            **{name: round(100 * part.value, 3) for name, part in bins},
            "mean": round(100 * errors.mean, 3),
            "deviation": round(100 * errors.deviation, 3),
            "all": round(100 * errors.over_all.value, 3),
            **{name: round(value, 2) for name, value in angles.items()},
            "certainty": round(self.certainty[who][condition], 3),
        }


def evaluate_pose(
    readers: Mapping[str, BoxReader],
    folder: Path,
    labels: PoseLabels,
    seed: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> PoseReport:
    """Every reader under every condition; `advance` is called after each face."""
    readings: dict[tuple[str, str], list[Reading]] = {
        (who, condition): [] for who in readers for condition in CONDITIONS
    }
    truths = []
    for name, points in zip(labels.names, labels.points, strict=True):
        placed = place(read_image(folder / name), points)
        truths.append(placed[1])
        for condition, spoil in CONDITIONS.items():
            spoiled = spoil(placed, picture_seed(seed, name))
            for who, reader in readers.items():
                readings[who, condition].append(reader.read_box(spoiled, box_of(placed[1])))
        advance()
    return report(tuple(readers), readings, torch.stack(truths), labels.angles, seed)


def report(
    readers: tuple[str, ...],
    readings: Mapping[tuple[str, str], list[Reading]],
    truths: Float[Tensor, "faces 68 2"],
    angles: Float[Tensor, "faces 3"],
    seed: int,
) -> PoseReport:
    """What was read against what is true."""
    landmarks: dict[str, dict[str, ErrorByYaw]] = {who: {} for who in readers}
    poses: dict[str, dict[str, PoseError]] = {who: {} for who in readers}
    certainty: dict[str, dict[str, float]] = {who: {} for who in readers}
    for (who, condition), read in readings.items():
        found = torch.stack([reading.landmarks for reading in read])
        errors = normalised_mean_error(found, truths, box_size)
        landmarks[who][condition] = ErrorByYaw.of(errors, angles[:, 0])
        poses[who][condition] = PoseError.of(torch.stack([one.rotation for one in read]), angles)
        certainty[who][condition] = sum(reading.certainty for reading in read) / len(read)
    return PoseReport(len(truths), seed, landmarks, poses, certainty)


def place(photo: Image, points: Float[Tensor, "68 2"]) -> Placed:
    """The face in the middle of a canvas, as it stands in its photo, and its landmarks there."""
    box = box_of(points)
    low, high = box[:2], box[2:]
    scale = float((high - low).mean()) / FACE_SIZE
    if scale <= 0:
        raise EvaluationError("all landmarks of a face fall on one pixel")
    x, y = ((low + high) / 2).tolist()
    to_middle = translation(-(CANVAS - 1) / 2, -(CANVAS - 1) / 2)
    photo_from_canvas = compose(similarity(scale, 0.0, (x, y)), to_middle)
    pixels = warp_affine(photo[None], photo_from_canvas[None], CANVAS, CANVAS)[0].clamp(0, 1)
    return pixels, transform_points(invert(photo_from_canvas), points)


def box_of(points: Float[Tensor, "68 2"]) -> Box:
    return torch.cat((points.amin(0), points.amax(0)))
