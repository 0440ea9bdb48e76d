"""`mien compare`: lines, JSON, and what is said of photos that cannot be compared."""

import json

import pytest
from PIL import Image as Pillow


@pytest.fixture
def photos(tmp_path):
    """Two reddish photos and a blue one; who is who is told by colour here."""
    for name, color in (("red", (200, 20, 10)), ("pink", (220, 30, 20)), ("blue", (10, 20, 200))):
        Pillow.new("RGB", (60, 40), color).save(tmp_path / f"{name}.png")
    return tmp_path


def test_the_same_person_and_another(mien, photos, studio):
    ran = mien("compare", photos / "red.png", photos / "pink.png", photos / "blue.png", "--device", "cpu")
    assert ran.status == 0
    assert studio.asked == [("detector", "cpu"), ("identity", "cpu")]
    alike, different = ran.out.splitlines()
    assert alike.startswith(f"{photos / 'red.png'}  {photos / 'pink.png'}  cosine 0.99")
    assert "degrees" in alike
    assert float(alike.split("same person ")[1].removesuffix(" %")) > 99
    assert float(different.split("same person ")[1].removesuffix(" %")) < 50
    assert "pink.png: 1 face" in ran.err


def test_json(mien, photos):
    ran = mien("compare", photos / "red.png", photos / "blue.png", "--json", "-")
    (entry,) = json.loads(ran.out)
    assert set(entry) == {
        "first", "second", "first_box", "second_box", "cosine", "degrees", "probability",
    }  # fmt: skip
    assert entry["first"] == str(photos / "red.png")
    assert entry["first_box"] == [8, 8, 32, 32]
    assert -1 <= entry["cosine"] <= 1
    assert 0 <= entry["degrees"] <= 180
    assert 0 < entry["probability"] < 1


def test_a_folder_is_compared_photo_by_photo(mien, photos):
    (photos / "album" / "b").mkdir(parents=True)
    (photos / "pink.png").rename(photos / "album" / "pink.png")
    (photos / "blue.png").rename(photos / "album" / "b" / "blue.png")
    ran = mien("compare", photos / "red.png", photos / "album")
    assert ran.status == 0
    assert len(ran.out.splitlines()) == 2


def test_the_most_prominent_face_counts_or_each(mien, photos, studio, face_at):
    studio.faces = [face_at(1, 1, 8), face_at(15, 8, 24)]
    ran = mien("compare", photos / "red.png", photos / "pink.png", "--json", "-")
    (entry,) = json.loads(ran.out)
    assert entry["second_box"] == [15, 8, 39, 32]
    assert "pink.png: 2 faces" in ran.err
    each = mien("compare", photos / "red.png", photos / "pink.png", "--all")
    assert len(each.out.splitlines()) == 4
    assert f"{photos / 'red.png'} (1 1 9 9)" in each.out


def test_the_same_file_is_compared_and_named(mien, photos):
    ran = mien("compare", photos / "red.png", photos / "red.png")
    assert ran.status == 0
    assert "cosine 1.000  degrees 0.0" in ran.out
    assert "this is the same file as the first" in ran.err


def test_a_photo_without_a_face_is_an_error(mien, photos, studio):
    studio.faces = []
    ran = mien("compare", photos / "red.png", photos / "pink.png", "--json", "-")
    assert ran.status == 1
    assert json.loads(ran.out) == [
        {"input": str(photos / "red.png"), "error": "there is no face to be found in this picture"}
    ]


def test_what_cannot_be_read_is_named_and_the_rest_compared(mien, photos):
    (photos / "text.png").write_text("no picture")
    ran = mien("compare", photos / "red.png", photos / "text.png", photos / "none.png", photos / "pink.png")
    assert ran.status == 1
    assert len(ran.out.splitlines()) == 1
    assert "text.png: error: not a picture" in ran.err
    assert "none.png: error: no such file" in ran.err


@pytest.mark.parametrize("first", ["none.png", "", "-"])
def test_the_first_is_one_picture(mien, photos, first):
    word = first if first == "-" else photos / first
    ran = mien("compare", word, photos / "red.png")
    assert ran.status == 2
    assert "error" in ran.err


def test_output_over_an_input_is_refused(mien, photos):
    ran = mien("compare", photos / "red.png", photos / "pink.png", "--json", photos / "pink.png")
    assert ran.status == 2
    ran = mien("compare", photos / "red.png", photos / "pink.png", "--json", photos / "red.png")
    assert ran.status == 2
