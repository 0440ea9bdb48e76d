"""What models are called where people read of them."""

import pytest

from mien.describe import label_of, labels_of, mark_by


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
    assert mark_by(model, 1).model == label


def test_files_of_one_name_are_told_apart_by_their_folders():
    names = ["restore", "prior:/r/a/x.pt", "prior:/r/b/x.pt", "rotate:b/x", "restore"]
    assert labels_of(names) == {
        "restore": "restore",
        "prior:a/x": "prior:/r/a/x.pt",
        "prior:b/x": "prior:/r/b/x.pt",
        "rotate:x": "rotate:b/x",
    }
    names = ["prior:x.pt", "prior:x.pth", "prior:/a/x.pt", "prior:./x.pt"]
    assert sorted(labels_of(names).values()) == sorted(names)
    assert labels_of([]) == {}
