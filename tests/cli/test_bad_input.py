"""What bad input gets: one clear line that names the file, while the rest of the work goes on."""

import json
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from mien.image.io import ImageError, read_image, read_photo


def picture(width=48, height=40):
    chance = np.random.default_rng(0)
    coarse = chance.integers(0, 200, (5, 6, 3), dtype=np.uint8)
    return Pillow.fromarray(coarse).resize((width, height), Pillow.Resampling.BICUBIC)


@pytest.fixture
def good(tmp_path):
    picture().save(tmp_path / "good.png")
    return tmp_path / "good.png"


@pytest.fixture
def beside_good(mien, good, tmp_path):
    """Recovers a bad file and a good one, and looks that the good one was done."""

    def run(bad, *options):
        ran = mien("recover", bad, good, "-o", tmp_path / "out", *options)
        assert (tmp_path / "out" / "good.png").exists()
        assert "Traceback" not in ran.err
        return ran

    return run


def refused(ran, bad, tmp_path, reason):
    """That one line names the file and says why, and that nothing was written for it."""
    lines = [line for line in ran.err.splitlines() if "error" in line]
    assert ran.status == 1
    assert len(lines) == 1
    assert lines[0].startswith(f"{bad}: error: ")
    assert lines[0].count(str(bad)) == 1
    assert reason in lines[0]
    written = {path.name for path in (tmp_path / "out").rglob("*")}
    assert written - {".mien-journal.jsonl"} == {"good.png"}
    return True


def huge_png(path):
    """A header that promises 20,000 x 20,000 pixels."""

    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def truncated_jpeg(path):
    picture(200, 200).save(path, quality=95)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("empty.jpg", lambda path: path.touch(), "empty"),
        ("text.jpg", lambda path: path.write_text("Dear diary"), "not a picture"),
        ("cut.jpg", truncated_jpeg, "truncated"),
        ("head.png", lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n"), "not a picture"),
        ("huge.png", huge_png, "20000 x 20000 pixels, more than the limit of 100,000,000"),
        ("missing.jpg", lambda path: None, "no such file or folder"),
        ("folder", lambda path: path.mkdir(), "no pictures in this folder"),
        ("loop.jpg", lambda path: path.symlink_to(path.name), ""),
    ],
)
def test_what_cannot_be_read(beside_good, tmp_path, name, make, reason):
    bad = tmp_path / name
    make(bad)
    assert refused(beside_good(bad), bad, tmp_path, reason)


def test_a_report_names_what_failed(beside_good, tmp_path):
    (tmp_path / "empty.jpg").touch()
    beside_good(tmp_path / "empty.jpg", "--report", tmp_path / "r.jsonl")
    failed, done = (json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines())
    assert failed["input"].endswith("empty.jpg")
    assert "empty" in failed["error"]
    assert "error" not in done


def test_a_truncated_picture_as_far_as_it_goes(beside_good, tmp_path):
    truncated_jpeg(tmp_path / "cut.jpg")
    ran = beside_good(tmp_path / "cut.jpg", "--tolerant")
    assert ran.status == 0
    assert "cut.jpg: the file is broken and was read as far as it goes" in ran.err
    assert read_image(tmp_path / "out" / "cut.jpg").shape == (3, 200, 200)


def test_a_truncated_picture_without_faces_is_written_whole(beside_good, studio, tmp_path):
    studio.faces = []
    truncated_jpeg(tmp_path / "cut.jpg")
    assert beside_good(tmp_path / "cut.jpg", "--tolerant").status == 0
    assert read_image(tmp_path / "out" / "cut.jpg").shape == (3, 200, 200)


def test_tolerance_does_not_change_whole_pictures(mien, good, studio, tmp_path):
    studio.faces = []
    assert mien("recover", good, "-o", tmp_path / "new.png", "--tolerant").status == 0
    assert (tmp_path / "new.png").read_bytes() == good.read_bytes()


def test_the_limit_of_pixels(beside_good, tmp_path):
    picture(60, 60).save(tmp_path / "large.png")
    ran = beside_good(tmp_path / "large.png", "--max-pixels", 3000)
    assert refused(ran, tmp_path / "large.png", tmp_path, "more than the limit of 3,000")


def test_the_limit_holds_for_what_comes_out(beside_good, tmp_path):
    picture(60, 60).save(tmp_path / "large.png")
    ran = beside_good(tmp_path / "large.png", "--max-pixels", 10_000, "--scale", 2)
    assert refused(ran, tmp_path / "large.png", tmp_path, "2 times 60 x 60 is more than the limit of 10,000")


@pytest.mark.parametrize("options", [(), ("--aligned",), ("--scale", "4")])
def test_one_pixel(mien, studio, tmp_path, options):
    studio.faces = []
    Pillow.new("RGB", (1, 1), (10, 20, 30)).save(tmp_path / "one.png")
    assert mien("recover", tmp_path / "one.png", "-o", tmp_path / "new.png", *options).status == 0
    assert read_image(tmp_path / "new.png").isfinite().all()


@pytest.mark.parametrize(
    ("mode", "name", "note"),
    [
        ("CMYK", "x.jpg", "converted from CMYK"),
        ("CMYK", "x.tif", "converted from CMYK"),
        ("P", "x.png", ""),
        ("P", "x.bmp", ""),
        ("1", "x.png", ""),
        ("L", "x.jpg", ""),
        ("LA", "x.png", ""),
        ("I;16", "x.png", ""),
    ],
)
def test_kinds_of_pixels(mien, tmp_path, mode, name, note):
    (picture().convert("L") if mode == "I;16" else picture()).convert(mode).save(tmp_path / name)
    ran = mien("recover", tmp_path / name, "-o", tmp_path / "out", "--report", "-")
    assert ran.status == 0
    (written,) = (tmp_path / "out").iterdir()
    assert read_image(written).shape == (3, 40, 48)
    notes = json.loads(ran.out)["notes"]
    assert notes == ([note] if note else [])
    assert note in ran.err


