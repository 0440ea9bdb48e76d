"""Files and bytes, here and nowhere else: what comes in becomes RGB float in [0, 1]."""

import io
import os
import secrets
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import ExifTags, ImageCms, UnidentifiedImageError
from PIL import Image as Pillow

from mien.image.color import to_gray
from mien.image.deep import Stream, deep_layout, deep_png, deep_tiff, descriptive_tags, read_deep
from mien.image.switches import SWITCHES
from mien.types import Image, Mask

MAX_PIXELS = 100_000_000
FORMATS: dict[str, str] = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
"""What can be written, by suffix."""
READABLE = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
BROKEN = (OSError, SyntaxError, EOFError, ValueError, LookupError, OverflowError, TypeError, struct.error)
"""All of these come out of Pillow for broken files."""


class ImageError(ValueError):
    """A picture that cannot be read or written; one line that names it and says why."""


class UnknownFormatError(ImageError):
    """What is not a picture, or one of a kind that is not known here."""


class TooManyPixelsError(ImageError):
    """A picture beyond the limit."""


@dataclass(frozen=True)
class Photo:
    """A picture and what its file says beside the pixels."""

    image: Image
    alpha: Mask | None = None
    icc_profile: bytes | None = None
    """Kept as it is; pixels are not converted."""
    exif: bytes | None = None
    """With the orientation applied and reset."""
    is_gray: bool = False
    bit_depth: Literal[8, 16] = 8
    notes: tuple[str, ...] = ()
    """What a user should know, such as that only the first of many frames was read."""


def read_image(source: Path | str | Stream) -> Image:
    """The pixels of a picture."""
    return read_photo(source).image


def write_image(target: Path | str, image: Image, quality: int = 95) -> None:
    """Pixels to a file, whose suffix says the format."""
    write_photo(target, Photo(image), quality)


def read_photo(
    source: Path | str | Stream,
    max_pixels: int = MAX_PIXELS,
    tolerant: bool = False,
    stream_name: str = "standard input",
) -> Photo:
    """A picture with all that its file says; `tolerant` takes what can be read of a truncated one, and
    `stream_name` is what errors call a stream."""
    with named_stream(source, stream_name) as (stream, name), clear_errors(name), SWITCHES.reading(tolerant):
        Pillow.init()  # only then are all formats known
        with Pillow.open(stream, formats=READABLE) as picture:
            width, height = picture.size
            if width * height > max_pixels:
                raise TooManyPixelsError(
                    f"{name}: {width} x {height} pixels, more than the limit of {max_pixels:,}"
                )
            layout = deep_layout(picture)
            picture.load()
            return to_photo(picture, None if layout is None else to_unit(read_deep(stream, layout)))


def count_pixels(path: Path) -> int:
    """Of a picture, by what its file begins with; 0 for what cannot be read, which `read_photo` explains."""
    try:
        with SWITCHES.reading(tolerant=False), Pillow.open(path, formats=READABLE) as picture:
            return picture.width * picture.height
    except (*BROKEN, Pillow.DecompressionBombError):
        return 0


@contextmanager
def named_stream(source: Path | str | Stream, stream_name: str) -> Iterator[tuple[Stream, str]]:
    """An open file that can be read twice, and what to call it."""
    if not isinstance(source, Path | str):
        content = source.read()
        if not content:
            raise ImageError(f"{stream_name}: is empty")
        yield io.BytesIO(content), stream_name
        return
    path = Path(source)
    if path.is_dir():
        raise ImageError(f"{path}: is a folder, not a picture")
    try:
        stream = path.open("rb")
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()})") from error
    with stream:
        if not stream.seekable():
            raise ImageError(f"{path}: is a pipe or a device, not a file")
        if stream.seek(0, os.SEEK_END) == 0:
            raise ImageError(f"{path}: the file is empty")
        stream.seek(0)
        yield stream, str(path)


