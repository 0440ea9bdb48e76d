import re

import pytest
import torch

from mien.types import Detection
from mien.video.film import FilmError
from mien.video.journal import LOOKS, SEGMENTS, SETTINGS, Journal, Look, Sums
from mien.video.track import Sight


def look(time, person=None):
    box = torch.tensor([1.0, 2.0, 30.25, 40.125]) + time
    face = Detection(box, torch.rand(5, 2, generator=torch.Generator().manual_seed(time)), 0.8125)
    glimpse = torch.arange(192, dtype=torch.uint8).reshape(3, 8, 8)
    return Look(time, 40, glimpse, (Sight(face, person),))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "clip.mp4.part"


def test_what_was_seen_is_read_back_to_the_bit(folder):
    person = torch.nn.functional.normalize(
        torch.randn(128, generator=torch.Generator().manual_seed(0)), dim=0
    )
    Journal(folder, "a").note(look(80, person))
    (read,) = Journal(folder, "a").looks()
    wanted = look(80).sights[0].detection
    assert (read.time, read.duration) == (80, 40)
    assert torch.equal(read.glimpse, look(80).glimpse)
    assert torch.equal(read.sights[0].detection.box, wanted.box)
    assert torch.equal(read.sights[0].detection.points, wanted.points)
    assert read.sights[0].detection.score == wanted.score
    assert float(read.sights[0].person @ person) > 0.999


def test_other_settings_begin_anew(folder):
    first = Journal(folder, "a")
    assert not first.goes_on
    first.note(look(0))
    assert Journal(folder, "a").goes_on
    assert not Journal(folder, "b").goes_on
    assert list(Journal(folder, "b").looks()) == []


def test_a_torn_line_is_dropped(folder):
    journal = Journal(folder, "a")
    journal.note(look(0))
    journal.note(look(40))
    path = folder / LOOKS
    path.write_bytes(path.read_bytes()[:-30])
    again = Journal(folder, "a")
    assert [read.time for read in again.looks()] == [0]
    again.note(look(40))
    assert [read.time for read in again.looks()] == [0, 40]


@pytest.mark.parametrize(
    "damage", [b"\xff\xff\n", b"[1, 2]\n", b'[0, 40, "AAAA", []]\n', b'[0, 40, "\xff", []]\n']
)
def test_a_damaged_line_is_an_error_that_names_it(folder, damage):
    journal = Journal(folder, "a")
    journal.note(look(0))
    for name in (LOOKS, SEGMENTS):
        with (folder / name).open("ab") as file:
            file.write(damage if name == LOOKS else b"{}\n")
    damaged = f"line 2 of {folder / LOOKS} is damaged: without the folder {folder} work begins anew"
    with pytest.raises(FilmError, match=re.escape(damaged)):
        list(journal.looks())
    with pytest.raises(FilmError, match=r"line 1 of .*segments\.jsonl is damaged"):
        journal.sums()
    (folder / SETTINGS).write_bytes(b"\xff")
    assert not Journal(folder, "a").goes_on


def test_a_file_that_is_one_torn_line(folder):
    Journal(folder, "a")
    (folder / LOOKS).write_bytes(b"x" * 200_000)
    assert list(Journal(folder, "a").looks()) == []


def test_the_end_of_all_frames(folder):
    journal = Journal(folder, "a")
    journal.note(look(0))
    assert not journal.has_all_looks
    journal.end_looks()
    assert journal.has_all_looks
    assert len(list(journal.looks())) == 1


def test_segments_have_their_name_when_they_are_whole(folder):
    journal = Journal(folder, "a")
    unfinished = folder / "unfinished.nut"
    unfinished.write_bytes(b"pictures")
    journal.keep(unfinished, journal.segment(0, ".nut"), Sums({3: 8}, {3: [0.5, 0.25]}))
    assert journal.segment(0, ".nut").read_bytes() == b"pictures"
    assert not unfinished.exists()
    assert Journal(folder, "a").sums() == [Sums({3: 8}, {3: [0.5, 0.25]})]
    journal.remove()
    assert not folder.exists()
