"""Results that come to their place whole, and what is known of those that were there before."""

from pathlib import Path

import pytest

from mien.archive.journal import Entry, digest
from mien.archive.staging import FOLDER, Staged, as_named, left_over, put_in_place, seal, staging, sweep
from mien.archive.standing import Standing, standing


def make(target: Path, ticket: str = "1-0") -> Staged:
    """A result with a file and a folder beside it."""
    with staging(target, ticket) as place:
        place.write_bytes(b"result")
        (place.parent / "a_faces").mkdir()
        (place.parent / "a_faces" / "00.png").write_bytes(b"face")
        return seal(place, target)


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_nothing_is_in_its_place_before_all_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "b" / "a.jpg"
    staged = make(target)
    assert not target.exists()
    put_in_place(staged)
    assert names(tmp_path) == ["b/a.jpg", "b/a_faces/00.png"]
    assert staged.files == {"a.jpg": digest(target), "a_faces/00.png": digest(tmp_path / "b/a_faces/00.png")}
    sweep(left_over([target]))
    assert not (tmp_path / "b" / FOLDER).exists()


def test_writing_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), staging(tmp_path / "a.jpg", "1") as place:  # noqa: PT012
        (place.parent / "half.png").write_bytes(b"half")
        place.parent.write_bytes(b"cannot be")
    assert names(tmp_path) == []


def test_what_a_kill_left_is_swept_away(tmp_path: Path) -> None:
    make(tmp_path / "a.jpg")
    assert names(tmp_path) != []
    found = left_over([tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "missing" / "c.jpg"])
    assert found == [tmp_path / FOLDER]
    sweep(found)
    assert [*tmp_path.iterdir()] == []


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x.jpg").write_bytes(b"old")
    (tmp_path / "a.jpg").symlink_to(tmp_path / "real" / "x.jpg")
    put_in_place(make(tmp_path / "a.jpg"))
    assert (tmp_path / "a.jpg").is_symlink()
    assert (tmp_path / "real" / "x.jpg").read_bytes() == b"result"


def test_messages_have_the_names_that_files_would_have_got(tmp_path: Path) -> None:
    with staging(tmp_path / "a.jpg", "12-7") as place:
        assert as_named(f"{place}: too large", "12-7") == f"{tmp_path / 'a.jpg'}: too large"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jpg"
    path.write_bytes(b"picture")
    return path


def entry_of(staged: Staged, source: Path) -> Entry:
    return Entry("a.jpg", digest(source), "s", staged.files, None)


def test_how_a_result_stands(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "out"
    target = out / "a.jpg"
    written = (target, out / "a_faces")
    staged = make(target)
    entry = entry_of(staged, source)

    def stands(entry: Entry | None = entry, settings: str = "s") -> Standing:
        return standing(entry, out, source, target, written, settings)

    assert stands() is Standing.OPEN  # killed between journal and rename
    put_in_place(staged)
    assert stands() is Standing.DONE
    assert stands(settings="t") is Standing.CHANGED
    assert stands(entry=None) is Standing.FOREIGN
    target.unlink()
    assert stands() is Standing.OPEN  # killed between one file and the next
    (out / "a_faces" / "00.png").write_bytes(b"painted over")
    assert stands() is Standing.FOREIGN
    put_in_place(make(target))
    source.write_bytes(b"another picture")
    assert stands() is Standing.CHANGED
    (out / "a_faces" / "note.txt").write_bytes(b"somebody's")
    assert stands() is Standing.FOREIGN


def test_a_picture_that_its_result_replaced_is_done(tmp_path: Path) -> None:
    target = tmp_path / "a.jpg"
    target.write_bytes(b"picture")
    entry = entry_of(staged := make(target), target)
    assert standing(entry, tmp_path, target, target, [target], "s") is Standing.FOREIGN
    put_in_place(staged)
    assert standing(entry, tmp_path, target, target, [target], "s") is Standing.DONE
