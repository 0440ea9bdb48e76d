import contextlib
import io
import os
import struct
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import ExifTags, ImageCms
from PIL import Image as Pillow

from mien.image.io import ImageError, Photo, encode_photo, read_image, read_photo, write_image, write_photo

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def random_photo(is_gray: bool, bit_depth: Literal[8, 16], has_alpha: bool) -> Photo:
    generator = torch.Generator().manual_seed(0)
    top = 2**bit_depth - 1

    def levels(num: int) -> torch.Tensor:
        return torch.randint(0, top + 1, (num, 9, 13), generator=generator).float() / top

    color = levels(1).expand(3, -1, -1).contiguous() if is_gray else levels(3)
    return Photo(color, levels(1) if has_alpha else None, is_gray=is_gray, bit_depth=bit_depth)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("has_alpha", [False, True])
@pytest.mark.parametrize("bit_depth", [8, 16])
@pytest.mark.parametrize("is_gray", [False, True])
def test_every_level_comes_back(
    tmp_path: Path, is_gray: bool, bit_depth: Literal[8, 16], has_alpha: bool, suffix: str
) -> None:
    photo = random_photo(is_gray, bit_depth, has_alpha)
    write_photo(tmp_path / f"photo{suffix}", photo)
    back = read_photo(tmp_path / f"photo{suffix}")
    assert torch.equal(back.image, photo.image)
    assert (back.alpha is None) == (photo.alpha is None)
    assert photo.alpha is None or (back.alpha is not None and torch.equal(back.alpha, photo.alpha))
    assert back.bit_depth == bit_depth
    color_only = suffix == ".tif" and bit_depth == 16 and has_alpha  # written as colour, see io.py
    assert back.is_gray == (is_gray and not color_only)


def test_our_deep_files_are_what_others_take_them_for(tmp_path: Path) -> None:
    photo = random_photo(False, 16, False)
    for suffix in (".png", ".tif"):
        write_photo(tmp_path / f"photo{suffix}", photo)
        with Pillow.open(tmp_path / f"photo{suffix}") as picture:
            upper = np.asarray(picture)  # Pillow keeps the upper byte
        expected = (photo.image * 65535).round().numpy().astype(np.uint16).transpose(1, 2, 0) >> 8
        assert np.array_equal(upper, expected)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_profile_and_exif_survive(tmp_path: Path, suffix: str) -> None:
    exif = Pillow.Exif()
    exif[0x010E] = "a description"
    photo = Photo(torch.rand(3, 8, 8), icc_profile=SRGB, exif=exif.tobytes())
    write_photo(tmp_path / f"photo{suffix}", photo)
    back = read_photo(tmp_path / f"photo{suffix}")
    assert back.icc_profile == SRGB
    reread = Pillow.Exif()
    reread.load(back.exif)
    assert reread[0x010E] == "a description"


def test_the_profile_survives_in_deep_files(tmp_path: Path) -> None:
    for suffix in (".png", ".tif"):
        write_photo(tmp_path / f"deep{suffix}", replace(random_photo(False, 16, True), icc_profile=SRGB))
        assert read_photo(tmp_path / f"deep{suffix}").icc_profile == SRGB


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_and_reset(tmp_path: Path, orientation: int) -> None:
    picture = Pillow.fromarray(np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3))
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    picture.save(tmp_path / "turned.png", exif=exif)
    photo = read_photo(tmp_path / "turned.png")
    transposed = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
    if orientation in transposed:
        picture = picture.transpose(Pillow.Transpose(transposed[orientation]))
    assert np.array_equal((photo.image * 255).round().numpy().astype(np.uint8).transpose(1, 2, 0), picture)
    write_photo(tmp_path / "upright.png", photo)
    with Pillow.open(tmp_path / "upright.png") as upright:
        assert upright.getexif()[0x0112] == 1


def test_palette_with_transparency(tmp_path: Path) -> None:
    picture = Pillow.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putdata([0, 1])
    picture.save(tmp_path / "palette.png", transparency=1)
    photo = read_photo(tmp_path / "palette.png")
    assert photo.image[:, 0].T.tolist() == [[1, 0, 0], [0, 0, 1]]
    assert photo.alpha is not None
    assert photo.alpha.flatten().tolist() == [1, 0]


