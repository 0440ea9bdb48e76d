"""Faces with 68 points in upright squares, what the morphable model makes of them, and cuts to read."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from mien.data.facepool import read_labels
from mien.geometry.camera import WeakPerspective
from mien.geometry.fit import FitSettings, fit_landmarks
from mien.geometry.landmarks import MIRROR_68
from mien.geometry.morphable import LinearMorphable
from mien.geometry.pose import angles_from_rotation
from mien.geometry.upright import squares_around
from mien.image.io import read_image
from mien.image.warp import invert, largest_scale, transform_points, warp_affine
from mien.types import Images

SIDE = 192
"""Of a stored square, pixels."""
STORED_FACE = 87.5
"""Side of the face in it (mean of width and height of the landmarks' box, upright)."""
SMALLEST_FACE = 28.0
"""Pixels in its photo below which a face is left out."""
POINTS, FITS = "points.npz", "fits.npz"
FITTED_TOGETHER = 256
FIT = FitSettings(num_identity=40, num_expression=10, num_steps=6)
"""MDFR's counts."""
SHARES = (0.42, 0.26, 0.32)
"""Of the faces drawn, those with a yaw of up to 30, up to 60, and more degrees: there are few profiles."""
MADE_SHARE = 0.35
"""Of the faces of each such bin, those that are turned photos, if there are any."""

PointSets = Float[Tensor, "batch 68 2"]


@dataclass(frozen=True)
class Fitted:
    """What the morphable model makes of each face, and of its mirror image: each has two rows."""

    identity: Float[Tensor, "faces 2 identities"]
    expression: Float[Tensor, "faces 2 expressions"]
    rotation: Float[Tensor, "faces 2 3 3"]
    scale: Float[Tensor, "faces 2"]
    shift: Float[Tensor, "faces 2 2"]
    albedo: Float[Tensor, "faces 2 albedos"]
    light: Float[Tensor, "faces 2 9 3"]


@dataclass(frozen=True)
class StoredReads:
    """A batch as it is stored; everything else is chance."""

    squares: UInt8[Tensor, "batch 3 192 192"]
    points: PointSets
    mirrored: Int[Tensor, " batch"]
    """1 for those whose mirror image is wanted; the fit is of what is wanted."""
    identity: Float[Tensor, "batch identities"]
    expression: Float[Tensor, "batch expressions"]
    rotation: Float[Tensor, "batch 3 3"]
    scale: Float[Tensor, " batch"]
    shift: Float[Tensor, "batch 2"]
    albedo: Float[Tensor, "batch albedos"]
    light: Float[Tensor, "batch 9 3"]


@dataclass(frozen=True)
class ReadPool:
    """The packed faces, memory-mapped."""

    squares: np.ndarray
    points: Float[Tensor, "faces 68 2"]
    made: Bool[Tensor, " faces"]
    """Which of them are photos turned by tools/turn_faces.py."""
    fitted: Fitted

    @classmethod
    def open(cls, folder: Path) -> "ReadPool":
        with np.load(folder / FITS) as file:
            fitted = Fitted(**{field.name: torch.from_numpy(file[field.name]) for field in fields(Fitted)})
        with np.load(folder / POINTS) as file:
            points, made = torch.from_numpy(file["points"]), torch.from_numpy(file["made"])
        return cls(np.load(folder / "squares.npy", mmap_mode="r"), points, made, fitted)

    def __len__(self) -> int:
        return len(self.points)

    @property
    def yaws(self) -> Float[Tensor, " faces"]:
        """Degrees to either side."""
        return angles_from_rotation(self.fitted.rotation[:, 0])[:, 0].abs()

    def split(self, every: int) -> tuple[Int[Tensor, " kept"], Int[Tensor, " held"]]:
        """Numbers of the faces to train on, and of each `every`-th, to judge on."""
        numbers = torch.arange(len(self))
        held = numbers % every == every - 1
        return numbers[~held], numbers[held]

    def weights(self, shares: tuple[float, float, float] = SHARES) -> Float[Tensor, " faces"]:
        """How often to draw each."""
        bins = torch.bucketize(self.yaws, torch.tensor([30.0, 60.0]))
        kinds = 2 * bins + self.made  # photos and turned ones within each bin
        counts = kinds.bincount(minlength=6)
        of_bins = torch.tensor(shares).repeat_interleave(2) * torch.tensor([1 - MADE_SHARE, MADE_SHARE] * 3)
        return (of_bins / counts.clamp(min=1))[kinds]

    def batch(self, numbers: Int[Tensor, " batch"], mirrored: Int[Tensor, " batch"]) -> StoredReads:
        """The faces of these numbers, each as it is or mirrored."""
        parts = {field.name: getattr(self.fitted, field.name)[numbers, mirrored] for field in fields(Fitted)}
        squares = torch.from_numpy(self.squares[numbers.numpy()])
        return StoredReads(squares=squares, points=self.points[numbers], mirrored=mirrored, **parts)


def pack_reads(labels: tuple[Path, ...], folder: Path) -> int:
    """Pack every face that is large enough, of label files of tools/label_faces.py; their number."""
    folder.mkdir(parents=True, exist_ok=True)
    squares, points, made = [], [], []
    for path, faces, is_made in (
        (*entry[:2], is_of_turned(file)) for file in labels for entry in read_labels(file)
    ):
        photo = read_image(path)
        for face in faces:
            photo_from_square = squares_around(face[None], SIDE, STORED_FACE)
            if largest_scale(photo_from_square) * STORED_FACE >= SMALLEST_FACE:
                square = warp_affine(photo[None], photo_from_square, SIDE, SIDE, "border", "bilinear")
                squares.append((square[0] * 255).round().to(torch.uint8).numpy())
                points.append(transform_points(invert(photo_from_square), face[None])[0])
                made.append(is_made)
    np.save(folder / "squares.npy", np.stack(squares))
    np.savez(folder / POINTS, points=torch.stack(points).numpy(), made=np.array(made))
    return len(points)


def is_of_turned(labels: Path) -> bool:
    """Whether tools/turn_faces.py made the pictures."""
    with np.load(labels) as file:
        return "turned" in file.files


def mirror_points(points: PointSets, side: int = SIDE) -> PointSets:
    """In the mirror image of a square."""
    x, y = points[:, MIRROR_68].unbind(-1)
    return torch.stack((side - 1 - x, y), -1)


def fit_reads(folder: Path, model: LinearMorphable, counts: tuple[int, int, int]) -> None:
    """Fit the morphable model to every packed face, with as many coefficients of each kind as are counted.

    68 points do not tell more than the first few, so the others are 0; of albedo and light they tell nothing,
    which is NaN until `readcolors` finds them.
    """
    with np.load(folder / POINTS) as file:
        points = torch.from_numpy(file["points"])
    identities, expressions, albedos = counts
    both = torch.stack((points, mirror_points(points)), 1).flatten(0, 1)  # (2 faces, 68, 2)
    fits = [fit_landmarks(model, part, FIT) for part in both.split(FITTED_TOGETHER)]
    unknown = torch.full((len(points), 2), torch.nan)
    fitted = Fitted(
        identity=widened(in_pairs([fit.identity for fit in fits]), identities),
        expression=widened(in_pairs([fit.expression for fit in fits]), expressions),
        rotation=in_pairs([fit.rotation for fit in fits]),
        scale=in_pairs([fit.camera.scale for fit in fits]),
        shift=in_pairs([fit.camera.shift for fit in fits]),
        albedo=unknown[..., None].repeat(1, 1, albedos),
        light=unknown[..., None, None].repeat(1, 1, 9, 3),
    )
    save_fits(folder, fitted)


def in_pairs(parts: list[Tensor]) -> Tensor:
    """A face and its mirror image together."""
    return torch.cat(parts).unflatten(0, (-1, 2))


def save_fits(folder: Path, fitted: Fitted) -> None:
    np.savez(
        folder / FITS,
        identity=fitted.identity.numpy(),
        expression=fitted.expression.numpy(),
        rotation=fitted.rotation.numpy(),
        scale=fitted.scale.numpy(),
        shift=fitted.shift.numpy(),
        albedo=fitted.albedo.numpy(),
        light=fitted.light.numpy(),
    )


def widened(coefficients: Float[Tensor, "faces 2 given"], count: int) -> Float[Tensor, "faces 2 {count}"]:
    return F.pad(coefficients, (0, count - coefficients.shape[-1]))


@dataclass(frozen=True)
class ReadVariety:
    """How the cuts that a reader gets differ from the ideal one; everything a standard deviation."""

    crop_size: int = 112
    face_size: float = 70.0
    degrees: float = 6.0
    """For cuts around what was read before."""
    scale: float = 0.06
    shift: float = 0.04
    """In parts of the face."""
    loose_share: float = 0.4
    """Of the cuts, those around a box whose face has any angle."""
    loose_degrees: float = 28.0
    loose_scale: float = 0.12
    loose_shift: float = 0.08

    def __call__(self, stored: StoredReads, generator: torch.Generator) -> tuple[Images, StoredReads]:
        """Cuts, and what is known in their pixels."""
        cut_from_square, angle, growth = self.moves(len(stored.points), generator)
        flip = stored.mirrored.bool()
        squares = torch.where(flip[:, None, None, None], stored.squares.flip(3), stored.squares)
        cuts = sample(squares, invert(cut_from_square), self.crop_size)
        points = torch.where(flip[:, None, None], mirror_points(stored.points), stored.points)
        camera = WeakPerspective(stored.scale, stored.shift)
        known = replace(
            stored,
            points=transform_points(cut_from_square, points),
            # to the eye clockwise is against the angles of a y axis that points up
            rotation=in_plane(-angle) @ stored.rotation,
            scale=camera.scale * growth,
            shift=transform_points(cut_from_square, camera.shift[:, None])[:, 0],
        )
        return cuts, known

    def moves(
        self, num: int, generator: torch.Generator
    ) -> tuple[Float[Tensor, "batch 2 3"], Float[Tensor, " batch"], Float[Tensor, " batch"]]:
        """`cut_from_square`, its angle in radians and its scale."""

        def normal(near: float, loose: float, *shape: int) -> Tensor:
            chance = torch.randn(num, *shape, generator=generator)
            width = torch.where(is_loose, loose, near)
            return chance * (width[:, None] if shape else width)

        is_loose = torch.rand(num, generator=generator) < self.loose_share
        angle = torch.deg2rad(normal(self.degrees, self.loose_degrees))
        growth = normal(self.scale, self.loose_scale).exp() * self.face_size / STORED_FACE
        shift = normal(self.shift, self.loose_shift, 2) * self.face_size
        cosine, sine = growth * angle.cos(), growth * angle.sin()
        linear = torch.stack((cosine, -sine, sine, cosine), -1).view(num, 2, 2)
        middle = (self.crop_size - 1) / 2 + shift
        offset = middle - (linear @ torch.full((2,), (SIDE - 1) / 2))
        return torch.cat((linear, offset[..., None]), -1), angle, growth


def in_plane(angle: Float[Tensor, " batch"]) -> Float[Tensor, "batch 3 3"]:
    """Rotations about the axis that points to the viewer, counter-clockwise, in radians."""
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    cosine, sine = angle.cos(), angle.sin()
    return torch.stack((cosine, -sine, zero, sine, cosine, zero, zero, zero, one), -1).view(-1, 3, 3)


def sample(
    squares: UInt8[Tensor, "batch 3 192 192"], square_from_cut: Float[Tensor, "batch 2 3"], size: int
) -> Float[Tensor, "batch 3 {size} {size}"]:
    """Bilinear: a cut has about the scale of its square."""
    unit = square_from_cut.float() * (2 / SIDE)
    # pixel p of a side lies at (2 p + 1) / SIDE - 1, from edge to edge -1 to 1
    unit = torch.cat((unit[..., :2], unit[..., 2:] + (1 / SIDE - 1)), -1)
    steps = torch.arange(size, dtype=torch.float32)
    across, down = torch.meshgrid(steps, steps, indexing="xy")
    places = torch.stack((across, down, torch.ones_like(across)), -1).view(1, -1, 3)
    grid = (places @ unit.mT).view(-1, size, size, 2)
    return F.grid_sample(squares.float() / 255, grid, padding_mode="border", align_corners=False)
