"""One person twice: a face seen from elsewhere and its near-frontal photo, with both poses' key points.

Multi-PIE cannot be had, so views are made: the photo laid on the head's surface and turned (geometry/rotate).
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from mien.data.facepool import bounds, five_of_68, with_forehead
from mien.data.photos import PackedPhotos, to_unit_range
from mien.geometry.fit import Fit, fit_landmarks
from mien.geometry.landmarks import MIRROR_KEY_POINTS, key_points
from mien.geometry.morphable import LinearMorphable
from mien.geometry.normalize import NormalizationSettings, to_uniform_scale
from mien.geometry.pose import angles_from_rotation
from mien.geometry.rasterize import Rasterizer, rasterize
from mien.geometry.rotate import RotationSettings, TrainingView, fitted_face, training_views
from mien.image.warp import invert, transform_points, warp_affine
from mien.types import Affine, Detection, Images

KeyPoints = Float[Tensor, "batch 18 2"]
Place = Callable[[Detection], Affine]
"""A face in a picture to `picture_from_crop`, as the face would be cut when it is met in use."""


@dataclass(frozen=True)
class TurningPlan:
    """Which faces are turned, and how far."""

    yaws: tuple[float, ...] = (-82.5, -67.5, -52.5, -37.5, -22.5, 0.0, 22.5, 37.5, 52.5, 67.5, 82.5)
    jitter: float = 7.5
    """Degrees that each of these is moved by at random."""
    views_per_face: int = 5
    """Of these yaws, drawn anew for each few faces."""
    most_yaw: float = 18.0
    most_pitch: float = 22.0
    """Degrees by which a photo may be turned itself, to be a near-frontal one."""
    batch: int = 8
    draw: Rasterizer = rasterize


@dataclass(frozen=True)
class Turned:
    """A batch: faces seen from elsewhere, and the same as they were photographed."""

    views: Images
    truths: Images
    given: KeyPoints
    """Of the view's pose (L_p)."""
    wanted: KeyPoints
    """Of the photo's pose (L_t)."""
    frontal: KeyPoints
    """Of the pose that looks straight ahead (L_f, MDFR equation 5)."""


@dataclass(frozen=True)
class PackedTurned:
    """All of them, as memory-mapped arrays in a folder."""

    views: np.ndarray
    """(N, 3, size, size), uint8."""
    truths: np.ndarray
    """(M, 3, size, size), uint8."""
    truth_of: np.ndarray
    """(N,): the photo that a view was made from."""
    given: np.ndarray
    """(N, 18, 2), as the two that follow."""
    wanted: np.ndarray
    frontal: np.ndarray
    yaws: np.ndarray
    """(N,), degrees."""

    @classmethod
    def open(cls, folder: Path) -> "PackedTurned":
        return cls(
            **{field.name: np.load(folder / f"{field.name}.npy", mmap_mode="r") for field in fields(cls)}
        )

    def split(self, every: int) -> tuple[list[int], list[int]]:
        """Indices of views to train on, and of those of each `every`-th photo to validate on."""
        held_out = self.truth_of % every == every - 1
        return np.flatnonzero(~held_out).tolist(), np.flatnonzero(held_out).tolist()

    def batch(self, indices: list[int]) -> Turned:
        return Turned(
            views=to_unit_range(torch.from_numpy(self.views[indices])),
            truths=to_unit_range(torch.from_numpy(self.truths[self.truth_of[indices]])),
            given=torch.from_numpy(self.given[indices]),
            wanted=torch.from_numpy(self.wanted[indices]),
            frontal=torch.from_numpy(self.frontal[indices]),
        )


@dataclass(frozen=True)
class Views:
    """What `turn_faces` makes: all faces at the first yaw, then all at the second, ..."""

    pixels: UInt8[Tensor, "views 3 size size"]
    given: Float[Tensor, "views 18 2"]
    wanted: Float[Tensor, "views 18 2"]
    frontal: Float[Tensor, "views 18 2"]
    yaws: Float[Tensor, " views"]


def pack_turned(
    photos: PackedPhotos,
    landmarks: Float[Tensor, "photos 68 2"],
    model: LinearMorphable,
    place: Place,
    plan: TurningPlan,
    folder: Path,
    generator: torch.Generator,
) -> int:
    """Turn every near-frontal face and store the views; how many photos were used.

    Photos whose landmarks are not finite, because nobody could be found in them, are left out.
    """
    fit = fit_landmarks(model, landmarks)
    near = (near_frontal(fit, plan) & landmarks.isfinite().all(-1).all(-1)).nonzero()[:, 0]
    if not len(near):
        raise ValueError(f"none of {len(photos)} photos shows a near-frontal face: there is nothing to turn")
    store = _create(folder, len(near), plan.views_per_face, photos.pixels.shape[-1])
    start = 0
    for few in near.split(plan.batch):
        pixels = photos.batch(few.tolist())
        views = turn_faces(pixels, _picked(fit, few), model, place, plan, generator)
        _fill(store, pixels, views, start)
        start += len(few)
    return start


def near_frontal(fit: Fit, plan: TurningPlan) -> Bool[Tensor, " batch"]:
    """Which faces look ahead closely enough to be a frontal answer."""
    yaw, pitch, _ = angles_from_rotation(fit.rotation).abs().unbind(-1)
    return (yaw <= plan.most_yaw) & (pitch <= plan.most_pitch)


