"""What a visitor may ask for, and the doing of it: an uploaded picture in, a result out."""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.describe import mark_of
from mien.image.color import to_gray
from mien.image.io import Photo, TooManyPixelsError, encode_photo, read_photo
from mien.image.mark import Mark, marked
from mien.image.warp import identity as same_place
from mien.image.xmp import take_packet
from mien.pipeline import Identify, RecoverOptions, find_faces, recover, turn_face, turned_faces
from mien.types import (
    Crop,
    Detection,
    FindFaces,
    Guidable,
    Image,
    Mask,
    ReadFace,
    Reading,
    Recoverer,
    Recovery,
    Result,
    Turnable,
)
from mien.web.errors import RefusedError, sentence
from mien.zoo.load import load_detector, load_identifier, load_reader

Tell = Callable[[float, str], None]
"""Hears how far the work is, from 0 to 1, and what is being done; raises if it should end."""
FACES_AT_A_TIME = 4
FOUND, RECOVERED = 0.25, 0.85
"""How far the work is when faces are found, and when they are recovered."""


@dataclass(frozen=True)
class Upload:
    """A file of a visitor's."""

    name: str
    """What it is called where something is wrong with it."""
    content: bytes


@dataclass(frozen=True)
class Wish:
    """How a picture is to be recovered."""

    model: str
    fidelity: float = 0.0
    min_identity: float | None = None
    only_largest: bool = False
    scale: int = 1
    match_colors: bool = False
    only_face: bool = False
    yaw: float | None = None
    pitch: float | None = None
    keep: tuple[str, ...] = ()
    paste: bool = False
    references: tuple[Upload, ...] = ()
    any_person: bool = False
    mask: Upload | None = None

    @property
    def turning(self) -> list[str]:
        """What only models can do that turn heads."""
        named = {
            "yaw": self.yaw is not None,
            "pitch": self.pitch is not None,
            "keep": bool(self.keep),
            "paste": self.paste,
            "mask": self.mask is not None,
        }
        return [name for name, is_asked in named.items() if is_asked]


@dataclass(frozen=True)
class Recovered:
    """What came of a wish."""

    wish: Wish
    before: Photo
    packet: bytes | None
    """What its file says in XMP."""
    result: Result
    notes: tuple[str, ...]


def photo_of(done: Recovered) -> Photo:
    """The picture that comes back, with what its file carried; of heads that were turned and not put back,
    these alone."""
    turned = turned_faces(done.result)
    if turned is not None:
        return Photo(turned)
    alpha = done.before.alpha
    if alpha is not None and done.wish.scale > 1:
        alpha = scaled(alpha, done.wish.scale)
    return replace(done.before, image=done.result.photo, alpha=alpha)


def file_of(done: Recovered, format_name: str) -> bytes:
    """The same as a file, which says what was done to it."""
    turned = [face for face in done.result.faces if not face.recovery.keeps_pose]
    mark = mark_on(done) if turned_faces(done.result) is None else mark_of(turned, done.wish.model)
    return marked(encode_photo(photo_of(done), format_name), mark, done.packet)


def mark_on(done: Recovered) -> Mark | None:
    """What the photo with its faces put back says of itself."""
    pasted = [face for face in done.result.faces if face.pasted]
    return mark_of(pasted, done.wish.model, done.wish.scale)


def scaled(alpha: Mask, factor: int) -> Float[Tensor, "1 new_height new_width"]:
    """Transparency, enlarged as the picture is."""
    return F.interpolate(alpha[None], scale_factor=factor, mode="bilinear")[0]


class Watched:
    """A Recoverer that says how far it is after every few faces."""

    def __init__(self, model: Recoverer, tell: Tell) -> None:
        self.model, self.tell = model.with_batch_size(FACES_AT_A_TIME), tell
        self.crop_size, self.template = model.crop_size, model.template

    def with_fidelity(self, fidelity: float) -> "Watched":
        """The same with another share of the input in its results."""
        return Watched(self.model.with_fidelity(fidelity), self.tell)

    def with_batch_size(self, batch_size: int) -> "Watched":
        """The same: what is said depends on how many faces go together."""
        return self

    def __call__(self, crops: list[Crop]) -> list[Recovery]:
        done: list[Recovery] = []
        while len(done) < len(crops):
            share = FOUND + (RECOVERED - FOUND) * len(done) / len(crops)
            self.tell(share, f"recovering face {len(done) + 1} of {len(crops)}")
            done += self.model(crops[len(done) : len(done) + FACES_AT_A_TIME])
        self.tell(RECOVERED, "comparing and putting back")
        return done


