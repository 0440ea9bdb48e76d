"""The marks that `mien recover` leaves; how they are written is tested in tests/image."""

import pytest
from PIL import Image as Pillow

from mien.image.mark import read_marks
from mien.image.xmp import put_packet, take_packet

CAPTION = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="an album"/>'
    b"</rdf:RDF></x:xmpmeta>"
)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "old.png"
    Pillow.new("RGB", (48, 40), (90, 80, 70)).save(path)
    path.write_bytes(put_packet(path.read_bytes(), CAPTION))
    return path


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_a_recovered_photo_says_so(mien, photo, tmp_path, suffix):
    out = tmp_path / f"new.{suffix}"
    assert mien("recover", photo, "-o", out, "--compare", "--evidence").status == 0
    (mark,) = read_marks(out.read_bytes())
    assert (mark.model, mark.num_faces) == ("restore", 1)
    assert mark.faces[0].evidence == 0.5
    assert b"an album" in (take_packet(out.read_bytes()) or b"")
    for beside in ("new_compare.png", "new_evidence.png"):
        assert read_marks((tmp_path / beside).read_bytes()) == (mark,)


def test_without_a_mark_the_photo_s_own_words_stay(mien, photo, tmp_path):
    out = tmp_path / "new.jpg"
    assert mien("recover", photo, "-o", out, "--no-mark").status == 0
    assert read_marks(out.read_bytes()) == ()
    assert b"an album" in (take_packet(out.read_bytes()) or b"")


def test_the_same_bytes_each_time(mien, photo, tmp_path):
    for name in ("one.jpg", "other.jpg"):
        assert mien("recover", photo, "-o", tmp_path / name).status == 0
    assert (tmp_path / "one.jpg").read_bytes() == (tmp_path / "other.jpg").read_bytes()
