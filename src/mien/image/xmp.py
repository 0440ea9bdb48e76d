"""XMP packets in the bytes of picture files: taken out of them, and put into those that have none yet."""

import struct
import zlib
from collections.abc import Iterator

MAX_PACKET = 1_000_000
"""Bytes; larger ones are not looked at."""
MAX_JPEG_PACKET = 65_502
"""What one segment holds."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_KEYWORD = b"XML:com.adobe.xmp"
JPEG_MARK = b"http://ns.adobe.com/xap/1.0/\0"
JPEG_SCAN, JPEG_APP0, JPEG_APP1 = 0xDA, 0xE0, 0xE1
TIFF_TAG, TIFF_BYTE = 700, 1
WEBP_ALPHA, WEBP_XMP = 0x10, 0x04
"""Flags of a VP8X chunk."""


class XmpError(ValueError):
    """A packet that cannot be put into a file, or a file that is not what it says."""


def is_readable(content: bytes) -> bool:
    """Whether a file is of a kind that packets are read from."""
    return content.startswith((PNG_SIGNATURE, b"\xff\xd8", b"II*\0", b"MM\0*")) or is_webp(content)


def take_packet(content: bytes) -> bytes | None:
    """The XMP packet of a PNG, JPEG, WebP or TIFF file; None where there is none that can be read."""
    try:
        if content.startswith(PNG_SIGNATURE):
            found = next(filter(None, (png_packet(*chunk) for chunk in png_chunks(content))), None)
        elif content.startswith(b"\xff\xd8"):
            found = jpeg_packet(content)
        elif is_webp(content):
            found = next((body for name, body in webp_chunks(content) if name == b"XMP "), None)
        elif content[:4] in (b"II*\0", b"MM\0*"):
            found = tiff_packet(content)
        else:
            found = None
    except (struct.error, zlib.error, IndexError):  # a file that is cut off
        return None
    return found if found is not None and len(found) <= MAX_PACKET else None


def put_packet(content: bytes, packet: bytes) -> bytes:
    """The same picture with a packet, into a file that this package wrote, without one."""
    if content.startswith(PNG_SIGNATURE):
        end = len(PNG_SIGNATURE) + 25  # behind IHDR
        return content[:end] + png_chunk(b"iTXt", PNG_KEYWORD + b"\0\0\0\0\0" + packet) + content[end:]
    if content.startswith(b"\xff\xd8"):
        return with_jpeg_packet(content, packet)
    if is_webp(content):
        return with_webp_packet(content, packet)
    if content.startswith(b"II*\0"):
        return with_tiff_packet(content, packet)
    raise XmpError("only PNG, JPEG, WebP and TIFF files carry XMP")


# --- PNG


def png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body."""
    at = len(PNG_SIGNATURE)
    while at < len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        yield kind, content[at + 8 : at + 8 + length]
        at += 12 + length


def png_packet(kind: bytes, body: bytes) -> bytes | None:
    """What an iTXt chunk says, if it is XMP."""
    keyword, _, rest = body.partition(b"\0")
    if kind != b"iTXt" or keyword != PNG_KEYWORD:
        return None
    is_compressed = rest[0] == 1
    _, _, rest = rest[2:].partition(b"\0")  # the language
    _, _, text = rest.partition(b"\0")  # the keyword in it
    if not is_compressed:
        return text
    return zlib.decompressobj().decompress(text, MAX_PACKET + 1)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Length, kind, body, checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


# --- JPEG


