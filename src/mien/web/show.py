"""A result as the page shows it: files in a folder of the visitor's own, and what is said of each face."""

import json
import re
import shutil
import uuid
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mien.describe import evidence_in_words, mark_of, notes_on
from mien.image.evidence import overlay, overlay_photo
from mien.image.io import FORMATS, Photo, encode_animation, encode_photo, write_bytes, write_image
from mien.image.mark import Mark, marked
from mien.image.warp import rescaling, transform_points
from mien.pipeline import turned_faces
from mien.types import Detection, Face, Image
from mien.web.answers import tell_recovered
from mien.web.studio import Recovered, Upload, file_of

LARGEST_SHOWN = 1600
"""Longest side of a photo on the page; what is downloaded has all its pixels."""
FACE_SHOWN = 512
"""Least side of a face on the page."""
SECONDS_PER_VIEW = 0.1
KINDS = ("before", "after", "evidence")


@dataclass(frozen=True)
class Pictures:
    """Files of one thing before and after, and with what was seen of it in colours."""

    before: str
    after: str
    evidence: str


@dataclass(frozen=True)
class ShownFace:
    """One face."""

    pictures: Pictures
    sentence: str


@dataclass(frozen=True)
class ShownResult:
    """What one model made of a photo."""

    model: str
    photo: Pictures
    faces: tuple[ShownFace, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Turning:
    """What is needed to turn a face of the first result."""

    source: str
    """A file that holds the photo."""
    detections: tuple[Detection, ...]
    """In its pixels."""
    marks: tuple[Mark | None, ...]
    """What was done to these faces."""


@dataclass(frozen=True)
class Shown:
    """All that the page knows of a visitor's last photo; files and words alone."""

    folder: str
    results: tuple[ShownResult, ...]
    turning: Turning
    downloads: tuple[str, str | None, str]
    """Photo, faces and report."""

    @property
    def num_faces(self) -> int:
        return len(self.results[0].faces)


def make_folder(files: Path) -> Path:
    """One that nobody can guess."""
    folder = files / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder


def forget(shown: Shown | None) -> None:
    """Nothing stays of a photo that is not shown any more."""
    if shown is not None:
        shutil.rmtree(shown.folder, ignore_errors=True)


def make_shown(all_done: list[Recovered], upload: Upload, title: str, turns: bool, files: Path) -> Shown:
    """Write what the page shows; `turns` says that the first model itself turns heads, from the upload."""
    folder = make_folder(files)
    results = tuple(show_result(done, folder, f"{number}") for number, done in enumerate(all_done))
    first = all_done[0]
    if turns:
        source, scale = folder / "source", 1
        source.write_bytes(upload.content)
    else:
        source, scale = folder / "source.png", first.wish.scale
        write_image(source, first.result.photo)
    detections = tuple(enlarged(face.detection, scale) for face in first.result.faces)
    marks = tuple(mark_of([face], first.wish.model) for face in first.result.faces)
    turning = Turning(str(source), detections, marks)
    return Shown(str(folder), results, turning, write_downloads(all_done, folder, title))


def enlarged(detection: Detection, scale: int) -> Detection:
    """Of a photo that was enlarged."""
    larger = rescaling(scale)
    return replace(
        detection,
        box=transform_points(larger, detection.box.view(2, 2)).flatten(),
        points=transform_points(larger, detection.points),
    )


def show_result(done: Recovered, folder: Path, name: str) -> ShownResult:
    """One model's photo and faces."""
    after = done.result.photo
    turned = turned_faces(done.result)
    before = fitting(done.before.image, *after.shape[1:])
    # heads that were turned and not put back have no place in the photo: they are shown by themselves
    pictures = (before, after, overlay_photo(done.result, done.wish.scale))
    if turned is not None:
        pictures = (turned, turned, turned)
    photo = write_pictures([within(picture, LARGEST_SHOWN) for picture in pictures], folder, f"{name}_photo")
    faces = tuple(
        ShownFace(write_face(face, folder, f"{name}_face{number}"), evidence_in_words(face))
        for number, face in enumerate(done.result.faces)
    )
    return ShownResult(done.wish.model, photo, faces, (*done.notes, *notes_on(done.result.faces)))


def write_face(face: Face, folder: Path, name: str) -> Pictures:
    """Large enough to be looked at."""
    return write_pictures([at_least(picture, FACE_SHOWN) for picture in pictures_of(face)], folder, name)


def pictures_of(face: Face) -> tuple[Image, Image, Image]:
    """In the order of `KINDS`."""
    return face.crop.pixels, face.recovery.pixels, overlay(face.recovery)


def write_pictures(pictures: list[Float[Tensor, "3 _ _"]], folder: Path, name: str) -> Pictures:
    """Three files."""
    paths = [folder / f"{name}_{kind}.jpg" for kind in KINDS]
    for path, picture in zip(paths, pictures, strict=True):
        write_image(path, picture, quality=92)
    return Pictures(*map(str, paths))


def fitting(picture: Image, height: int, width: int) -> Float[Tensor, "3 {height} {width}"]:
    """In this size."""
    if picture.shape[1:] == (height, width):
        return picture
    # a picture to look at: torch's own interpolation is quick, also for large ones
    return F.interpolate(picture[None], (height, width), mode="bicubic", antialias=True)[0].clamp(0, 1)


def within(picture: Image, side: int) -> Float[Tensor, "3 _ _"]:
    """No side longer than this."""
    height, width = picture.shape[1:]
    factor = min(1.0, side / max(height, width))
    return fitting(picture, max(1, round(height * factor)), max(1, round(width * factor)))


def at_least(picture: Image, side: int) -> Float[Tensor, "3 _ _"]:
    """Enlarged to this side if it is smaller."""
    return fitting(picture, side, side) if picture.shape[-1] < side else picture


def write_downloads(all_done: list[Recovered], folder: Path, title: str) -> tuple[str, str | None, str]:
    """The first model's photo in its own format, a ZIP file of all faces, and the report."""
    stem, suffix = Path(title).stem, Path(title).suffix.lower()
    suffix = suffix if suffix in FORMATS else ".png"
    photo = folder / f"{stem}_recovered{suffix}"
    write_bytes(photo, file_of(all_done[0], FORMATS[suffix]))
    report = folder / f"{stem}_report.json"
    told = {"input": title, "results": [tell_recovered(done) for done in all_done]}
    report.write_text(json.dumps(told, indent=2))
    if not any(done.result.faces for done in all_done):
        return str(photo), None, str(report)
    faces = folder / f"{stem}_faces.zip"
    with zipfile.ZipFile(faces, "w") as archive:
        for done in all_done:
            place = re.sub("[:/]", "_", done.wish.model)
            for number, face in enumerate(done.result.faces):
                for kind, pixels in zip(KINDS, pictures_of(face), strict=True):
                    mark = None if kind == "before" else mark_of([face], done.wish.model)
                    content = marked(encode_photo(Photo(pixels), "PNG"), mark)
                    archive.writestr(f"{place}/{number + 1:02d}_{kind}.png", content)
    return str(photo), str(faces), str(report)


def write_turntable(frames: list[Float[Tensor, "3 _ _"]], folder: Path, mark: Mark | None) -> str:
    """A picture that moves there and back for ever; a single frame stands still."""
    name = uuid.uuid4().hex[:8]
    frames = [at_least(frame, FACE_SHOWN) for frame in frames]
    if len(frames) == 1:
        path = folder / f"{name}.jpg"
        content = encode_photo(Photo(frames[0]), "JPEG", quality=92)
    else:
        path = folder / f"{name}.webp"
        content = encode_animation([*frames, *frames[-2:0:-1]], "WEBP", SECONDS_PER_VIEW, quality=85)
    write_bytes(path, marked(content, mark))
    return str(path)


def mask_of(layers: list[Tensor], height: int, width: int) -> Upload:
    """What was painted, as the picture of a mask in the photo's size; layers are painted where alpha is."""
    painted = torch.stack([layer[..., 3].float() / 255 for layer in layers]).amax(0)
    mask = F.interpolate(painted[None, None], (height, width), mode="bilinear")[0] > 0.5
    return Upload("the painted mask", encode_photo(Photo(mask.float().expand(3, -1, -1)), "PNG"))