@contextmanager
def clear_errors(name: str) -> Iterator[None]:
    """Whatever a broken file makes Pillow say becomes one line."""
    try:
        yield
    except UnidentifiedImageError as error:
        known = ", ".join(READABLE)
        raise UnknownFormatError(f"{name}: not a picture of a known format ({known})") from error
    except Pillow.DecompressionBombError as error:
        raise TooManyPixelsError(f"{name}: more pixels than the limit ({error})") from error
    except ImageError:
        raise
    except BROKEN as error:
        raise ImageError(f"{name}: the picture is broken ({one_line(error)})") from error


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def to_photo(picture: Pillow.Image, deep: np.ndarray | None) -> Photo:
    """A loaded picture, upright; `deep` has its channels where they are deeper than 8 bits."""
    notes = []
    frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        notes.append(f"the first of {frames} frames")
    try:
        orientation, exif = read_exif(picture)
    except BROKEN as error:
        orientation, exif = 1, None
        notes.append(f"its EXIF cannot be read and was dropped ({one_line(error)})")
    icc_profile = picture.info.get("icc_profile") or None
    if deep is None:
        if picture.mode == "CMYK":
            picture, icc_profile = from_cmyk(picture), None
            notes.append("converted from CMYK")
        deep, is_deep = channels(picture)
    else:
        is_deep = True
    planes = torch.from_numpy(np.ascontiguousarray(turned(deep, orientation).transpose(2, 0, 1)))
    color, alpha = (planes[:-1], planes[-1:]) if len(planes) in (2, 4) else (planes, None)
    return Photo(
        image=color.expand(3, -1, -1).contiguous(),
        alpha=None if alpha is None else alpha.contiguous(),
        icc_profile=icc_profile,
        exif=exif,
        is_gray=len(color) == 1,
        bit_depth=16 if is_deep else 8,
        notes=tuple(notes),
    )


def channels(picture: Pillow.Image) -> tuple[np.ndarray, bool]:
    """(height, width, 1 to 4) in [0, 1], and whether that had more than 8 bits."""
    if picture.mode.startswith("I;16") or picture.mode == "I":
        return to_unit(np.asarray(picture).clip(0, 65535).astype(np.uint16)[:, :, None]), True
    if picture.mode == "F":
        values = np.nan_to_num(np.asarray(picture), nan=0.0, posinf=1.0, neginf=0.0)[:, :, None]
        top = 1.0 if values.max() <= 1 else 255.0 if values.max() <= 255 else 65535.0
        return (values / top).clip(0, 1).astype(np.float32), True
    has_alpha = "transparency" in picture.info or picture.mode in ("LA", "PA", "La", "RGBA", "RGBa")
    is_gray = picture.mode in ("1", "L", "LA", "La")
    wanted = {(True, True): "LA", (True, False): "L", (False, True): "RGBA", (False, False): "RGB"}
    levels = np.asarray(picture.convert(wanted[is_gray, has_alpha]))
    return to_unit(levels if levels.ndim == 3 else levels[:, :, None]), False


def to_unit(levels: np.ndarray) -> np.ndarray:
    """Levels of 8 or 16 bits as float32 in [0, 1]."""
    return levels.astype(np.float32) / np.float32(np.iinfo(levels.dtype).max)


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Upright, by EXIF's orientation 1 to 8."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def read_exif(picture: Pillow.Image) -> tuple[int, bytes | None]:
    """The orientation, and the EXIF of the picture once it is upright, without how the file stored pixels."""
    stored = picture.getexif()
    orientation = stored.get(ExifTags.Base.Orientation, 1)
    tags = descriptive_tags(stored.tobytes()) if len(stored) else {}
    if not tags:
        return orientation, None
    exif = Pillow.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    if ExifTags.Base.Orientation in exif:
        exif[ExifTags.Base.Orientation] = 1
    return orientation, exif.tobytes()


