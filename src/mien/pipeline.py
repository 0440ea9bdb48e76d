"""The whole story: find the faces, align them, recover them, paste them back."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mien.faces.align import align, whole_crop
from mien.faces.detect import largest
from mien.faces.identify import Identify, identity_of, kept_identity
from mien.faces.paste import fit_whole, paste_many, scale_photo
from mien.image.warp import transform_points
from mien.types import Crop, Detection, Face, FindFaces, Image, ReadFace, Reading, Recoverer, Recovery, Result
from mien.zoo.load import load_detector, load_identifier, load_reader


@dataclass(frozen=True)
class RecoverOptions:
    """What a user may ask of a run, whichever the model."""

    only_largest: bool = False
    """Leave all faces but the largest as they are."""
    scale: int = 1
    """Enlarge the photo 1, 2 or 4 times."""
    match_colors: bool = False
    """Give each recovered face the colours of the photo."""
    identity: bool = False
    """Tell of each face how alike it is to the one it was recovered from."""
    min_identity: float | None = None
    """Leave faces as they are whose recovery is less alike, as a cosine; None pastes them all."""

    def __post_init__(self) -> None:
        if self.scale not in (1, 2, 4):
            raise ValueError(f"scale must be 1, 2 or 4, got {self.scale}")
        if self.min_identity is not None and not -1 <= self.min_identity <= 1:
            raise ValueError(f"min_identity is a cosine, -1 to 1, got {self.min_identity}")

    @property
    def asks_identity(self) -> bool:
        return self.identity or self.min_identity is not None

    def pastes(self, recovery: Recovery, identity: float | None) -> bool:
        """Whether a recovery goes back into its photo."""
        is_alike = self.min_identity is None or (identity is not None and identity >= self.min_identity)
        return recovery.keeps_pose and is_alike


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


def identity(crop: Crop, identify: Identify | None = None) -> Float[Tensor, " features"]:
    """Who a face is: a vector of length 1; its product with another's is the cosine between them."""
    return identity_of(crop, identify or load_identifier())


def read_face(crop: Crop, read: ReadFace | None = None) -> Reading:
    """Landmarks, pose, shape, colour and light of a crop's face, in the crop's pixels."""
    return (read or load_reader())(crop)


def recover(
    photo: Image,
    model: Recoverer,
    options: RecoverOptions | None = None,
    find: FindFaces | None = None,
    identify: Identify | None = None,
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
    identities = _identities(crops, recoveries, model.template, options, identify, watch)
    with watch.measure("paste"):
        canvas = scale_photo(photo, options.scale)
        faces = tuple(
            Face(detection, crop, recovery, options.pastes(recovery, likeness), likeness)
            for detection, crop, recovery, likeness in zip(
                detections, crops, recoveries, identities, strict=True
            )
        )
        canvas = paste_many(canvas, faces, options.scale, options.match_colors)
    return Result(photo=canvas, faces=faces, seconds=watch.seconds)


def recover_aligned(
    photo: Image,
    model: Recoverer,
    options: RecoverOptions | None = None,
    identify: Identify | None = None,
) -> Result:
    """For a picture that is a face crop already: recovered as a whole, in the size it came in."""
    options = options or RecoverOptions()
    if options.only_largest or options.scale > 1 or options.match_colors:
        raise ValueError("of a face crop only the identity can be asked for: it is recovered as a whole")
    watch = Stopwatch()
    with watch.measure("align"):
        crop = whole_crop(photo, model.crop_size)
    with watch.measure("recover"):
        recovery = model([crop])[0]
    (likeness,) = _identities([crop], [recovery], model.template, options, identify, watch)
    pasted = options.pastes(recovery, likeness)
    with watch.measure("paste"):
        is_kept = recovery.keeps_pose and not pasted
        pixels = photo if is_kept else fit_whole(photo, crop, recovery.pixels)
    height, width = photo.shape[1:]
    box = torch.tensor([0.0, 0.0, width - 1.0, height - 1.0])
    points = transform_points(crop.photo_from_crop, crop.points.double()).float()
    detection = Detection(box=box, points=points, score=1.0)
    face = Face(detection, crop, recovery, pasted, likeness)
    return Result(photo=pixels, faces=(face,), seconds=watch.seconds)


def _identities(
    crops: list[Crop],
    recoveries: list[Recovery],
    template: str,
    options: RecoverOptions,
    identify: Identify | None,
    watch: Stopwatch,
) -> list[float | None]:
    if not options.asks_identity:
        return [None] * len(crops)
    with watch.measure("identify"):
        return [*kept_identity(crops, recoveries, template, identify or load_identifier())]