class Studio:
    """The models, and what a picture may be."""

    def __init__(
        self,
        models: Mapping[str, Recoverer],
        max_pixels: int,
        find: FindFaces | None = None,
        identify: Identify | None = None,
        read: ReadFace | None = None,
    ) -> None:
        if not models:
            raise ValueError("there is no model to serve")
        self.models, self.max_pixels = dict(models), max_pixels
        self.find = find or load_detector()
        self.identify = identify or load_identifier()
        self.read = read or load_reader()

    def is_guidable(self, model: str) -> bool:
        """Whether it looks at references."""
        return isinstance(self.models[model], Guidable)

    def is_turnable(self, model: str) -> bool:
        """Whether it uncovers faces and turns heads."""
        return isinstance(self.models[model], Turnable)

    def open(self, upload: Upload) -> Photo:
        """The picture of a file; whatever is wrong with it is said under the name that its owner knows."""
        return read_photo(io.BytesIO(upload.content), self.max_pixels, stream_name=upload.name)

    def recover(self, upload: Upload, wish: Wish, tell: Tell) -> Recovered:
        """Everything that `mien recover` does, without a file."""
        tell(0.0, "reading the picture")
        before = self.open(upload)
        height, width = before.image.shape[1:]
        if height * width * wish.scale**2 > self.max_pixels:
            raise TooManyPixelsError(
                f"{wish.scale} times {width} x {height} is more than the limit of {self.max_pixels:,} pixels"
            )
        model = self.bind(wish, before.image)
        options = RecoverOptions(
            wish.only_largest,
            wish.scale,
            wish.match_colors,
            wish.only_face,
            identity=True,
            min_identity=wish.min_identity,
        )
        tell(0.05, "looking for faces")
        with torch.no_grad():
            result = recover(before.image, Watched(model, tell), options, self.find, self.identify)
        tell(0.95, "writing")
        return Recovered(wish, before, take_packet(upload.content), result, before.notes)

    def find_faces(self, upload: Upload, tell: Tell) -> tuple[Photo, list[Detection], list[Reading]]:
        """The faces of a picture and what is read of them, in its pixels."""
        tell(0.0, "reading the picture")
        photo = self.open(upload)
        tell(0.1, "looking for faces")
        with torch.no_grad():
            detections = self.find(photo.image)
            readings: list[Reading] = []
            for detection in detections:
                tell(0.5 + 0.5 * len(readings) / len(detections), "reading faces")
                readings.append(self.read(Crop(photo.image, same_place(), detection.points)))
        return photo, detections, readings

    def bind(self, wish: Wish, photo: Image) -> Recoverer:
        """The model with all that is asked of it; what it cannot do is refused."""
        model = self.models.get(wish.model)
        if model is None:
            raise unusable(f"there is no model {wish.model!r} here; there is {', '.join(self.models)}")
        if wish.turning and not isinstance(model, Turnable):
            raise unusable(f"{', '.join(wish.turning)}: {wish.model} leaves heads as they are")
        if wish.references and not isinstance(model, Guidable):
            raise unusable(f"references: {wish.model} takes none")
        if isinstance(model, Guidable) and not wish.references:
            raise unusable(f"{wish.model} needs references: good photos of the person")
        album = [self.open(reference).image for reference in wish.references]
        mask = None if wish.mask is None else self.open_mask(wish.mask, photo)
        try:
            if isinstance(model, Turnable):
                model = turned(model, wish, mask)
            if isinstance(model, Guidable):
                model = model.with_references(album, wish.any_person)
            return model.with_fidelity(wish.fidelity)
        except ValueError as error:  # angles out of reach, an album without a face
            raise unusable(str(error)) from error

    def open_mask(self, upload: Upload, photo: Image) -> Mask:
        """White is 1."""
        mask = to_gray(self.open(upload).image[None])[0]
        if mask.shape[1:] != photo.shape[1:]:
            raise unusable(
                f"the mask has {mask.shape[2]} x {mask.shape[1]} pixels, "
                f"the picture {photo.shape[2]} x {photo.shape[1]}"
            )
        return mask

    def turntable(
        self, photo: Image, detection: Detection, model: str, yaws: list[float], tell: Tell
    ) -> list[Float[Tensor, "3 _ _"]]:
        """One face of a photo at these angles: by the model if it turns heads, else by its shape in space."""
        turner = self.models.get(model)
        frames: list[Float[Tensor, "3 _ _"]] = []
        views = (
            turned_views(photo, detection, turner, yaws)
            if isinstance(turner, Turnable)
            else turn_face(photo, detection, yaws, read=self.read)
        )
        with torch.no_grad():
            tell(0.0, "turning")
            for frame in views:
                frames.append(frame)
                tell(len(frames) / len(yaws), f"view {len(frames)} of {len(yaws)}")
        return frames


def turned(model: Turnable, wish: Wish, mask: Mask | None) -> Turnable:
    """Everything bound that is asked of such models."""
    model = model.to(wish.yaw, wish.pitch)
    if wish.keep:
        model = model.keeping(*wish.keep)
    if mask is not None:
        model = model.with_mask(mask)
    return model.pasting() if wish.paste else model


def turned_views(photo: Image, detection: Detection, model: Turnable, yaws: list[float]) -> Iterator[Image]:
    """A face at these angles, each in the frame of the crop."""
    (crop,) = find_faces(photo, model.template, model.crop_size, find=lambda photo: [detection])
    for yaw in yaws:
        (recovery,) = model.to(yaw).pasting()([crop])
        if recovery.mirrored is None:
            raise unusable("; ".join(recovery.notes) or "the face cannot be turned")
        yield recovery.pixels


def unusable(text: str) -> RefusedError:
    """What cannot be meant."""
    return RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, sentence(text))