def from_cmyk(picture: Pillow.Image) -> Pillow.Image:
    """RGB by the file's profile, or by the simple formula without one."""
    profile = picture.info.get("icc_profile")
    if not profile:
        return picture.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(
            picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except ImageCms.PyCMSError:
        return picture.convert("RGB")  # a profile that cannot be used says nothing
    return converted if converted is not None else picture


def write_photo(target: Path | str, photo: Photo, quality: int = 95) -> None:
    """A photo with all it carries to a file, whose suffix says the format."""
    try:
        content = encode_photo(photo, format_of(Path(target)), quality)
    except ImageError as error:
        raise ImageError(f"{target}: {error}") from error
    write_bytes(target, content)


def encode_animation(frames: list[Image], format_name: str, seconds: float, quality: int = 95) -> bytes:
    """Frames of one size, each shown so long, for ever: the content of a GIF or a WebP."""
    pictures = [Pillow.fromarray(to_levels(Photo(frame), 8, with_alpha=False)) for frame in frames]
    buffer = io.BytesIO()
    first, *others = pictures
    milliseconds = max(20, round(1000 * seconds))  # shorter ones are slowed down by many programs
    first.save(
        buffer,
        format_name,
        save_all=True,
        append_images=others,
        duration=milliseconds,
        loop=0,
        quality=quality,
    )
    return buffer.getvalue()


def sync(path: Path) -> None:
    """Onto the disk, where the system knows how: folders too, for the names in them."""
    with suppress(PermissionError):  # some systems open no folders, and sync only what was opened for writing
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_bytes(target: Path | str, content: bytes) -> None:
    """Beside the target and then renamed: no half file, whatever happens."""
    path = Path(os.path.realpath(target))  # what a link points to is replaced, not the link
    temporary = path.with_name(f".{path.name[:80]}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
        temporary.replace(path)
    except OSError as error:
        raise ImageError(f"{target}: cannot be written ({(error.strerror or str(error)).lower()})") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def format_of(path: Path) -> str:
    """By suffix."""
    if path.suffix.lower() not in FORMATS:
        raise ImageError(f"cannot write {path.suffix or 'a file without suffix'}, only {', '.join(FORMATS)}")
    return FORMATS[path.suffix.lower()]


def encode_photo(photo: Photo, format_name: str, quality: int = 95) -> bytes:
    """A file's content; JPEG has no alpha and 8 bits, WebP has 8 bits."""
    deepest = 16 if format_name in ("PNG", "TIFF") else 8
    levels = to_levels(photo, min(photo.bit_depth, deepest), with_alpha=format_name != "JPEG")
    if levels.dtype == np.uint16 and format_name == "PNG":
        return deep_png(levels, photo.icc_profile, photo.exif)
    if levels.dtype == np.uint16:
        # gray with alpha in 16 bits is a TIFF that few programs open
        return deep_tiff(
            levels[:, :, [0, 0, 0, 1]] if levels.shape[2] == 2 else levels, photo.icc_profile, photo.exif
        )
    return encode_levels(levels, format_name, photo, quality)


def encode_levels(levels: np.ndarray, format_name: str, photo: Photo, quality: int) -> bytes:
    """8 bits, which Pillow writes."""
    buffer = io.BytesIO()
    picture = Pillow.fromarray(levels if levels.shape[2] > 1 else levels[:, :, 0])
    extras: dict[str, bytes] = {}
    if photo.icc_profile is not None:
        extras["icc_profile"] = photo.icc_profile
    if photo.exif is not None:
        extras["exif"] = photo.exif
    try:
        if format_name in ("JPEG", "WEBP"):
            subsampling = 0 if quality >= 90 else 2
            picture.save(buffer, format_name, quality=quality, subsampling=subsampling, **extras)
        else:
            picture.save(buffer, format_name, **extras)
    except (ValueError, OSError) as error:
        height, width = levels.shape[:2]
        raise ImageError(
            f"{width} x {height} pixels cannot be stored as {format_name} ({one_line(error)})"
        ) from error
    return buffer.getvalue()


def to_levels(photo: Photo, bit_depth: int, with_alpha: bool) -> np.ndarray:
    """(height, width, 1 to 4) of 8 or 16 bits, rounded half up."""
    color = photo.image.detach().cpu().float()
    if photo.is_gray:
        color = color[:1] if bool((color == color[:1]).all()) else to_gray(color[None])[0]
    planes = color if photo.alpha is None or not with_alpha else torch.cat((color, photo.alpha.cpu().float()))
    top = 2**bit_depth - 1
    levels = (planes.nan_to_num(0.0).clamp(0, 1).double() * top + 0.5).floor().numpy()
    return np.ascontiguousarray(levels.transpose(1, 2, 0).astype(np.uint8 if bit_depth == 8 else np.uint16))
