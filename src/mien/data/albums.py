"""Several photos of each person, cut and with 68 landmarks: what guided restoration learns from.

Whoever has one photo gets others that are made of it: the face turned a little (geometry/rotate).
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from mien.data.facepool import bounds, five_of_68, read_labels, with_forehead
from mien.data.people import person_of
from mien.data.photos import to_unit_range
from mien.geometry.fit import Fit, fit_landmarks
from mien.geometry.landmarks import MIRROR_68
from mien.geometry.morphable import LinearMorphable
from mien.geometry.pose import angles_from_rotation
from mien.geometry.rasterize import Rasterizer, rasterize
from mien.geometry.rotate import RotationSettings, TrainingView, fitted_face, training_views
from mien.image.io import read_image
from mien.image.warp import invert, transform_points, warp_affine
from mien.types import Affine, Detection, Images

Place = Callable[[Detection], Affine]
"""A face in a picture to `picture_from_crop`, as the face would be cut when it is met in use."""
Landmarks = Float[Tensor, "photos 68 2"]
EYES = ((36, 39, (37, 38), (41, 40)), (42, 45, (43, 44), (47, 46)))
"""Of each eye: its corners, its upper lid, and the lower lid below that."""


@dataclass(frozen=True)
class AlbumPlan:
    """What is left out, who may be a guide, and what is made."""

    most_enlarged: float = 1.7
    """Crop pixels for a pixel of the photo: smaller faces are left out."""
    sharp_enlarged: float = 1.15
    """Up to here a photo of a person is sharp."""
    sharp_repeats: int = 4
    """How many times as often such photos are learned from: there are few."""
    most_yaw: float = 30.0
    most_pitch: float = 25.0
    """Degrees by which a guide may be turned."""
    least_open: float = 0.16
    """Height over width of a guide's eyes."""
    most_made_yaw: float = 18.0
    """Degrees by which the photo may be turned that others are made of."""
    yaws: tuple[float, ...] = (-30.0, -20.0, -10.0, 10.0, 20.0, 30.0)
    jitter: float = 5.0
    """Degrees that each of these is moved by at random."""
    views_per_face: int = 2
    batch: int = 8
    draw: Rasterizer = rasterize


@dataclass(frozen=True)
class Labelled:
    """A photo whose largest face is known."""

    path: Path
    points: Float[Tensor, "68 2"]
    person: str
    """Empty where nobody knows."""


def labelled_photos(labels: tuple[Path, ...], folders: tuple[Path, ...]) -> list[Labelled]:
    """Of the photos below the folders, those that label files name (of tools/label_faces.py)."""
    return [
        Labelled(path, points[0].float(), person_of(path, folders))
        for file in labels
        for path, points, _ in read_labels(file)
        if any(path.is_relative_to(folder) for folder in folders)
    ]


@dataclass(frozen=True)
class Pairs:
    """A batch: damaged pictures, a guide for each, and what is to come out."""

    damaged: Images
    guides: Images
    truths: Images
    truth_points: Float[Tensor, "batch 68 2"]
    guide_points: Float[Tensor, "batch 68 2"]


@dataclass(frozen=True)
class PackedAlbums:
    """All photos, as memory-mapped arrays in a folder."""

    pixels: np.ndarray
    """(N, 3, size, size), uint8."""
    points: np.ndarray
    """(N, 68, 2), in pixels."""
    people: np.ndarray
    """(N,): a number for each person."""
    is_guide: np.ndarray
    """(N,)."""
    repeats: np.ndarray
    """(N,): how often a photo is learned from; 0 for those that were made."""

    @classmethod
    def open(cls, folder: Path) -> "PackedAlbums":
        return cls(
            **{field.name: np.load(folder / f"{field.name}.npy", mmap_mode="r") for field in fields(cls)}
        )

    def split(self, every: int) -> tuple[list[int], list[int]]:
        """Photos to learn from, as often as they are; and one of each `every`-th person to validate on."""
        held_out = self.people % every == every - 1
        learned = np.repeat(np.arange(len(self.people)), np.where(held_out, 0, self.repeats))
        _, first = np.unique(np.where(held_out & (self.repeats > 0), self.people, -1), return_index=True)
        return learned.tolist(), [int(index) for index in first if held_out[index] and self.repeats[index]]

    def guides(self, photo: int) -> np.ndarray:
        """Other photos of the person: the good ones, or where there is none all."""
        others = np.flatnonzero(self.people == self.people[photo])
        others = others[others != photo]
        good = others[self.is_guide[others]]
        return good if len(good) else others

    def strangers(self, photo: int) -> np.ndarray:
        """Good photos of everybody else."""
        return np.flatnonzero(self.is_guide & (self.people != self.people[photo]))

    def batch(self, photos: list[int], generator: torch.Generator, own: bool = True) -> Pairs:
        """With guides of the person, or of anybody else; nothing is damaged yet: that is done where the
        network is."""
        candidates = [self.guides(photo) if own else self.strangers(photo) for photo in photos]
        chance = torch.rand(len(photos), generator=generator).tolist()
        guides = [int(some[int(part * len(some))]) for some, part in zip(candidates, chance, strict=True)]
        truths = to_unit_range(torch.from_numpy(self.pixels[photos]))
        return Pairs(
            damaged=truths,
            guides=to_unit_range(torch.from_numpy(self.pixels[guides])),
            truths=truths,
            truth_points=torch.from_numpy(self.points[photos]),
            guide_points=torch.from_numpy(self.points[guides]),
        )


