import io
import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from mien.image.io import Photo, encode_photo, read_photo
from mien.image.xmp import MAX_JPEG_PACKET, MAX_PACKET, XmpError, png_chunk, put_packet, take_packet

PACKET = '<x:xmpmeta xmlns:x="adobe:ns:meta/">ä</x:xmpmeta>'.encode()
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF")


def photo(bits: int = 8, **kept: object) -> Photo:
    image = torch.rand(3, 9, 13, generator=torch.Generator().manual_seed(0))
    return Photo(image, bit_depth=16 if bits == 16 else 8, **kept)  # pyright: ignore[reportArgumentType]


def by_pillow(content: bytes) -> object:
    """What Pillow, which reads XMP in its own way, finds."""
    with Pillow.open(io.BytesIO(content)) as picture:
        picture.load()
        if picture.format == "TIFF":
            return picture.tag_v2[700]  # pyright: ignore[reportAttributeAccessIssue]
        found = picture.info.get("xmp", picture.info.get("XML:com.adobe.xmp"))
        return found.encode() if isinstance(found, str) else found


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("bits", [8, 16])
def test_pillow_finds_the_packet_and_the_same_pixels(format_name, bits):
    plain = encode_photo(photo(bits, exif=None), format_name)
    content = put_packet(plain, PACKET)
    assert take_packet(plain) is None
    assert take_packet(content) == PACKET
    assert by_pillow(content) == PACKET
    before, after = read_photo(io.BytesIO(plain)), read_photo(io.BytesIO(content))
    assert torch.equal(before.image, after.image)
    assert before.bit_depth == after.bit_depth


@pytest.mark.parametrize("format_name", FORMATS)
def test_alpha_profile_and_exif_stay(format_name):
    exif = Pillow.Exif()
    exif[0x010E] = "a cat"
    kept = photo(alpha=torch.full((1, 9, 13), 0.5), icc_profile=b"a profile", exif=exif.tobytes())
    plain = encode_photo(kept, format_name)
    before, after = read_photo(io.BytesIO(plain)), read_photo(io.BytesIO(put_packet(plain, PACKET)))
    assert (before.icc_profile, before.exif) == (after.icc_profile, after.exif)
    assert before.exif is not None
    assert (before.alpha is None) == (after.alpha is None) == (format_name == "JPEG")


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_every_kind_of_webp(lossless, mode):
    levels = np.random.default_rng(0).integers(0, 256, (7, 5, len(mode)), dtype=np.uint8)
    buffer = io.BytesIO()
    Pillow.fromarray(levels, mode).save(buffer, "WEBP", lossless=lossless)
    content = put_packet(buffer.getvalue(), PACKET)
    with Pillow.open(io.BytesIO(content)) as picture:
        assert (picture.size, picture.mode, picture.info["xmp"]) == ((5, 7), mode, PACKET)
        assert np.array_equal(np.asarray(picture), np.asarray(Pillow.open(buffer)))


@given(st.binary(min_size=5, max_size=300))
def test_any_packet_comes_back(packet):
    for format_name in FORMATS:
        content = put_packet(encode_photo(photo(), format_name), packet)
        assert take_packet(content) == packet


def test_packets_of_other_writers():
    small = Pillow.new("RGB", (4, 4))
    for format_name, options in (("WEBP", {"xmp": PACKET}), ("TIFF", {"tiffinfo": {700: PACKET}})):
        buffer = io.BytesIO()
        small.save(buffer, format_name, **options)
        assert take_packet(buffer.getvalue()) == PACKET
    motorola = struct.pack(">2sHIHHHIII", b"MM", 42, 8, 1, 700, 1, len(PACKET), 26, 0) + PACKET
    assert take_packet(motorola) == PACKET


def test_a_compressed_png_text_is_read_and_no_bomb_is():
    plain = encode_photo(photo(), "PNG")

    def with_text(text: bytes) -> bytes:
        chunk = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(text))
        return plain[:33] + chunk + plain[33:]

    assert take_packet(with_text(PACKET)) == PACKET
    assert take_packet(with_text(b" " * (MAX_PACKET + 1))) is None


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_file_cut_anywhere_has_none_or_raises_nothing(format_name):
    content = put_packet(encode_photo(photo(), format_name), PACKET)
    for length in range(0, len(content), 7):
        take_packet(content[:length])


def test_what_does_not_fit_is_refused():
    with pytest.raises(XmpError, match="at most"):
        put_packet(encode_photo(photo(), "JPEG"), b"x" * (MAX_JPEG_PACKET + 1))
    with pytest.raises(XmpError, match="carry XMP"):
        put_packet(b"GIF89a", PACKET)
    assert take_packet(b"GIF89a") is None
