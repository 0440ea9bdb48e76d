"""16 bits a channel, which Pillow reads by their upper half only and writes for gray alone."""

import struct
import sys
import zlib
from io import BufferedReader, BytesIO

import numpy as np
from jaxtyping import UInt16
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


SHORT, LONG, UNDEFINED = 3, 4, 7
TIFF_SIZES = {SHORT: "H", LONG: "I", UNDEFINED: "B"}


def deep_tiff(levels: Levels, icc_profile: bytes | None) -> bytes:
    """A TIFF file, little-endian, one uncompressed strip."""
    height, width, channels = levels.shape
    pixels = levels.astype("<u2").tobytes()
    entries: dict[int, tuple[int, tuple[int, ...] | bytes]] = {
        256: (LONG, (width,)),
        257: (LONG, (height,)),
        258: (SHORT, (16,) * channels),
        259: (SHORT, (1,)),  # not compressed
        262: (SHORT, (2 if channels >= 3 else 1,)),  # RGB, or black is zero
        273: (LONG, (8,)),  # the strip follows the header
        277: (SHORT, (channels,)),
        278: (LONG, (height,)),
        279: (LONG, (len(pixels),)),
    }
    if channels in (2, 4):
        entries[338] = (SHORT, (2,))  # the last channel is alpha, colours not multiplied by it
    if icc_profile is not None:
        entries[34675] = (UNDEFINED, icc_profile)
    directory_at = 8 + len(pixels) + len(pixels) % 2
    return (
        struct.pack("<2sHI", b"II", 42, directory_at)
        + pixels.ljust(directory_at - 8, b"\0")
        + tiff_directory(entries, directory_at)
    )


def tiff_directory(entries: dict[int, tuple[int, tuple[int, ...] | bytes]], offset: int) -> bytes:
    """The entries in order, and behind them the values that do not fit into four bytes."""
    behind_at = offset + 2 + 12 * len(entries) + 4
    lines, behind = [], b""
    for tag, (kind, values) in sorted(entries.items()):
        packed = (
            values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{TIFF_SIZES[kind]}", *values)
        )
        line = struct.pack("<HHI", tag, kind, len(values))
        if len(packed) <= 4:
            line += packed.ljust(4, b"\0")
        else:
            line += struct.pack("<I", behind_at + len(behind))
            behind += packed + b"\0" * (len(packed) % 2)
        lines.append(line)
    return struct.pack("<H", len(entries)) + b"".join(lines) + b"\0\0\0\0" + behind
