"""The whole story: find the faces, align them, recover them, paste them back."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from mien.faces.align import align, whole_crop
from mien.faces.detect import largest
from mien.faces.paste import fit_whole, paste_many, scale_photo
from mien.image.warp import transform_points
from mien.types import Crop, Detection, Face, FindFaces, Image, Recoverer, Result
from mien.zoo.load import load_detector


@dataclass(frozen=True)
class RecoverOptions:
    """What a user may ask of a run, whichever the model."""

    only_largest: bool = False
    """Leave all faces but the largest as they are."""
    scale: int = 1
    """Enlarge the photo 1, 2 or 4 times."""
    match_colors: bool = False
    """Give each recovered face the colours of the photo."""

    def __post_init__(self) -> None:
        if self.scale not in (1, 2, 4):
            raise ValueError(f"scale must be 1, 2 or 4, got {self.scale}")


class Stopwatch:
    """Seconds spent in each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start


def detect_faces(photo: Image, find: FindFaces | None = None) -> list[Detection]:
    """Where the faces are, the surest first."""
    return (find or load_detector())(photo)


def find_faces(
    photo: Image, template: str = "ffhq", size: int = 256, find: FindFaces | None = None
) -> list[Crop]:
    """Every face of a photo, cut out and turned upright."""
    return [align(photo, detection, template, size) for detection in detect_faces(photo, find)]


def recover(
    photo: Image,
    model: Recoverer,
    options: RecoverOptions | None = None,
    find: FindFaces | None = None,
) -> Result:
    """A photo with its faces recovered; a photo without faces comes back as it is (or enlarged)."""
    options = options or RecoverOptions()
    watch = Stopwatch()
    with watch.measure("find"):
        detections = detect_faces(photo, find)
        if options.only_largest:
            detections = largest(detections)
    with watch.measure("align"):
        crops = [align(photo, detection, model.template, model.crop_size) for detection in detections]
    with watch.measure("recover"):
        recoveries = model(crops)
    with watch.measure("paste"):
        canvas = scale_photo(photo, options.scale)
        faces = tuple(
            Face(detection=detection, crop=crop, recovery=recovery, pasted=recovery.keeps_pose)
            for detection, crop, recovery in zip(detections, crops, recoveries, strict=True)
        )
        canvas = paste_many(canvas, faces, options.scale, options.match_colors)
    return Result(photo=canvas, faces=faces, seconds=watch.seconds)


def recover_aligned(photo: Image, model: Recoverer) -> Result:
    """For a picture that is a face crop already: recovered as a whole, in the size it came in."""
    watch = Stopwatch()
    with watch.measure("align"):
        crop = whole_crop(photo, model.crop_size)
    with watch.measure("recover"):
        recovery = model([crop])[0]
    with watch.measure("paste"):
        pixels = fit_whole(photo, crop, recovery.pixels)
    height, width = photo.shape[1:]
    box = torch.tensor([0.0, 0.0, width - 1.0, height - 1.0])
    points = transform_points(crop.photo_from_crop, crop.points.double()).float()
    detection = Detection(box=box, points=points, score=1.0)
    face = Face(detection=detection, crop=crop, recovery=recovery, pasted=recovery.keeps_pose)
    return Result(photo=pixels, faces=(face,), seconds=watch.seconds)
