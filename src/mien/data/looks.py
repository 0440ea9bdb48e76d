"""Cuts of training scenes as the second look will see them: guesses that are off or wrong."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mien.data.facepool import FACE, IGNORE
from mien.data.scenes import Scenes, areas
from mien.image.warp import compose, invert, rescaling, transform_points, translation, warp_affine
from mien.types import Images

Boxes = Float[Tensor, "guesses 4"]


@dataclass(frozen=True)
class Guesses:
    """Where there may be faces, and how they may be turned."""

    pictures: Int[Tensor, " guesses"]
    """Which picture of the scenes each is in."""
    boxes: Boxes
    degrees: Float[Tensor, " guesses"]


@dataclass(frozen=True)
class Cuts:
    """Guesses cut out upright, and what is known of each."""

    pixels: Images
    faces: Bool[Tensor, " guesses"]
    known: Bool[Tensor, " guesses"]
    """Whether it is certain that this is a face, or none."""
    boxes: Boxes
    points: Float[Tensor, "guesses 5 2"]


@dataclass(frozen=True)
class GuessErrors:
    """How far off the guesses are that are made from the truth."""

    shift: float = 0.12
    """Deviation of the centre, in sides of the box."""
    stretch: float = 0.12
    """Deviation of the logarithm of the size."""
    degrees: float = 10.0
    wild_share: float = 0.2
    wild_degrees: float = 50.0
    stray_share: float = 0.25
    """Guesses that are so far off, or of such a wrong size, that they mean no face."""


def join_guesses(*parts: Guesses) -> Guesses:
    return Guesses(
        torch.cat([part.pictures for part in parts]),
        torch.cat([part.boxes for part in parts]),
        torch.cat([part.degrees for part in parts]),
    )


def turns(points: Float[Tensor, "*faces 5 2"]) -> Float[Tensor, "*faces"]:
    """`Detection.roll` of many faces."""
    left_eye, right_eye, _, left_mouth, right_mouth = points.unbind(-2)
    down = (left_mouth + right_mouth - left_eye - right_eye) / 2
    across = right_eye - left_eye
    return torch.rad2deg(torch.atan2(across[..., 1] - down[..., 0], across[..., 0] + down[..., 1]))


def guesses_from_truth(scenes: Scenes, errors: GuessErrors, generator: torch.Generator) -> Guesses:
    """One for every face, off by a little, and some that are off by more than a face bears."""
    rows, columns = (scenes.kinds == FACE).nonzero().unbind(1)
    device = rows.device
    boxes, degrees = scenes.boxes[rows, columns], turns(scenes.points[rows, columns])

    def normal(*shape: int) -> Tensor:
        return torch.randn(len(rows), *shape, generator=generator, device=device)

    stray = torch.rand(len(rows), generator=generator, device=device) < errors.stray_share
    wild = torch.rand(len(rows), generator=generator, device=device) < errors.wild_share
    side = areas(boxes).clamp(min=1).sqrt()[:, None]
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2 + errors.shift * normal(2) * side
    scale = (errors.stretch * normal()).exp()
    near = around(middle, (boxes[:, 2:] - boxes[:, :2]) * scale[:, None])
    # a part of the face, or much more than it, or its edge
    direction = F.normalize(normal(2), dim=-1)
    far_scale = torch.where(normal() > 0, 0.35, 2.6)
    far = around(middle + 0.6 * side * direction, side * far_scale[:, None].expand(-1, 2))
    turned = degrees + normal() * torch.where(wild, errors.wild_degrees, errors.degrees)
    return join_guesses(Guesses(rows, near, turned), Guesses(rows[stray], far[stray], turned[stray]))


def around(middle: Float[Tensor, "guesses 2"], extent: Float[Tensor, "guesses 2"]) -> Boxes:
    return torch.cat((middle - extent / 2, middle + extent / 2), -1)


def cut_guesses(scenes: Scenes, guesses: Guesses, cut_size: int, face_size: float) -> Cuts:
    """The upright cuts, and the faces in them."""
    picture_from_cut = upright_cuts(guesses, cut_size, face_size)
    best, faces, known = recognise(scenes, guesses)
    cut_from_picture = invert(picture_from_cut)
    rows = guesses.pictures
    points = transform_points(cut_from_picture, scenes.points[rows, best])
    low, high = scenes.boxes[rows, best].split(2, -1)
    corners = torch.stack((low, high), 1)  # (guesses, 2, 2)
    middle = transform_points(cut_from_picture, corners.mean(1, keepdim=True))[:, 0]
    shrinking = picture_from_cut[:, :, :2].det().abs().sqrt().to(low)
    boxes = around(middle, (high - low) / shrinking[:, None])
    return Cuts(sample(scenes.pictures, guesses, picture_from_cut, cut_size), faces, known, boxes, points)


def upright_cuts(guesses: Guesses, cut_size: int, face_size: float) -> Float[Tensor, "guesses 2 3"]:
    """`picture_from_cut`: the box's middle in the middle, its side `face_size` pixels, the face upright."""
    scale = areas(guesses.boxes).clamp(min=1).sqrt().double() / face_size
    angle = torch.deg2rad(guesses.degrees.double())
    cosine, sine = scale * angle.cos(), scale * angle.sin()
    middle = ((guesses.boxes[:, :2] + guesses.boxes[:, 2:]) / 2).double()
    rows = (
        torch.stack((cosine, -sine, middle[:, 0]), -1),
        torch.stack((sine, cosine, middle[:, 1]), -1),
    )
    to_middle = translation(-(cut_size - 1) / 2, -(cut_size - 1) / 2).to(scale.device)
    return compose(torch.stack(rows, 1), to_middle.expand(len(scale), -1, -1))