def jpeg_segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Start, end and kind of each up to the pixels."""
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        kind = content[at + 1]
        if kind == JPEG_SCAN:
            return
        (length,) = struct.unpack_from(">H", content, at + 2)
        yield at, at + 2 + length, kind
        at += 2 + length


def jpeg_packet(content: bytes) -> bytes | None:
    """Of the first segment that is XMP; what is spread over several is not put together."""
    for start, end, kind in jpeg_segments(content):
        if kind == JPEG_APP1 and content.startswith(JPEG_MARK, start + 4):
            return content[start + 4 + len(JPEG_MARK) : end]
    return None


def with_jpeg_packet(content: bytes, packet: bytes) -> bytes:
    """Behind JFIF and EXIF, which readers want first."""
    if len(packet) > MAX_JPEG_PACKET:
        raise XmpError(f"a JPEG carries at most {MAX_JPEG_PACKET} bytes of XMP, these are {len(packet)}")
    place = 2
    for _, end, kind in jpeg_segments(content):
        if kind not in (JPEG_APP0, JPEG_APP1):
            break
        place = end
    body = JPEG_MARK + packet
    segment = struct.pack(">BBH", 0xFF, JPEG_APP1, len(body) + 2) + body
    return content[:place] + segment + content[place:]


# --- WebP


def is_webp(content: bytes) -> bool:
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP"


def webp_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and body."""
    at = 12
    while at + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, at)
        yield name, content[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def with_webp_packet(content: bytes, packet: bytes) -> bytes:
    """As the last chunk; the first one has to say so."""
    chunks = list(webp_chunks(content))
    name, body = chunks[0]
    if name == b"VP8X":
        chunks[0] = (name, bytes((body[0] | WEBP_XMP,)) + body[1:])
    else:
        chunks.insert(0, (b"VP8X", extended_header(name, body)))
    parts = [webp_chunk(*chunk) for chunk in (*chunks, (b"XMP ", packet))]
    whole = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(whole)) + whole


def extended_header(name: bytes, body: bytes) -> bytes:
    """Of a file that is one stream of pixels: flags, width and height less one."""
    if name == b"VP8L":
        (bits,) = struct.unpack_from("<I", body, 1)
        width, height, alpha = bits & 0x3FFF, bits >> 14 & 0x3FFF, bits >> 28 & 1
    else:
        wide, high = struct.unpack_from("<HH", body, 6)
        width, height, alpha = (wide & 0x3FFF) - 1, (high & 0x3FFF) - 1, 0
    flags = WEBP_XMP | (WEBP_ALPHA if alpha else 0)
    return bytes((flags, 0, 0, 0)) + width.to_bytes(3, "little") + height.to_bytes(3, "little")


def webp_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) % 2)


# --- TIFF


def tiff_entries(content: bytes) -> tuple[str, int, int, list[bytes]]:
    """Byte order, the place of the first directory, its end, and its entries as they are."""
    order = "<" if content.startswith(b"II") else ">"
    (place,) = struct.unpack_from(f"{order}I", content, 4)
    (num,) = struct.unpack_from(f"{order}H", content, place)
    entries = [content[place + 2 + 12 * index : place + 14 + 12 * index] for index in range(num)]
    return order, place, place + 2 + 12 * num, entries


def tiff_packet(content: bytes) -> bytes | None:
    """The value of tag 700 of the first picture."""
    order, _, _, entries = tiff_entries(content)
    for entry in entries:
        tag, _, length, value = struct.unpack(f"{order}HHII", entry)
        if tag == TIFF_TAG:
            return content[value : value + length] if length > 4 else entry[8 : 8 + length]
    return None


def with_tiff_packet(content: bytes, packet: bytes) -> bytes:
    """The packet and a new directory behind everything else, so that nothing moves."""
    order, _, end, entries = tiff_entries(content)
    content += b"\0" * (len(content) % 2)
    added = struct.pack(f"{order}HHII", TIFF_TAG, TIFF_BYTE, len(packet), len(content))
    next_picture = content[end : end + 4]
    content += packet + b"\0" * (len(packet) % 2)
    entries = sorted((*entries, added), key=lambda entry: struct.unpack(f"{order}H", entry[:2]))
    directory = struct.pack(f"{order}H", len(entries)) + b"".join(entries) + next_picture
    return content[:4] + struct.pack(f"{order}I", len(content)) + content[8:] + directory