def turn_faces(
    pixels: UInt8[Tensor, "batch 3 size size"],
    fit: Fit,
    model: LinearMorphable,
    place: Place,
    plan: TurningPlan,
    generator: torch.Generator,
) -> Views:
    """Some views of each photo, each cut anew as it would be if that were the picture met."""
    face = fitted_face(model, fit)
    in_space = model.landmark_points(face.vertices)
    frontal = straight(in_space, pixels.shape[-1])
    chosen = torch.randperm(len(plan.yaws), generator=generator)[: plan.views_per_face].tolist()
    jitter = (2 * torch.rand(len(chosen), generator=generator) - 1) * plan.jitter
    yaws = tuple(plan.yaws[index] + float(by) for index, by in zip(chosen, jitter, strict=True))
    turned = training_views(to_unit_range(pixels), face, in_space, yaws, RotationSettings(draw=plan.draw))
    cuts, given = zip(*(cut_views(view, place) for view in turned), strict=True)
    return Views(
        torch.cat(cuts),
        torch.cat(given),
        torch.cat([key_points(view.truth_landmarks) for view in turned]),
        frontal.repeat(len(turned), 1, 1),
        torch.cat([view.angles[:, 0] for view in turned]),
    )


def straight(landmarks: Float[Tensor, "batch 68 3"], size: int) -> KeyPoints:
    """L_f: key points in face space, seen from ahead, at a uniform scale (MDFR equation 5)."""
    flat = key_points(landmarks)[..., :2] * landmarks.new_tensor([1.0, -1.0])
    return to_uniform_scale(flat, NormalizationSettings(size=size))


def cut_views(view: TrainingView, place: Place) -> tuple[UInt8[Tensor, "batch 3 size size"], KeyPoints]:
    """Views cut by their own five points, and the key points in them."""
    size = view.truth.shape[-1]
    cuts, given = [], []
    for picture, landmarks in zip(view.view.pixels, view.landmarks, strict=True):
        found = Detection(bounds(with_forehead(landmarks)), five_of_68(landmarks), score=1.0)
        picture_from_crop = place(found)
        cuts.append(warp_affine(picture[None], picture_from_crop[None], size, size, "reflection"))
        given.append(transform_points(invert(picture_from_crop), key_points(landmarks)).float())
    return (torch.cat(cuts).clamp(0, 1) * 255).round().to(torch.uint8), torch.stack(given)


def _picked(fit: Fit, which: Tensor) -> Fit:
    camera = type(fit.camera)(fit.camera.scale[which], fit.camera.shift[which])
    return Fit(fit.identity[which], fit.expression[which], fit.rotation[which], camera)


def _create(folder: Path, num_photos: int, views_per_face: int, size: int) -> PackedTurned:
    """Empty arrays on disk."""
    folder.mkdir(parents=True, exist_ok=True)
    num_views = num_photos * views_per_face

    def empty(name: str, kind: type[np.generic], *shape: int) -> np.ndarray:
        return np.lib.format.open_memmap(folder / f"{name}.npy", "w+", kind, shape)

    return PackedTurned(
        views=empty("views", np.uint8, num_views, 3, size, size),
        truths=empty("truths", np.uint8, num_photos, 3, size, size),
        truth_of=empty("truth_of", np.int64, num_views),
        given=empty("given", np.float32, num_views, 18, 2),
        wanted=empty("wanted", np.float32, num_views, 18, 2),
        frontal=empty("frontal", np.float32, num_views, 18, 2),
        yaws=empty("yaws", np.float32, num_views),
    )


def _fill(store: PackedTurned, pixels: UInt8[Tensor, "batch 3 size size"], views: Views, start: int) -> None:
    """Write some photos, the first of them number `start`, and their views."""
    numbers = np.arange(start, start + len(pixels))
    store.truths[numbers] = pixels.numpy()
    times = len(views.pixels) // len(pixels)
    rows = slice(start * times, start * times + len(views.pixels))
    store.truth_of[rows] = np.tile(numbers, times)
    store.views[rows] = views.pixels.numpy()
    store.given[rows], store.wanted[rows] = views.given.numpy(), views.wanted.numpy()
    store.frontal[rows], store.yaws[rows] = views.frontal.numpy(), views.yaws.numpy()


def shrunk(turned: Turned, factor: int) -> Turned:
    """The same, so many times smaller: squares of pixels are averaged, and points follow."""
    if factor == 1:
        return turned
    return Turned(
        F.avg_pool2d(turned.views, factor),
        F.avg_pool2d(turned.truths, factor),
        *(shrunk_points(points, factor) for points in (turned.given, turned.wanted, turned.frontal)),
    )


def shrunk_points(points: KeyPoints, factor: int) -> KeyPoints:
    """Where they are in a picture so many times smaller."""
    return (points + 0.5) / factor - 0.5


def mirrored(turned: Turned, generator: torch.Generator) -> Turned:
    """Half of the faces seen in a mirror, their key points with them."""
    size = turned.views.shape[-1]
    chance = torch.rand(len(turned.views), generator=generator, device=generator.device)
    is_flipped = (chance < 0.5).to(turned.views.device)

    def flip_pictures(pictures: Images) -> Images:
        return torch.where(is_flipped[:, None, None, None], pictures.flip(3), pictures)

    def flip_points(points: KeyPoints) -> KeyPoints:
        x, y = points[:, MIRROR_KEY_POINTS.to(points.device)].unbind(-1)
        return torch.where(is_flipped[:, None, None], torch.stack((size - 1 - x, y), -1), points)

    return Turned(
        flip_pictures(turned.views),
        flip_pictures(turned.truths),
        flip_points(turned.given),
        flip_points(turned.wanted),
        flip_points(turned.frontal),
    )
