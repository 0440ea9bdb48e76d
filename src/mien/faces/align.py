"""Faces cut out of a photo, upright and at a fixed place: five points brought onto a template."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from mien.image.warp import (
    compose,
    invert,
    rescaling,
    similarity,
    transform_points,
    translation,
    warp_affine,
)
from mien.types import Affine, Crop, Detection, FivePoints, Image, Points

BOX_PER_EYES_TO_MOUTH = 2.4
"""Side of a face's box (mean of width and height) over the way from its eyes to its mouth."""
LARGEST_SURPRISE = 1.6
"""How far the scale that the points ask for may be from the box's before the points are taken for wrong."""
FACE_3D = torch.tensor(
    [
        [-0.315, -0.29, 0.13],
        [0.315, -0.29, 0.13],
        [0.0, 0.0, 0.55],
        [-0.255, 0.40, 0.26],
        [0.255, 0.40, 0.26],
    ],
    dtype=torch.float64,
)
"""Our average adult in decimetres (x right, y down, z to the viewer): eyes 63 mm apart, mouth 51 mm wide and
69 mm below them, nose 29 mm below and 42 mm before them. The origin lies 13 mm behind the eyes, at the height
of the tip of the nose, so that it stays in the middle of the head when the head turns."""
BFM_PIXELS_PER_DECIMETRE = 102.0


@dataclass(frozen=True)
class Template:
    """Where the five points of a face belong in a square crop of its own `size`."""

    name: str
    size: int
    points: FivePoints
    fit: Literal["similarity", "perspective", "box"] = "similarity"
    """`perspective` takes the scale from a head in space, so that a profile is as large as a frontal view;
    `box` takes the square around the face's box, and its points are only where they are on average."""


def _template(
    name: str,
    size: int,
    points: list[list[float]],
    fit: Literal["similarity", "perspective", "box"] = "similarity",
) -> Template:
    return Template(name, size, torch.tensor(points, dtype=torch.float64), fit)


