"""The whole story: find the faces, align them, recover them, paste them back."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mien.faces.align import align, cut, whole_crop
from mien.faces.area import face_areas, shows_face
from mien.faces.detect import largest
from mien.faces.identify import Identify, identity_of, kept_identity
from mien.faces.paste import fit_whole, paste_many, scale_photo
from mien.geometry.estimate import fit_of
from mien.geometry.mesh import Closure
from mien.geometry.morphable import LinearMorphable
from mien.geometry.pose import turned_to_yaw
from mien.geometry.rotate import RotationSettings, fitted_face
from mien.geometry.subject import MARGIN, Subject, view
from mien.image.blend import side_by_side
from mien.image.warp import compose, transform_points, translation
from mien.types import (
    Crop,
    Detection,
    Face,
    FindFaces,
    FindParts,
    Image,
    Mask,
    ReadFace,
    Reading,
    Recoverer,
    Recovery,
    Result,
)
from mien.zoo.load import find_parts, load_detector, load_identifier, load_morphable, load_reader

SUBJECT_TEMPLATE = "bfm"
"""An alignment with room around the head, in which a profile is as large as a frontal face."""


@dataclass(frozen=True)
class RecoverOptions:
    """What a user may ask of a run, whichever the model."""

    only_largest: bool = False
    """Leave all faces but the largest as they are."""
    scale: int = 1
    """Enlarge the photo 1, 2 or 4 times."""
    match_colors: bool = False
    """Give each recovered face the colours of the photo."""
    only_face: bool = False
    """Paste faces alone: hair, hats and hands before them stay as they were."""
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


@dataclass(frozen=True)
class Prepared:
    """A photo whose faces are found and cut out: all that a model needs of it, and all that comes after."""

    photo: Image
    detections: tuple[Detection, ...]
    crops: tuple[Crop, ...]
    template: str
    """The alignment of the crops."""
    is_whole: bool
    """Whether the photo is a face crop itself."""
    seconds: Mapping[str, float]


class Stopwatch:
    """Seconds spent in each stage."""

    def __init__(self, seconds: Mapping[str, float] | None = None) -> None:
        self.seconds: dict[str, float] = dict(seconds or {})

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


def read_subject(
    photo: Image,
    detection: Detection,
    size: int,
    read: ReadFace,
    model: LinearMorphable,
    closure: Closure | None = None,
) -> Subject:
    """A face of a photo with its surroundings and its shape in space, ready to be seen from elsewhere."""
    crop = align(photo, detection, SUBJECT_TEMPLATE, size)
    margin = round(MARGIN * size)
    photo_from_wide = compose(crop.photo_from_crop, translation(-margin, -margin))
    reading = read(crop)
    wide = cut(photo, photo_from_wide, size + 2 * margin)
    return Subject(crop, wide, reading, fitted_face(model, fit_of([reading]), closure))


def turn_face(
    photo: Image,
    detection: Detection,
    yaws: Sequence[float],
    size: int = 256,
    read: ReadFace | None = None,
    model: LinearMorphable | None = None,
) -> Iterator[Image]:
    """A face seen from these angles: pixels moved along with its surface, what is hidden mirrored."""
    model = model or load_morphable("cpu")
    subject = read_subject(photo, detection, size, read or load_reader(), model)
    # one view is looked at for long; of several that move nobody sees what samples cost (three times as much)
    settings = RotationSettings(unseen="mirrored", samples=2 if len(yaws) == 1 else 1)
    for yaw in yaws:
        yield view(subject, turned_to_yaw(subject.face.rotation, yaw), model, settings)


def recover(
    photo: Image,
    model: Recoverer,
    options: RecoverOptions | None = None,
    find: FindFaces | None = None,
    identify: Identify | None = None,
) -> Result:
    """A photo with its faces recovered; a photo without faces comes back as it is (or enlarged)."""
    options = options or RecoverOptions()
    prepared = prepare(photo, model, options, find)
    return finish(prepared, *through(model, prepared), options, identify)


def recover_aligned(
    photo: Image,
    model: Recoverer,
    options: RecoverOptions | None = None,
    identify: Identify | None = None,
) -> Result:
    """For a picture that is a face crop already: recovered as a whole, in the size it came in."""
    options = options or RecoverOptions()
    prepared = prepare_aligned(photo, model, options)
    return finish(prepared, *through(model, prepared), options, identify)


def prepare(
    photo: Image, model: Recoverer, options: RecoverOptions, find: FindFaces | None = None
) -> Prepared:
    """Everything before the model, which is only asked what crops it takes."""
    watch = Stopwatch()
    with watch.measure("find"):
        detections = detect_faces(photo, find)
        if options.only_largest:
            detections = largest(detections)
    with watch.measure("align"):
        crops = [align(photo, detection, model.template, model.crop_size) for detection in detections]
    return Prepared(photo, tuple(detections), tuple(crops), model.template, False, watch.seconds)


def prepare_aligned(photo: Image, model: Recoverer, options: RecoverOptions) -> Prepared:
    """The same of a picture that is a face crop already."""
    if options.only_largest or options.scale > 1 or options.match_colors or options.only_face:
        raise ValueError("of a face crop only the identity can be asked for: it is recovered as a whole")
    watch = Stopwatch()
    with watch.measure("align"):
        crop = whole_crop(photo, model.crop_size)
    height, width = photo.shape[1:]
    box = torch.tensor([0.0, 0.0, width - 1.0, height - 1.0])
    points = transform_points(crop.photo_from_crop, crop.points.double()).float()
    detection = Detection(box=box, points=points, score=1.0)
    return Prepared(photo, (detection,), (crop,), model.template, True, watch.seconds)


def through(model: Recoverer, prepared: Prepared) -> tuple[list[Recovery], float]:
    """What the model makes of the faces, and how long that took."""
    start = time.perf_counter()
    recoveries = model([*prepared.crops])
    return recoveries, time.perf_counter() - start


def finish(
    prepared: Prepared,
    recoveries: list[Recovery],
    seconds: float,
    options: RecoverOptions,
    identify: Identify | None = None,
    parts: FindParts | None = None,
) -> Result:
    """Everything after the model, which took so many seconds."""
    watch = Stopwatch({**prepared.seconds, "recover": seconds})
    crops = [*prepared.crops]
    identities = _identities(crops, recoveries, prepared.template, options, identify, watch)
    with watch.measure("paste"):
        pastes = [*map(options.pastes, recoveries, identities)]
        areas = (
            areas_of(recoveries, pastes, parts or find_parts) if options.only_face else [None] * len(crops)
        )
        told = zip(prepared.detections, crops, recoveries, pastes, identities, areas, strict=True)
        faces = tuple(
            Face(detection, crop, recovery, is_pasted and (area is None or shows_face(area)), likeness, area)
            for detection, crop, recovery, is_pasted, likeness, area in told
        )
        if prepared.is_whole:
            photo = _whole(prepared.photo, faces[0])
        else:
            canvas = scale_photo(prepared.photo, options.scale)
            photo = paste_many(canvas, faces, options.scale, options.match_colors)
    return Result(photo=photo, faces=faces, seconds=watch.seconds)


def areas_of(recoveries: list[Recovery], pastes: list[bool], parts: FindParts) -> list[Mask | None]:
    """Where faces are that go back into their photo; looked for in what was recovered, which is clean."""
    pasted = [
        recovery.pixels.float() for recovery, is_pasted in zip(recoveries, pastes, strict=True) if is_pasted
    ]
    areas = iter(face_areas(torch.stack(pasted), parts) if pasted else ())
    return [next(areas) if is_pasted else None for is_pasted in pastes]


def _whole(photo: Image, face: Face) -> Image:
    """A face crop with its recovery in place of all of it."""
    is_kept = face.recovery.keeps_pose and not face.pasted
    return photo if is_kept else fit_whole(photo, face.crop, face.recovery.pixels)


def turned_faces(result: Result) -> Image | None:
    """Faces that were turned, side by side; None where there are none of those."""
    turned = [face.recovery for face in result.faces if not face.recovery.keeps_pose]
    # of models that only ever look ahead the photo stays as it is
    pictures = [recovery.pixels for recovery in turned if recovery.mirrored is not None]
    return side_by_side(pictures) if pictures else None


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
