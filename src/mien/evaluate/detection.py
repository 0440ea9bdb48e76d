"""How well faces are found: on photos as they are, turned, shrunk and noisy, and on photos without any.

A face counts as found when a box holds the middle of its five points and is between half and twice its
size; its size is 2.4 times the way from the eyes to the mouth, which a turned head hardly changes.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mien.degrade.chain import PROFILES
from mien.evaluate.blind import at_scale
from mien.image.warp import compose, invert, similarity, transform_points, translation, warp_affine
from mien.types import Detection, FindFaces, FivePoints, Image

SIZE_PER_EYES_TO_MOUTH = 2.4
Damaged = tuple[Float[Tensor, "3 new_height new_width"], FivePoints]


@dataclass(frozen=True)
class Sample:
    """A photo with one face whose points are known."""

    name: str
    photo: Image
    points: FivePoints


@dataclass(frozen=True)
class FaceScore:
    """What became of one face."""

    name: str
    found: bool
    num_others: int
    """Boxes that are not this face."""
    by_eyes: float
    """Mean distance of the five points over that between the eyes; infinite when not found."""
    by_size: float
    """The same over the size of the face, which also serves profiles."""
    turned: float
    """Degrees by which the found angle is off."""


@dataclass(frozen=True)
class DetectionReport:
    """One condition over many photos."""

    scores: tuple[FaceScore, ...]

    @property
    def found(self) -> float:
        """Share of the faces."""
        return sum(score.found for score in self.scores) / max(1, len(self.scores))

    @property
    def others(self) -> float:
        """Boxes per photo that are not its known face, which may be other faces."""
        return sum(score.num_others for score in self.scores) / max(1, len(self.scores))

    def mean(self, measure: Callable[[FaceScore], float]) -> float:
        """Over the found faces."""
        values = [measure(score) for score in self.scores if score.found]
        return sum(values) / len(values) if values else math.nan

    def as_json(self) -> dict[str, int | float]:
        return {
            "photos": len(self.scores),
            "found": round(self.found, 4),
            "others": round(self.others, 4),
            "by_eyes": round(self.mean(lambda score: score.by_eyes), 4),
            "by_size": round(self.mean(lambda score: score.by_size), 4),
            "turned": round(self.mean(lambda score: score.turned), 2),
        }


def turn(photo: Image, points: FivePoints, degrees: float) -> Damaged:
    """The photo turned about its middle on a black canvas that holds all of it."""
    height, width = photo.shape[1:]
    turning = similarity(1.0, degrees, (0.0, 0.0))
    cosine, sine = abs(float(turning[0, 0])), abs(float(turning[1, 0]))
    # a right angle's cosine is not quite zero, and would add a line
    new_height = math.ceil(width * sine + height * cosine - 1e-6)
    new_width = math.ceil(width * cosine + height * sine - 1e-6)
    middle = translation((new_width - 1) / 2, (new_height - 1) / 2)
    canvas_from_photo = compose(middle, compose(turning, translation(-(width - 1) / 2, -(height - 1) / 2)))
    back = invert(canvas_from_photo)[None]
    turned = warp_affine(photo[None], back, new_height, new_width, "zeros", "bilinear")[0]
    return turned.clamp(0, 1), transform_points(canvas_from_photo, points)


def shrunk(photo: Image, points: FivePoints, factor: float, generator: torch.Generator) -> Damaged:
    """GFRNet's damage at one factor: blur, shrinking, noise, JPEG."""
    return at_scale(PROFILES["gfrnet"], factor)(photo[None], generator)[0], points


def noisy(photo: Image, points: FivePoints, deviation: float, generator: torch.Generator) -> Damaged:
    noise = torch.randn(photo.shape, generator=generator)
    return (photo + deviation * noise).clamp(0, 1), points


CONDITIONS: Mapping[str, Callable[[Image, FivePoints, torch.Generator], Damaged]] = {
    "as it is": lambda photo, points, generator: (photo, points),
    "turned 45": lambda photo, points, generator: turn(photo, points, 45.0),
    "turned 90": lambda photo, points, generator: turn(photo, points, 90.0),
    "turned 180": lambda photo, points, generator: turn(photo, points, 180.0),
    "turned 250": lambda photo, points, generator: turn(photo, points, 250.0),
    "shrunk 8x": lambda photo, points, generator: shrunk(photo, points, 8.0, generator),
    "noise .15": lambda photo, points, generator: noisy(photo, points, 0.15, generator),
}


def evaluate_detection(
    find: FindFaces, samples: Iterator[Sample], condition: str = "as it is", seed: int = 0
) -> DetectionReport:
    """Every sample under one of `CONDITIONS`."""
    if condition not in CONDITIONS:
        raise ValueError(f"there is no condition {condition!r}; there is {', '.join(CONDITIONS)}")
    generator = torch.Generator().manual_seed(seed)
    scores = []
    for sample in samples:
        photo, points = CONDITIONS[condition](sample.photo, sample.points, generator)
        scores.append(judge(sample.name, find(photo), points))
    return DetectionReport(tuple(scores))


def false_faces(find: FindFaces, photos: Iterator[Image]) -> tuple[int, int]:
    """Boxes found in photos without faces, and how many photos there were."""
    counts = [len(find(photo)) for photo in photos]
    return sum(counts), len(counts)


def judge(name: str, detections: list[Detection], truth: FivePoints) -> FaceScore:
    """The detection nearest to the truth among those that count."""
    size = face_size(truth)
    errors = {
        index: float((detection.points - truth).norm(dim=-1).mean())
        for index, detection in enumerate(detections)
        if covers(detection.box, truth.mean(0), size)
    }
    if not errors:
        return FaceScore(name, False, len(detections), math.inf, math.inf, math.inf)
    best = min(errors, key=lambda index: errors[index])
    eyes = float((truth[1] - truth[0]).norm())
    angle = detections[best].roll - Detection(detections[best].box, truth, 1.0).roll
    return FaceScore(
        name=name,
        found=True,
        num_others=len(detections) - 1,
        by_eyes=errors[best] / max(eyes, 1e-6),
        by_size=errors[best] / size,
        turned=abs((angle + 180) % 360 - 180),
    )


def covers(box: Float[Tensor, " 4"], middle: Float[Tensor, " 2"], size: float) -> bool:
    holds = bool((middle > box[:2]).all() and (middle < box[2:]).all())
    side = float((box[2:] - box[:2]).clamp(min=0).prod().sqrt())
    return holds and size / 2 < side < 2 * size


def face_size(points: FivePoints) -> float:
    """From the way between eyes and mouth."""
    eyes, mouth = (points[0] + points[1]) / 2, (points[3] + points[4]) / 2
    return SIZE_PER_EYES_TO_MOUTH * float((mouth - eyes).norm())