@dataclass(frozen=True)
class Sheet:
    """What is known of the photos before any of them is read."""

    photos: list[Labelled]
    placed: Float[Tensor, "photos 2 3"]
    """`photo_from_crop` of each."""
    points: Landmarks
    """In crops."""
    fit: Fit
    is_guide: Bool[Tensor, " photos"]
    is_turned: Bool[Tensor, " photos"]
    """Which of them others are made of."""
    repeats: Int[Tensor, " photos"]


def pack_albums(
    photos: list[Labelled],
    model: LinearMorphable,
    place: Place,
    size: int,
    plan: AlbumPlan,
    folder: Path,
    generator: torch.Generator,
) -> int:
    """Cut all faces that have or get a second photo, and store them; how many there are."""
    sheet = make_sheet(photos, model, place, plan)
    turned = sheet.is_turned.nonzero()[:, 0]
    num_photos, num_views = len(sheet.photos), plan.views_per_face * len(turned)
    names = sorted({photo.person for photo in sheet.photos if photo.person})
    number = {name: index for index, name in enumerate(names)}
    nobody = iter(range(len(names), len(names) + num_photos))
    people = np.array([number[p.person] if p.person else next(nobody) for p in sheet.photos])
    store = _create(folder, num_photos + num_views, size)
    for index, (photo, transform) in enumerate(zip(sheet.photos, sheet.placed, strict=True)):
        cut = warp_affine(read_image(photo.path)[None], transform[None], size, size, "reflection")
        store.pixels[index] = _bytes(cut)[0].numpy()
    store.points[:num_photos] = sheet.points.numpy()
    store.people[:num_photos], store.is_guide[:num_photos] = people, sheet.is_guide.numpy()
    store.repeats[:num_photos] = sheet.repeats.numpy()
    start = num_photos
    for few in turned.split(plan.batch):
        photo_pixels = torch.from_numpy(store.pixels[few.numpy()])
        pixels, points = turn_some(photo_pixels, _picked(sheet.fit, few), model, place, plan, generator)
        rows = slice(start, start + len(pixels))
        store.pixels[rows], store.points[rows] = pixels.numpy(), points.numpy()
        store.people[rows] = np.tile(people[few.numpy()], plan.views_per_face)
        store.is_guide[rows], store.repeats[rows] = True, 0
        start += len(pixels)
    return start


def make_sheet(photos: list[Labelled], model: LinearMorphable, place: Place, plan: AlbumPlan) -> Sheet:
    """Choose photos by their landmarks: large enough, and of somebody who has or gets another one."""
    if not photos:
        raise ValueError("no photo below the folders is named in the label files")
    placed = torch.stack([place(as_detection(photo.points)) for photo in photos])
    enlarged = 1 / placed[:, :, :2].det().sqrt()
    points = transform_points(
        invert(placed), torch.stack([photo.points for photo in photos]).double()
    ).float()
    fit = fit_landmarks(model, points)
    yaw, pitch, _ = angles_from_rotation(fit.rotation).abs().unbind(-1)
    is_large = enlarged <= plan.most_enlarged
    is_alone = torch.tensor([not photo.person for photo in photos])
    is_turned = is_alone & (yaw <= plan.most_made_yaw) & (pitch <= plan.most_pitch) & is_large
    counts: dict[str, int] = {}
    for photo, large in zip(photos, is_large.tolist(), strict=True):
        counts[photo.person] = counts.get(photo.person, 0) + int(large)
    has_others = torch.tensor([bool(photo.person) and counts[photo.person] > 1 for photo in photos])
    kept = (is_turned | (is_large & has_others)).nonzero()[:, 0]
    if not len(kept):
        raise ValueError(f"of {len(photos)} photos none is large enough and of a person with another one")
    is_sharp = enlarged <= plan.sharp_enlarged
    repeats = torch.where(is_sharp & ~is_alone, plan.sharp_repeats, 1)
    is_guide = (yaw <= plan.most_yaw) & (pitch <= plan.most_pitch) & (openness(points) >= plan.least_open)
    return Sheet(
        [photos[index] for index in kept.tolist()],
        placed[kept],
        points[kept],
        _picked(fit, kept),
        is_guide[kept],
        is_turned[kept],
        repeats[kept],
    )


