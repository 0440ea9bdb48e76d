"""What is said of faces, and what models are called where people read of them."""

import pytest
import torch

from mien.describe import (
    describe_face,
    evidence_in_words,
    evidence_share,
    label_of,
    labels_of,
    mark_by,
    mark_of,
    notes_on,
    seen_in_words,
)
from mien.types import Crop, Detection, Face, Guidance, Recovery


@pytest.mark.parametrize(
    ("model", "label"),
    [
        ("restore", "restore"),
        ("guided:/very/long/path/file.safetensors", "guided:file"),
        ("spandrel:old/GFPGANv1.4.pth", "spandrel:GFPGANv1.4"),
        ("prior:x.v2", "prior:x.v2"),
    ],
)
def test_of_a_file_people_hear_its_bare_name(model, label):
    assert label_of(model) == label
    assert label_of(label) == label


def test_a_label_is_said_as_it_is():
    assert mark_by("prior:a/x", 1).model == "prior:a/x"
    assert describe_face(face(0.5), "prior:a/x")["model"] == "prior:a/x"
    assert mark_of([face(0.5)], "prior:a/x").model == "prior:a/x"


def test_files_of_one_name_are_told_apart_by_their_folders():
    names = ["restore", "prior:/r/a/x.pt", "prior:/r/b/x.pt", "rotate:b/x", "restore"]
    assert labels_of(names) == {
        "restore": "restore",
        "prior:a/x": "prior:/r/a/x.pt",
        "prior:b/x": "prior:/r/b/x.pt",
        "rotate:x": "rotate:b/x",
    }
    assert labels_of([]) == {}


def test_files_that_differ_by_their_ending_are_numbered():
    names = ["prior:/home/me/secret/x.pt", "restore", "prior:/home/me/secret/x.pth"]
    assert [*labels_of(names)] == ["prior:x-1", "restore", "prior:x-2"]
    assert [*labels_of(names).values()] == names
    names = ["prior:x.pt", "prior:x.pth", "prior:/a/x.pt", "prior:./x.pt", "prior:/b/x-2.pt"]
    assert [*labels_of(names)] == ["prior:x-1", "prior:x-3", "prior:a/x", "prior:x-4", "prior:x-2"]


LEFT = torch.cat((torch.ones(1, 32, 16), torch.zeros(1, 32, 16)), 2)


def face(seen, area=None, pasted=True, **told):
    """Of whose left half so much was seen."""
    pixels = torch.zeros(3, 32, 32)
    detection = Detection(torch.tensor([3.0, 4.0, 34.0, 35.0]), torch.zeros(5, 2), 0.9)
    crop = Crop(pixels, torch.eye(2, 3, dtype=torch.float64), torch.zeros(5, 2))
    return Face(detection, crop, Recovery(pixels, seen * LEFT, **told), pasted, area=area)


def test_what_was_seen_is_of_what_was_pasted():
    assert evidence_share(face(0.8)) == pytest.approx(0.4)
    assert evidence_share(face(0.8, LEFT)) == pytest.approx(0.8)
    assert evidence_share(face(0.8, 0 * LEFT, pasted=False)) == pytest.approx(0.4)
    assert describe_face(face(0.8, LEFT), "restore")["evidence"] == 0.8
    assert mark_of([face(0.8, LEFT)], "restore").faces[0].evidence == 0.8
    lent = Guidance(torch.zeros(3, 32, 32), 0.2 * LEFT, torch.zeros(2, 32, 32), 0, 0.9)
    told = evidence_in_words(face(0.5, LEFT, mirrored=0.3 * LEFT, guidance=lent))
    assert told == "50 % of this face was seen, 30 % mirrored, 20 % lent by a reference"


def test_what_was_seen_of_all_faces_is_said_in_short():
    assert seen_in_words([]) == ""
    assert seen_in_words([face(0.82)]) == "41 % of it was seen"
    assert seen_in_words([face(0.82), face(0.822)]) == "41 % of each was seen"
    assert seen_in_words([face(0.82), face(0.2), face(0.5)]) == "10 to 41 % of each was seen"


def test_a_face_that_could_not_be_pasted_alone_is_told_of_once():
    (note,) = notes_on([face(0.5, 0 * LEFT, pasted=False)])
    assert note == "the face at 3, 4 stays as it was: where its skin is cannot be seen"
    assert notes_on([face(0.5, LEFT)]) == ()