def test_cmyk(tmp_path: Path) -> None:
    Pillow.new("CMYK", (4, 4), (255, 0, 0, 0)).save(tmp_path / "cyan.jpg", quality=100)
    photo = read_photo(tmp_path / "cyan.jpg")
    assert "converted from CMYK" in photo.notes
    torch.testing.assert_close(photo.image.mean(dim=(1, 2)), torch.tensor([0.0, 1, 1]), atol=0.02, rtol=0)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_the_first_of_many_frames(tmp_path: Path, suffix: str) -> None:
    frames = [Pillow.new("RGB", (4, 4), color) for color in ("red", "blue", "lime")]
    frames[0].save(tmp_path / f"moving{suffix}", save_all=True, append_images=frames[1:], lossless=True)
    photo = read_photo(tmp_path / f"moving{suffix}")
    assert photo.notes == ("the first of 3 frames",)
    assert photo.image[:, 0, 0].tolist() == [1, 0, 0]


@pytest.mark.parametrize("mode", ["1", "I", "F"])
def test_rare_gray_modes(tmp_path: Path, mode: str) -> None:
    values = {"1": [0, 1], "I": [0, 65535], "F": [0.0, 1.0]}[mode]
    picture = Pillow.new(mode, (2, 1))
    picture.putdata(values)
    picture.save(tmp_path / "rare.tif")
    photo = read_photo(tmp_path / "rare.tif")
    assert photo.is_gray
    assert photo.image[0, 0].tolist() == [0, 1]


def png_claiming(width: int, height: int) -> bytes:
    good = encode_photo(Photo(torch.zeros(3, 1, 1)), "PNG")
    header = struct.pack(">II", width, height)
    import zlib

    body = b"IHDR" + header + good[24:29]
    return good[:12] + body + struct.pack(">I", zlib.crc32(body)) + good[33:]


def broken(kind: str) -> bytes:
    whole = encode_photo(Photo(torch.rand(3, 64, 64)), "JPEG")
    return {
        "empty": b"",
        "text": b"this is no picture",
        "truncated": whole[: len(whole) // 2],
        "huge": png_claiming(20_000, 20_000),
        "half a png": encode_photo(Photo(torch.rand(3, 64, 64)), "PNG")[:500],
    }[kind]


@pytest.mark.parametrize("kind", ["empty", "text", "truncated", "huge", "half a png"])
def test_bad_files_are_named_in_one_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bad picture.jpg"
    path.write_bytes(broken(kind))
    with pytest.raises(ImageError, match=r"bad picture\.jpg: ") as caught:
        read_photo(path)
    assert "\n" not in str(caught.value)


def test_a_truncated_picture_is_taken_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "truncated.jpg"
    path.write_bytes(broken("truncated"))
    photo = read_photo(path, tolerant=True)
    assert photo.image.shape == (3, 64, 64)
    with pytest.raises(ImageError):  # the switch is put back
        read_photo(path)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot be read"):
        read_image(tmp_path / "nowhere.png")
    with pytest.raises(ImageError, match="is a folder"):
        read_image(tmp_path)


def test_the_limit_counts_pixels_before_they_are_decoded(tmp_path: Path) -> None:
    write_image(tmp_path / "small.png", torch.rand(3, 10, 10))
    with pytest.raises(ImageError, match="10 x 10 pixels, more than the limit of 99"):
        read_photo(tmp_path / "small.png", max_pixels=99)
    assert read_photo(tmp_path / "small.png", max_pixels=100).image.shape == (3, 10, 10)


def test_one_pixel_and_a_stream(tmp_path: Path) -> None:
    write_image(tmp_path / "one.png", torch.ones(3, 1, 1))
    assert read_image(io.BytesIO((tmp_path / "one.png").read_bytes())).flatten().tolist() == [1, 1, 1]


def test_what_is_not_finite_is_written_as_black(tmp_path: Path) -> None:
    write_image(tmp_path / "odd.png", torch.full((3, 2, 2), float("nan")))
    assert float(read_image(tmp_path / "odd.png").max()) == 0


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    write_image(tmp_path / "kept.png", torch.ones(3, 2, 2))
    before = (tmp_path / "kept.png").read_bytes()
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(ImageError, match=r"kept\.png: cannot be written \(no space left"):
        write_image(tmp_path / "kept.png", torch.zeros(3, 2, 2))
    assert [path.name for path in tmp_path.iterdir()] == ["kept.png"]
    assert (tmp_path / "kept.png").read_bytes() == before


def test_targets_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"cannot write \.gif, only \.png"):
        write_image(tmp_path / "a.gif", torch.ones(3, 2, 2))
    with pytest.raises(ImageError, match="cannot be written"):
        write_image(tmp_path / "no" / "folder" / "a.png", torch.ones(3, 2, 2))