TEMPLATES: dict[str, Template] = {
    "ffhq": _template(
        "ffhq",
        512,
        [
            [192.98138, 239.94708],
            [318.90277, 240.1936],
            [256.63416, 314.01935],
            [201.26117, 371.41043],
            [313.08905, 371.15118],
        ],
    ),
    "gpen": _template(
        "gpen",
        512,
        [[202.04, 242.88], [309.43, 242.29], [256.08, 303.96], [211.96, 366.83], [300.89, 366.34]],
    ),
    "arcface": _template(
        "arcface",
        112,
        [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    ),
    "bfm": Template("bfm", 224, FACE_3D[:, :2] * BFM_PIXELS_PER_DECIMETRE + 111.5, "perspective"),
    "box": _template(
        "box", 256, [[81.0, 98.0], [174.0, 98.0], [127.5, 146.0], [91.0, 198.0], [164.0, 198.0]], "box"
    ),
}


def find_template(name: str) -> Template:
    if name not in TEMPLATES:
        raise ValueError(f"no alignment is called {name!r}; there are {', '.join(TEMPLATES)}")
    return TEMPLATES[name]


def template_points(name: str, size: int) -> FivePoints:
    """The template's points in a crop of another size."""
    template = find_template(name)
    return transform_points(rescaling(size / template.size), template.points)


def fit_similarity(source: Points, target: Points) -> Affine:
    """`target_from_source`, least squares in the target, without reflection.

    In the plane Umeyama's problem is linear: with points as complex numbers, target = a · source + b.
    """
    if len(source) != len(target) or len(source) < 2:
        raise ValueError(
            f"a similarity needs two or more pairs of points, not {len(source)} and {len(target)}"
        )
    start, end = _as_complex(source), _as_complex(target)
    centred, spread = start - start.mean(), (start - start.mean()).abs().square().sum()
    if not torch.isfinite(spread + end.abs().sum()):
        raise ValueError("a similarity cannot be fitted to points that are not finite")
    if spread <= 1e-12 * (1 + start.abs().square().max()):
        raise ValueError("a similarity cannot be fitted to points that all coincide")
    turn = (centred.conj() * (end - end.mean())).sum() / spread
    if turn.abs() < 1e-12:
        raise ValueError(
            "no similarity fits: the points are each other's mirror image or the target coincides"
        )
    return _around(turn, start.mean(), end.mean())


def _as_complex(points: Points) -> Tensor:
    return torch.view_as_complex(points.detach().cpu().double().contiguous())


def _around(turn: Tensor, source_centre: Tensor, target_centre: Tensor) -> Affine:
    """Turned and scaled by a complex number such that one centre goes to the other."""
    shift = target_centre - turn * source_centre
    return similarity(
        float(turn.abs()), math.degrees(float(turn.angle())), (float(shift.real), float(shift.imag))
    )


def _fit_points(detection: Detection, template: Template) -> Affine:
    """`photo_from_template` of the five points, held by the box where the points have fallen together.

    The least squares are in the template: in a profile the eyes lose their distance but not their way to the
    mouth, which then gives the scale. Only points that are wrong disagree with the box by much.
    """
    template_from_photo = fit_similarity(detection.points, template.points)
    scale = float(torch.linalg.det(template_from_photo[:, :2]).sqrt())
    expected = _eyes_to_mouth(template.points) * BOX_PER_EYES_TO_MOUTH / _box_side(detection)
    held = min(max(scale, expected / LARGEST_SURPRISE), expected * LARGEST_SURPRISE)
    if held == scale:
        return invert(template_from_photo)
    turn = torch.complex(template_from_photo[0, 0], template_from_photo[1, 0]) * (held / scale)
    centres = _as_complex(detection.points).mean(), _as_complex(template.points).mean()
    return invert(_around(turn, *centres))


def _eyes_to_mouth(points: FivePoints) -> float:
    return float((points[3:].mean(dim=0) - points[:2].mean(dim=0)).norm())


def _box_side(detection: Detection) -> float:
    width, height = (detection.box[2:] - detection.box[:2]).double().tolist()
    if not (width > 0 and height > 0):
        raise ValueError(f"a face's box must have an area, not {width} × {height} pixels")
    return math.sqrt(width * height)


def _fit_head(detection: Detection, template: Template) -> Affine:
    """`photo_from_template` by a head in weak perspective, its roll taken out (CFR-GAN's alignment)."""
    origin_and_head = torch.cat((torch.ones(5, 1, dtype=torch.float64), FACE_3D), dim=1)
    points = detection.points.detach().cpu().double()
    solution = torch.linalg.lstsq(origin_and_head, points).solution
    origin, across, down = solution[0], solution[1:, 0], solution[1:, 1]
    scale = float(across.norm() + down.norm()) / 2
    box_scale = _box_side(detection) / BOX_PER_EYES_TO_MOUTH / float(FACE_3D[3, 1] - FACE_3D[0, 1])
    scale = min(max(scale, box_scale / LARGEST_SURPRISE), box_scale * LARGEST_SURPRISE)
    # the turn nearest to what is left of the rotation in the picture's plane
    roll = math.degrees(math.atan2(float(down[0] - across[1]), float(across[0] + down[1])))
    centre = (template.size - 1) / 2
    turn = similarity(scale / BFM_PIXELS_PER_DECIMETRE, roll, (float(origin[0]), float(origin[1])))
    return compose(turn, translation(-centre, -centre))


def _fit_box(detection: Detection, template: Template) -> Affine:
    x0, y0, x1, y1 = detection.box.double().tolist()
    scale = max(x1 - x0, y1 - y0) / template.size
    if not (x1 > x0 and y1 > y0):
        raise ValueError(f"a face's box must have an area, not {x1 - x0} × {y1 - y0} pixels")
    centre = (template.size - 1) / 2 * scale
    return similarity(scale, 0.0, ((x0 + x1) / 2 - centre, (y0 + y1) / 2 - centre))


def fit(detection: Detection, template: str, size: int) -> Affine:
    """`photo_from_crop` for a crop of the given size."""
    chosen = find_template(template)
    fits = {"similarity": _fit_points, "perspective": _fit_head, "box": _fit_box}
    return compose(fits[chosen.fit](detection, chosen), rescaling(chosen.size / size))


def cut(photo: Image, photo_from_crop: Affine, size: int) -> Float[Tensor, "3 size size"]:
    """The pixels of a crop; what lies outside the photo is its mirror image."""
    return warp_affine(photo[None], photo_from_crop[None], size, size, "reflection")[0].clamp(0, 1)


def align(photo: Image, detection: Detection, template: str, size: int) -> Crop:
    photo_from_crop = fit(detection, template, size)
    points = transform_points(invert(photo_from_crop), detection.points.cpu())
    return Crop(cut(photo, photo_from_crop, size), photo_from_crop, points)


def detection_of(points: FivePoints) -> Detection:
    """A face whose points are known; its box is as large as a face with these is on average."""
    points = points.float()
    half = _eyes_to_mouth(points) * BOX_PER_EYES_TO_MOUTH / 2
    middle = points.mean(dim=0)
    return Detection(torch.cat((middle - half, middle + half)), points, 1.0)


def align_many(photo: Image, detections: list[Detection], template: str, size: int) -> list[Crop]:
    return [align(photo, detection, template, size) for detection in detections]


def whole_crop(image: Image, size: int, template: str = "ffhq") -> Crop:
    """A picture that is a face crop already; one that is not square is widened by its mirror image."""
    height, width = image.shape[-2:]
    scale = max(height, width) / size
    image_from_crop = compose(
        translation((width - 1) / 2, (height - 1) / 2),
        compose(similarity(scale, 0, (0, 0)), translation(-(size - 1) / 2, -(size - 1) / 2)),
    )
    pixels = cut(image, image_from_crop, size)
    return Crop(pixels, image_from_crop, template_points(template, size).float())
