"""16 bits a channel, which Pillow reads by their upper half only and writes for gray alone."""

import struct
import sys
import zlib
from io import BufferedReader, BytesIO

import numpy as np
from jaxtyping import UInt16
from PIL import ExifTags, TiffImagePlugin
from PIL import Image as Pillow

Stream = BytesIO | BufferedReader
"""Bytes that can be read twice."""
Levels = UInt16[np.ndarray, "height width channels"]

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""By the number of channels."""
HALVES = {"B": "L", "L": "B"}
"""Read with the other byte order, the byte that Pillow keeps is the lower one."""


def deep_layout(picture: Pillow.Image) -> str | None:
    """How Pillow unpacks a picture of 16 bits and several channels; None for all others."""
    layouts = {str(part) for tile in getattr(picture, "tile", []) for part in strings(tile[3])}
    deep = [layout for layout in layouts if ";16" in layout and not layout.startswith("I;16")]
    return deep[0] if deep else None


def strings(arguments: object) -> list[str]:
    """The words among a decoder's arguments."""
    if isinstance(arguments, str):
        return [arguments]
    return [word for word in arguments if isinstance(word, str)] if isinstance(arguments, tuple) else []


def read_deep(stream: Stream, layout: str) -> Levels:
    """All 16 bits: the file is unpacked twice, once for each half."""
    colors, order = layout.split(";16")
    if colors == "LA":  # two channels of two bytes look like four channels of one
        pairs = unpacked(stream, layout, "RGBA", mode="RGBA").astype(np.uint16)
        return pairs[:, :, 0::2] << 8 | pairs[:, :, 1::2]
    # N is the machine's own order, and so the lower half is what the opposite one keeps
    machine = "L" if sys.byteorder == "little" else "B"
    other = HALVES[machine if order == "N" else order]
    upper = unpacked(stream, layout, layout)
    lower = unpacked(stream, layout, f"{colors};16{other}")
    return upper.astype(np.uint16) << 8 | lower


def unpacked(stream: Stream, layout: str, wanted: str, mode: str | None = None) -> np.ndarray:
    """One half, as Pillow sees it when told to unpack another way."""
    stream.seek(0)
    with Pillow.open(stream) as picture:
        if mode is not None:
            picture._mode = mode
        picture.tile = [  # pyright: ignore[reportAttributeAccessIssue]
            tile._replace(args=replaced(tile.args, layout, wanted))
            for tile in picture.tile  # pyright: ignore[reportAttributeAccessIssue]
        ]
        levels = np.asarray(picture)
    return levels if levels.ndim == 3 else levels[:, :, None]


def replaced(arguments: object, layout: str, wanted: str) -> object:
    """A decoder's arguments with another way to unpack."""
    if isinstance(arguments, tuple):
        return tuple(wanted if part == layout else part for part in arguments)
    return wanted if arguments == layout else arguments


def deep_png(levels: Levels, icc_profile: bytes | None, exif: bytes | None) -> bytes:
    """A PNG file; each row is stored as its difference from the one above (filter 2)."""
    height, width, channels = levels.shape
    header = struct.pack(">IIBBBBB", width, height, 16, PNG_COLOR_TYPES[channels], 0, 0, 0)
    rows = levels.astype(">u2").reshape(height, -1).view(np.uint8)
    above = np.concatenate((np.zeros_like(rows[:1]), rows[:-1]))
    filtered = np.concatenate((np.full((height, 1), 2, np.uint8), rows - above), axis=1)
    parts = [PNG_SIGNATURE, chunk(b"IHDR", header)]
    if icc_profile is not None:
        parts.append(chunk(b"iCCP", b"icc\0\0" + zlib.compress(icc_profile)))
    if exif is not None:
        parts.append(chunk(b"eXIf", exif.removeprefix(b"Exif\0\0")))
    return b"".join((*parts, chunk(b"IDAT", zlib.compress(filtered.tobytes(), 6)), chunk(b"IEND", b"")))


def chunk(kind: bytes, content: bytes) -> bytes:
    """Length, kind, content, checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def deep_tiff(levels: Levels, icc_profile: bytes | None, exif: bytes | None) -> bytes:
    """A TIFF file, little-endian, one uncompressed strip behind its directory."""
    height, width, channels = levels.shape
    pixels = levels.astype("<u2").tobytes()
    directory = TiffImagePlugin.ImageFileDirectory_v2(b"II*\0\0\0\0\0")
    for tag, value in descriptive_tags(exif).items():
        directory[tag] = value
    directory[256], directory[257] = width, height
    directory[258] = (16,) * channels
    directory[259] = 1  # not compressed
    directory[262] = 2 if channels >= 3 else 1  # RGB, or black is zero
    directory[273] = 0  # counted from the end of the directory
    directory[277], directory[278], directory[279] = channels, height, len(pixels)
    if channels in (2, 4):
        directory[338] = 2  # the last channel is alpha, colours not multiplied by it
    if icc_profile is not None:
        directory.tagtype[34675] = 7
        directory[34675] = icc_profile
    stream = BytesIO()
    directory.save(stream)
    return stream.getvalue() + pixels


LAYOUT_TAGS = frozenset(
    (*range(254, 267), 273, *range(277, 285), *range(288, 292), 296, 297, *range(317, 348))
)
"""What a TIFF directory says of how its pixels are stored, which holds for its own file only."""
COLOR_TAGS = frozenset((*range(512, 533), 34675))
XMP_TAG = 700
"""Has a place of its own in every format (image/xmp.py)."""
DIRECTORY_TAGS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)


def descriptive_tags(exif: bytes | None) -> dict[int, object]:
    """What EXIF says of the photo itself, with its inner directories."""
    if exif is None:
        return {}
    stored = Pillow.Exif()
    stored.load(exif)
    tags = {tag: value for tag, value in stored.items() if tag not in LAYOUT_TAGS | COLOR_TAGS | {XMP_TAG}}
    inner = {int(tag): stored.get_ifd(tag) for tag in DIRECTORY_TAGS if tag in stored}
    return {**tags, **inner}