def test_files_get_the_usual_permissions(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_image(tmp_path / "a.png", torch.ones(3, 2, 2))
    finally:
        os.umask(before)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o640


def with_exif(bit_depth: Literal[8, 16]) -> Photo:
    exif = Pillow.Exif()
    exif[ExifTags.Base.Make] = "Maker"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "1934:05:06 07:08:09"
    return replace(random_photo(False, bit_depth, False), exif=exif.tobytes())


@pytest.mark.parametrize("suffix", [".tif", ".png"])
@pytest.mark.parametrize("bit_depth", [8, 16])
def test_exif_says_the_same_whatever_the_format_and_depth(
    tmp_path: Path, suffix: str, bit_depth: Literal[8, 16]
) -> None:
    write_photo(tmp_path / f"first{suffix}", with_exif(bit_depth))
    write_photo(tmp_path / "second.jpg", read_photo(tmp_path / f"first{suffix}"))
    found = Pillow.Exif()
    found.load(read_photo(tmp_path / "second.jpg").exif)
    # nothing of how the TIFF stored its pixels
    assert set(found) == {ExifTags.Base.Make, ExifTags.IFD.Exif}
    assert found.get_ifd(ExifTags.IFD.Exif) == {ExifTags.Base.DateTimeOriginal: "1934:05:06 07:08:09"}


def test_exif_that_cannot_be_read_is_dropped_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_photo(tmp_path / "photo.jpg", with_exif(8))

    def fail(picture: Pillow.Image) -> Pillow.Exif:
        raise SyntaxError("not a TIFF file")

    monkeypatch.setattr(Pillow.Image, "getexif", fail)
    photo = read_photo(tmp_path / "photo.jpg")
    assert photo.exif is None
    assert "EXIF" in photo.notes[0]


@pytest.mark.parametrize(
    ("suffix", "photo"),
    [
        (".webp", Photo(torch.zeros(3, 1, 17000))),
        (".jpg", Photo(torch.zeros(3, 4, 4), exif=b"Exif\0\0II*\0" + bytes(70000))),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path: Path, suffix: str, photo: Photo) -> None:
    target = tmp_path / f"new{suffix}"
    with pytest.raises(ImageError, match="cannot be stored as") as caught:
        write_photo(target, photo)
    assert str(caught.value).startswith(str(target))
    assert not list(tmp_path.iterdir())


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    write_image(tmp_path / "real.png", torch.zeros(3, 2, 2))
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    write_image(tmp_path / "link.png", torch.ones(3, 2, 2))
    assert (tmp_path / "link.png").is_symlink()
    assert read_image(tmp_path / "real.png").min() == 1


def test_an_empty_stream_is_said_to_be_empty() -> None:
    with pytest.raises(ImageError, match="empty"):
        read_photo(io.BytesIO(b""))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_broken_bytes_give_a_picture_or_our_error(tmp_path: Path, suffix: str) -> None:
    write_photo(tmp_path / f"photo{suffix}", with_exif(8))
    content = (tmp_path / f"photo{suffix}").read_bytes()
    generator = np.random.default_rng(0)
    for _ in range(60):
        broken_content = bytearray(content)
        for place in generator.integers(0, min(len(content), 300), 4):
            broken_content[place] = generator.integers(256)
        for tolerant in (False, True):
            with contextlib.suppress(ImageError):
                assert torch.isfinite(read_photo(io.BytesIO(broken_content), tolerant=tolerant).image).all()