def recognise(
    scenes: Scenes, guesses: Guesses
) -> tuple[Int[Tensor, " guesses"], Bool[Tensor, " guesses"], Bool[Tensor, " guesses"]]:
    """The face each guess overlaps most, whether it means that face, and whether that is certain."""
    boxes, kinds = scenes.boxes[guesses.pictures], scenes.kinds[guesses.pictures]  # (guesses, faces, 4)
    low = torch.maximum(boxes[..., :2], guesses.boxes[:, None, :2])
    high = torch.minimum(boxes[..., 2:], guesses.boxes[:, None, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    own = areas(guesses.boxes)[:, None]
    overlap = shared / (areas(boxes) + own - shared).clamp(min=1e-6)
    of_faces = overlap * (kinds == FACE)
    best = of_faces.argmax(1)
    most = of_faces.amax(1)
    touched = ((shared / own.clamp(min=1e-6)) * (kinds == IGNORE)).amax(1)
    faces = most > 0.4
    return best, faces, faces | ((most < 0.25) & (touched < 0.2))


def sample(
    pictures: Images, guesses: Guesses, picture_from_cut: Float[Tensor, "guesses 2 3"], size: int
) -> Float[Tensor, "guesses 3 {size} {size}"]:
    """Cuts of like scale together, since pictures warped together are sampled as the most shrunken needs."""
    out = pictures.new_empty(len(guesses.pictures), 3, size, size)
    scale = picture_from_cut[:, :, :2].det().abs().sqrt()
    levels = scale.log2().floor().clamp(0, 2).long()
    for level in levels.unique().tolist():
        chosen = (levels == level).nonzero()[:, 0]
        small = F.avg_pool2d(pictures, 2**level)
        small_from_picture = rescaling(0.5**level).to(scale.device)
        small_from_cut = compose(small_from_picture.expand(len(chosen), -1, -1), picture_from_cut[chosen])
        for part, matrix in zip(chosen.split(32), small_from_cut.split(32), strict=True):
            cuts = warp_affine(small[guesses.pictures[part]], matrix, size, size, "border", "bilinear")
            out[part] = cuts
    return out