def as_detection(points: Float[Tensor, "68 2"]) -> Detection:
    """What a detector would say of a face with these landmarks."""
    return Detection(bounds(with_forehead(points)), five_of_68(points), score=1.0)


def openness(points: Landmarks) -> Float[Tensor, " photos"]:
    """Height over width of the less open eye."""
    found = []
    for left, right, upper, lower in EYES:
        width = (points[:, right] - points[:, left]).norm(dim=-1).clamp_min(1e-6)
        height = (points[:, list(lower)] - points[:, list(upper)]).norm(dim=-1).mean(1)
        found.append(height / width)
    return torch.minimum(*found)


def turn_some(
    pixels: UInt8[Tensor, "batch 3 size size"],
    fit: Fit,
    model: LinearMorphable,
    place: Place,
    plan: AlbumPlan,
    generator: torch.Generator,
) -> tuple[UInt8[Tensor, "views 3 size size"], Float[Tensor, "views 68 2"]]:
    """Views of all photos at the first yaw, then of all at the second, each cut as it would be met."""
    face = fitted_face(model, fit)
    chosen = torch.randperm(len(plan.yaws), generator=generator)[: plan.views_per_face].tolist()
    jitter = (2 * torch.rand(len(chosen), generator=generator) - 1) * plan.jitter
    yaws = tuple(plan.yaws[index] + float(by) for index, by in zip(chosen, jitter, strict=True))
    settings = RotationSettings(draw=plan.draw)
    views = training_views(to_unit_range(pixels), face, model.landmark_points(face.vertices), yaws, settings)
    cuts, points = zip(*(cut_view(view, place) for view in views), strict=True)
    return torch.cat(cuts), torch.cat(points)


def cut_view(
    view: TrainingView, place: Place
) -> tuple[UInt8[Tensor, "batch 3 size size"], Float[Tensor, "batch 68 2"]]:
    """Cut by the view's own landmarks."""
    size = view.truth.shape[-1]
    placed = torch.stack([place(as_detection(landmarks)) for landmarks in view.landmarks])
    cut = [
        warp_affine(picture[None], transform[None], size, size, "reflection")
        for picture, transform in zip(view.view.pixels, placed, strict=True)
    ]
    return _bytes(torch.cat(cut)), transform_points(invert(placed), view.landmarks.double()).float()


def mirrored(pairs: Pairs, generator: torch.Generator) -> Pairs:
    """Half of the faces seen in a mirror, both photos alike."""
    size = pairs.truths.shape[-1]
    is_flipped = (torch.rand(len(pairs.truths), generator=generator) < 0.5).to(pairs.truths.device)

    def pictures(images: Images) -> Images:
        return torch.where(is_flipped[:, None, None, None], images.flip(3), images)

    def points(landmarks: Landmarks) -> Landmarks:
        x, y = landmarks[:, MIRROR_68.to(landmarks.device)].unbind(-1)
        return torch.where(is_flipped[:, None, None], torch.stack((size - 1 - x, y), -1), landmarks)

    return Pairs(
        pictures(pairs.damaged),
        pictures(pairs.guides),
        pictures(pairs.truths),
        points(pairs.truth_points),
        points(pairs.guide_points),
    )


def shifted(pairs: Pairs, largest: int, generator: torch.Generator) -> Pairs:
    """The truths moved by whole pixels against their guides, the whole batch alike: nothing is resampled."""
    right, down = torch.randint(-largest, largest + 1, (2,), generator=generator).tolist()
    height, width = pairs.truths.shape[-2:]
    padded = F.pad(pairs.truths, (largest,) * 4, mode="reflect")  # (B, 3, H + 2 largest, W + 2 largest)
    top, left = largest - down, largest - right
    truths = padded[..., top : top + height, left : left + width]
    points = pairs.truth_points + pairs.truth_points.new_tensor([right, down])
    return replace(pairs, damaged=truths, truths=truths, truth_points=points)


def _picked(fit: Fit, which: Int[Tensor, " chosen"]) -> Fit:
    camera = type(fit.camera)(fit.camera.scale[which], fit.camera.shift[which])
    return Fit(fit.identity[which], fit.expression[which], fit.rotation[which], camera)


def _bytes(images: Images) -> UInt8[Tensor, "batch 3 height width"]:
    return (images.clamp(0, 1) * 255).round().to(torch.uint8)


def _create(folder: Path, num: int, size: int) -> PackedAlbums:
    """Empty arrays on disk."""
    folder.mkdir(parents=True, exist_ok=True)

    def empty(name: str, kind: type[np.generic], *shape: int) -> np.ndarray:
        return np.lib.format.open_memmap(folder / f"{name}.npy", "w+", kind, shape)

    return PackedAlbums(
        pixels=empty("pixels", np.uint8, num, 3, size, size),
        points=empty("points", np.float32, num, 68, 2),
        people=empty("people", np.int64, num),
        is_guide=empty("is_guide", np.bool_, num),
        repeats=empty("repeats", np.int64, num),
    )
