"""Photos from files and standard input, to files and standard output."""

import io
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from mien.cli.arguments import DEFAULT_QUALITY
from mien.cli.inputs import Input
from mien.image.io import FORMATS, ImageError, Photo, encode_photo, read_photo, write_bytes
from mien.image.mark import Mark, marked
from mien.image.xmp import take_packet
from mien.types import Image

SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"RIFF": "WEBP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}
"""What files begin with, of the formats that can be written."""


@dataclass(frozen=True)
class Original:
    """A photo that was read, and where it came from."""

    source: Input
    photo: Photo
    content: bytes | None
    """Of standard input, which cannot be read again."""
    is_whole: bool

    def read_bytes(self) -> bytes:
        """The file as it is."""
        return self.source.path.read_bytes() if self.source.path is not None else self.content or b""


def open_photo(source: Input, max_pixels: int, tolerant: bool) -> Original:
    """Read a photo; a truncated one as far as it goes, where that is tolerated."""
    content = sys.stdin.buffer.read() if source.path is None else None

    def read(tolerant: bool) -> Photo:
        return read_photo(source.path or io.BytesIO(content or b""), max_pixels, tolerant)

    try:
        return Original(source, read(tolerant=False), content, is_whole=True)
    except ImageError:
        if not tolerant:
            raise
    photo = read(tolerant=True)
    photo = replace(photo, notes=(*photo.notes, "the file is broken and was read as far as it goes"))
    return Original(source, photo, content, is_whole=False)


def format_of_bytes(content: bytes) -> str | None:
    """Which of the formats that can be written this is."""
    return next((name for start, name in SIGNATURES.items() if content.startswith(start)), None)


def format_of_target(target: Path | None, content: bytes) -> str:
    """By suffix; standard output gets the format that came in, or PNG."""
    if target is None:
        return format_of_bytes(content) or "PNG"
    return FORMATS[target.suffix.lower()]


def copy_photo(original: Original, target: Path | None) -> bool:
    """Put the file itself to the target, if its format is the target's; whether that was so."""
    content = original.read_bytes()
    if not original.is_whole or format_of_bytes(content) != format_of_target(target, content):
        return False
    if target is None:
        sys.stdout.buffer.write(content)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(target, content)
    return True


def put_photo(
    original: Original, photo: Photo, target: Path | None, quality: int, mark: Mark | None = None
) -> None:
    """Write what became of a photo, with what its file says in XMP, and with a mark."""
    before = original.read_bytes()
    format_name = format_of_target(target, before)
    try:
        content = encode_photo(photo, format_name, quality)
    except ImageError as error:
        raise error if target is None else ImageError(f"{target}: {error}") from error
    content = marked(content, mark, take_packet(before))
    if target is None:
        sys.stdout.buffer.write(content)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(target, content)


def put_image(
    target: Path,
    image: Image,
    mark: Mark | None,
    quality: int = DEFAULT_QUALITY,
    before: bytes | None = None,
) -> None:
    """Write a picture that is nobody's file so far; `before` is the packet of what it was made of."""
    content = encode_photo(Photo(image), FORMATS[target.suffix.lower()], quality)
    write_bytes(target, marked(content, mark, before))


def packet_of(source: Input) -> bytes | None:
    """What a file says in XMP."""
    return None if source.path is None else take_packet(source.path.read_bytes())
