import pytest
import torch

from mien.evaluate.ijb import read_ijb_lists, read_ijb_tables
from mien.evaluate.sheets import EvaluationError

COLUMNS = "TEMPLATE_ID,SUBJECT_ID,FILENAME,MEDIA_ID,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT"


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def root(people):
    return people[0].parent.parent


def name(person, number):
    return f"person_{person}/person_{person}_{number:04d}.png"


def test_tables(root, tmp_path):
    gallery = write(
        tmp_path / "gallery.csv",
        COLUMNS,
        f"7,70,{name(0, 1)},1,2,3,20,25",
        f"7,70,{name(0, 2)},1,,,,",
        f"8,80,{name(1, 1)},5,1,1,9,9",
        "99,990,not/there.png,5,1,1,9,9",
    )
    probes = write(tmp_path / "probes.csv", COLUMNS, f"9,70,{name(0, 3)},2,1,1,9,9")
    listed = read_ijb_tables([gallery, probes], write(tmp_path / "matches.csv", "7,9", "8,9"), root)
    assert listed.same.tolist() == [True, False]
    assert listed.templates.tolist() == [7, 7, 8, 9]
    assert listed.media.tolist() == [1, 1, 5, 2]
    assert listed.portraits[0].box.tolist() == [2, 3, 22, 28]
    assert listed.portraits[1].box is None
    assert listed.weights is None


def test_tables_that_are_wrong(root, tmp_path):
    table = write(tmp_path / "a.csv", COLUMNS, f"7,70,{name(0, 1)},1,2,3,20,25")
    with pytest.raises(EvaluationError, match="no table says what template 9 is"):
        read_ijb_tables([table], write(tmp_path / "m.csv", "7,9"), root)
    with pytest.raises(EvaluationError, match="line 1: wanted two templates"):
        read_ijb_tables([table], write(tmp_path / "m.csv", "seven"), root)
    with pytest.raises(EvaluationError, match="wanted TEMPLATE_ID, SUBJECT_ID and FILENAME, got A, B"):
        read_ijb_tables([write(tmp_path / "b.csv", "A,B", "1,2")], write(tmp_path / "m.csv", "7,7"), root)
    with pytest.raises(EvaluationError, match="line 2: invalid literal"):
        read_ijb_tables(
            [write(tmp_path / "b.csv", COLUMNS, "x,1,a.png,1,,,,")], write(tmp_path / "m.csv", "7,7"), root
        )
    away = write(tmp_path / "c.csv", COLUMNS, "7,70,away.png,1,,,,")
    with pytest.raises(EvaluationError, match="names 1 pictures, of which 1 are missing"):
        read_ijb_tables([away], write(tmp_path / "m.csv", "7,7"), root)


@pytest.fixture
def lists(tmp_path):
    points = " ".join(str(number) for number in range(10))
    return (
        write(tmp_path / "tid.txt", f"{name(0, 1)} 1 11", f"{name(0, 2)} 1 11", f"{name(1, 1)} 2 12"),
        write(tmp_path / "pairs.txt", "1 2 0", "1 1 1"),
        write(
            tmp_path / "points.txt",
            *(f"{one} {points} 0.5" for one in (name(0, 1), name(0, 2), name(1, 1))),
        ),
    )


def test_lists(root, lists):
    listed = read_ijb_lists(*lists, root)
    assert listed.same.tolist() == [False, True]
    assert listed.templates.tolist() == [1, 1, 2]
    assert torch.equal(listed.portraits[2].points, torch.arange(10.0).reshape(5, 2))
    assert listed.weights.tolist() == [0.5] * 3


def test_lists_that_are_wrong(root, lists, tmp_path):
    members, pairs, points = lists
    with pytest.raises(EvaluationError, match="1 templates have no pictures, such as 5"):
        read_ijb_lists(members, write(tmp_path / "other.txt", "1 5 0"), points, root)
    with pytest.raises(EvaluationError, match="no five points and score"):
        read_ijb_lists(members, pairs, write(tmp_path / "few.txt", f"{name(0, 1)} 1 2"), root)
    with pytest.raises(EvaluationError, match=r"tid.txt, pairs.txt or points.txt"):
        read_ijb_lists(write(tmp_path / "tid.txt", "a b"), pairs, points, root)