def test_the_first_frame_of_an_animation(mien, tmp_path):
    frames = [picture(), picture().rotate(90)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    ran = mien("recover", tmp_path / "x.gif", "-o", tmp_path / "out")
    assert ran.status == 0
    assert "x.gif: the first of 2 frames" in ran.err
    assert (tmp_path / "out" / "x.png").exists()


def test_what_is_not_a_number_does_not_come_out(mien, tmp_path):
    values = np.asarray(picture().convert("F")) / 255
    values[10:20, 10:20] = np.nan
    values[5, 5] = np.inf
    Pillow.fromarray(values).save(tmp_path / "x.tif")
    assert mien("recover", tmp_path / "x.tif", "-o", tmp_path / "out").status == 0
    assert read_image(tmp_path / "out" / "x.tif").isfinite().all()


def test_sixty_faces(mien, studio, tmp_path, face_at):
    studio.faces = [face_at(8 + 40 * (n % 10), 8 + 40 * (n // 10), 24.0) for n in range(60)]
    picture(410, 250).save(tmp_path / "class.png")
    ran = mien("recover", tmp_path / "class.png", "-o", tmp_path / "out", "--report", "-")
    assert ran.status == 0
    assert ": 60 faces, " in ran.err
    assert len(json.loads(ran.out)["faces"]) == 60


def test_a_folder_that_links_to_itself(mien, tmp_path):
    (tmp_path / "in").mkdir()
    picture().save(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "in")
    assert mien("recover", tmp_path / "in", "-o", tmp_path / "out").status == 0
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["a.png"]


def test_an_output_that_cannot_be_written(mien, good, tmp_path):
    (tmp_path / "file").touch()
    ran = mien("recover", good, "-o", tmp_path / "file" / "new.png")
    assert ran.status == 1
    assert ran.err.startswith(f"{good}: error: {tmp_path / 'file'}")
    assert ran.err.count("\n") == 1


def test_an_output_equal_to_the_input(mien, good, tmp_path):
    before = good.read_bytes()
    ran = mien("recover", good, "-o", good)
    assert ran.status == 1
    assert ran.err == f"{good}: error: {good} is the input itself; --overwrite replaces it\n"
    ran = mien("recover", tmp_path, "-o", tmp_path)
    assert ran.status == 1
    assert "is the input itself" in ran.err
    assert good.read_bytes() == before
    assert mien("recover", good, "-o", good, "--overwrite").status == 0
    assert good.read_bytes() != before


def test_an_output_that_exists(mien, good, tmp_path):
    (tmp_path / "new.png").write_bytes(b"precious")
    ran = mien("recover", good, "-o", tmp_path / "new.png")
    assert ran.status == 1
    assert "exists already; --overwrite replaces it" in ran.err
    assert (tmp_path / "new.png").read_bytes() == b"precious"
    assert mien("recover", good, "-o", tmp_path / "new.png", "--overwrite").status == 0
    assert read_photo(tmp_path / "new.png").image.shape == (3, 40, 48)


def test_two_inputs_for_one_output_are_refused_before_any_work(mien, studio, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        picture().save(tmp_path / name / "x.png")
    ran = mien("recover", tmp_path / "a", tmp_path / "b", "-o", tmp_path / "out")
    assert ran.status == 2
    assert "would both write" in ran.err
    assert studio.asked == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("error", [ImageError("new.png: cannot be written"), OSError(28, "No space left")])
def test_a_photo_that_fails_midway_leaves_nothing(mien, good, tmp_path, monkeypatch, error):
    def fail(*arguments):
        raise error

    monkeypatch.setattr("mien.cli.recover_photos.put_photo", fail)
    ran = mien("recover", good, "-o", tmp_path / "new.png", "--compare", "--save-faces")
    assert ran.status == 1
    assert [path.name for path in tmp_path.iterdir()] == ["good.png"]


def test_ctrl_c_during_a_write_leaves_nothing(mien, good, tmp_path, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("mien.cli.recover_photos.put_photo", interrupt)
    assert mien("recover", good, "-o", tmp_path / "new.png", "--compare").status == 130
    assert [path.name for path in tmp_path.iterdir()] == ["good.png"]


@pytest.mark.parametrize("error", [MemoryError(), torch.cuda.OutOfMemoryError("CUDA out of memory")])
def test_a_photo_that_needs_too_much_memory(mien, good, studio, tmp_path, monkeypatch, error):
    def fail(photo):
        raise error

    monkeypatch.setattr("mien.zoo.load.load_detector", lambda device: fail)
    ran = mien("recover", good, "-o", tmp_path / "new.png")
    assert ran.status == 1
    assert "not enough memory" in ran.err


@pytest.mark.parametrize("what", ["load", "load_detector"])
def test_weights_and_devices_that_are_not_there(mien, good, tmp_path, monkeypatch, what):
    def fail(*arguments):
        raise ValueError("device 'cuda' cannot be used here: no GPU")

    monkeypatch.setattr(f"mien.zoo.load.{what}", fail)
    ran = mien("recover", good, "-o", tmp_path / "new.png")
    assert ran.status == 2
    assert ran.err == "mien recover: error: device 'cuda' cannot be used here: no GPU\n"
