"""`mien faces`: JSON, lines and crops."""

import json

import pytest
from PIL import Image as Pillow

from mien.image.io import read_image


@pytest.fixture
def photo(tmp_path):
    (tmp_path / "in").mkdir()
    Pillow.linear_gradient("L").resize((60, 40)).save(tmp_path / "in" / "old.png")
    return tmp_path / "in" / "old.png"


def test_json(mien, photo, studio, face_at):
    studio.faces = [face_at(8, 8, 24), face_at(30, 4, 20, 0.7)]
    ran = mien("faces", photo, "--json", "-", "--device", "cpu")
    assert ran.status == 0
    assert studio.asked == [("detector", "cpu"), ("reader", "cpu")]
    (entry,) = json.loads(ran.out)
    assert entry["input"] == str(photo)
    assert entry["size"] == [60, 40]
    first, second = entry["faces"]
    assert first["box"] == [8, 8, 32, 32]
    assert second["score"] == 0.7
    assert abs(second["roll"]) < 0.1
    assert first["points"][0] == pytest.approx([16.16, 17.6])
    reading = first["reading"]
    assert [reading[name] for name in ("yaw", "pitch", "roll")] == [20.0, -5.0, 3.0]
    assert (reading["occluded"], reading["certainty"]) == (0.25, 0.75)
    assert len(reading["landmarks"]) == 68


def test_json_in_a_file_with_what_failed(mien, photo, tmp_path):
    (tmp_path / "in" / "text.jpg").write_text("no picture")
    ran = mien("faces", tmp_path / "in", tmp_path / "none.jpg", "--json", tmp_path / "faces.json")
    assert ran.status == 1
    entries = json.loads((tmp_path / "faces.json").read_text())
    assert [entry.get("error", "")[:13] for entry in entries] == ["no such file ", "", "not a picture"]
    assert ran.out == ""


def test_a_line_for_each_face(mien, photo):
    ran = mien("faces", photo)
    assert ran.out == f"{photo}  box 8 8 32 32  score 0.900  yaw 20  pitch -5  roll 3  occluded 25%\n"
    assert ran.err == f"{photo}: 1 face\n"


def test_a_photo_without_faces_is_no_error(mien, photo, studio):
    studio.faces = []
    ran = mien("faces", photo, "--json", "-")
    assert ran.status == 0
    assert json.loads(ran.out)[0]["faces"] == []
    assert ran.err == f"{photo}: 0 faces\n"


def test_crops(mien, photo, tmp_path, studio, face_at):
    studio.faces = [face_at(8, 8, 24), face_at(30, 4, 20)]
    options = ("--save", tmp_path / "crops", "--template", "arcface", "--size", "32")
    assert mien("faces", photo, *options).status == 0
    written = sorted((tmp_path / "crops").iterdir())
    assert [path.name for path in written] == ["old_00.png", "old_01.png"]
    assert read_image(written[0]).shape == (3, 32, 32)
    ran = mien("faces", photo, *options)
    assert ran.status == 1
    assert "old_00.png exists already" in ran.err
    assert mien("faces", photo, *options, "--overwrite").status == 0


def test_crops_keep_the_tree_and_clash_loudly(mien, photo, tmp_path):
    (tmp_path / "in" / "b").mkdir()
    photo.rename(tmp_path / "in" / "b" / "old.png")
    assert mien("faces", tmp_path / "in", "--save", tmp_path / "crops").status == 0
    assert (tmp_path / "crops" / "b" / "old_00.png").exists()
    Pillow.new("RGB", (9, 9)).save(tmp_path / "in" / "b" / "old.jpg")
    ran = mien("faces", tmp_path / "in", "--save", tmp_path / "more")
    assert ran.status == 2
    assert "would both write" in ran.err


def test_standard_input(mien, photo, feed):
    out = feed(photo.read_bytes())
    assert mien("faces", "-", "--json", "-").status == 0
    assert json.loads(out.getvalue())[0]["input"] == "standard input"
