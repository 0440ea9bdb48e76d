"""What an INPUT stands for, down to the folders that people really have."""

import os
from pathlib import Path

import pytest

from mien.cli.arguments import UsageError
from mien.cli.inputs import PICTURE, Input, Kind, Problem, collect, fits, gather, literal, look_up, one_line


@pytest.fixture
def album(tmp_path):
    for name in (
        "b.jpg",
        "a.PNG",
        "notes.txt",
        ".hidden.jpg",
        "summer/c.webp",
        ".git/d.jpg",
        "summer/e/f.tif",
    ):
        path = tmp_path / "album" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "album"


def places(words, results=None):
    found = collect([str(word) for word in words], results)
    assert not found.problems
    return [str(source.place) for source in found.inputs]


def problem_of(words):
    found = collect([str(word) for word in words])
    assert not found.inputs
    assert len(found.problems) == 1
    return found.problems[0]


def test_a_folder_keeps_its_tree_and_leaves_out_what_is_hidden_or_no_picture(album):
    assert places([album]) == ["a.PNG", "b.jpg", "summer/c.webp", "summer/e/f.tif"]


def test_a_file_is_taken_whatever_its_name(album):
    assert places([album / "notes.txt", album / ".hidden.jpg"]) == ["notes.txt", ".hidden.jpg"]


def test_what_is_named_twice_is_taken_once(album):
    assert places([album, album, album / "b.jpg"]).count("b.jpg") == 1


def test_the_results_of_an_earlier_run_are_no_inputs(album):
    assert places([album], results=album / "summer") == ["a.PNG", "b.jpg"]
    assert len(places([album], results=album)) == 4


def test_a_folder_that_links_to_itself_comes_to_an_end(album):
    (album / "again").symlink_to(album)
    (album / "summer" / "up").symlink_to("..")
    assert places([album]) == ["a.PNG", "b.jpg", "summer/c.webp", "summer/e/f.tif"]
    assert places([f"{album}/**/*.tif"]) == ["summer/e/f.tif"]


def test_a_linked_folder_is_searched(album, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "g.jpg").touch()
    (album / "link").symlink_to(tmp_path / "elsewhere")
    assert "link/g.jpg" in places([album])


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jpg", ["b.jpg"]),
        ("s*/c.*", ["summer/c.webp"]),
        ("**", ["a.PNG", "b.jpg", "summer/c.webp", "summer/e/f.tif"]),
        ("**/*.??f", ["summer/e/f.tif"]),
        ("[ab].*", ["a.PNG", "b.jpg"]),
        ("summer/**/f.tif", ["e/f.tif"]),
        ("su*", ["c.webp", "e/f.tif"]),
    ],
)
def test_patterns_that_the_shell_left_alone(album, pattern, expected):
    assert places([f"{album}/{pattern}"]) == expected


def test_a_relative_pattern(album, monkeypatch):
    monkeypatch.chdir(album)
    assert places(["*.jpg"]) == ["b.jpg"]
    assert places(["**/*.webp"]) == ["summer/c.webp"]


def test_a_file_may_be_called_like_a_pattern(album):
    (album / "x[1].jpg").touch()
    assert places([album / "x[1].jpg"]) == ["x[1].jpg"]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("album", "album"),
        ("[[]1950]", "[1950]"),
        ("[*]", "*"),
        ("[1950]", None),
        ("*", None),
        ("[[]a]*", None),
    ],
)
def test_what_is_escaped_is_a_name(part, expected):
    assert literal(part) == expected


def test_below_a_folder_with_brackets_all_keep_their_places(album):
    odd = album.with_name("a [1950]")
    album.rename(odd)
    escaped = f"{odd.parent}/a [[]1950]"
    assert places([f"{escaped}/*.jpg"]) == ["b.jpg"]
    assert places([f"{escaped}/**/*.tif"]) == ["summer/e/f.tif"]
    assert places([escaped]) == ["a.PNG", "b.jpg", "summer/c.webp", "summer/e/f.tif"]


@pytest.mark.parametrize("pattern", ["", "/*", "/**"])
def test_folders_are_walked_once_for_all_kinds(album, monkeypatch, pattern):
    listed = []
    listing = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: listed.append(folder) or listing(folder))
    text, jpeg = Kind("text", (".txt",)), Kind("JPEG", (".jpg",))
    words = look_up([f"{album}{pattern}"], None, (PICTURE, text, jpeg))
    assert len(listed) == len(set(listed)) <= 3
    found = {kind: [str(source.place) for source in gather(words, kind).inputs] for kind in (text, jpeg)}
    assert found == {text: ["notes.txt"], jpeg: ["b.jpg"]}
    assert [path.name for path in words[0].files(text)] == ["notes.txt"]
    assert len(gather(words, PICTURE).inputs) == 4


def test_what_there_is_none_of_is_named_for_its_kind_alone(album):
    film = Kind("film", (".mp4",))
    for pattern, reason in (
        ("", "there are no films in this folder"),
        ("/[ab].*", "no film fits this pattern"),
    ):
        words = look_up([f"{album}{pattern}"], None, (PICTURE, film))
        assert gather(words, film).problems == (Problem(f"{album}{pattern}", reason),)
        assert not gather(words, PICTURE).problems


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("a/b/c.png", "**/c.png", True),
        ("c.png", "**/c.png", True),
        ("a/b/c.png", "a/*/c.png", True),
        ("a/b/c.png", "a/*.png", False),
        ("a/b/c.png", "a/**/b/**", True),
        ("a/b", "a/b/c", False),
        ("a/b/c", "a/b", False),
    ],
)
def test_fits(path, pattern, expected):
    assert fits(Path(path).parts, Path(pattern).parts) is expected


def test_what_is_not_there_is_named(tmp_path):
    assert problem_of([tmp_path / "no.jpg"]) == Problem(str(tmp_path / "no.jpg"), "no such file or folder")
    assert "pattern" in problem_of([tmp_path / "*.jpg"]).reason
    assert "pattern" in problem_of([tmp_path / "**/*.jpg"]).reason
    (tmp_path / "dangling.jpg").symlink_to("nowhere")
    assert "link to nothing" in problem_of([tmp_path / "dangling.jpg"]).reason


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_named_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert "neither a file nor a folder" in problem_of([tmp_path / "pipe.jpg"]).reason
    assert "no pictures" in problem_of([tmp_path]).reason


def test_a_file_that_links_to_itself_is_named(tmp_path):
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    assert problem_of([tmp_path / "loop.jpg"]).name.endswith("loop.jpg")
    assert "no pictures" in problem_of([tmp_path]).reason


def test_an_empty_folder_is_named(tmp_path):
    assert problem_of([tmp_path]) == Problem(str(tmp_path), "there are no pictures in this folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_named(album):
    (album / "summer").chmod(0)
    found = collect([str(album)])
    assert [problem.reason for problem in found.problems] == ["permission denied"]
    assert len(found.inputs) == 2


def test_standard_input_is_read_once():
    assert collect(["-"]).inputs == (Input(None, Path("stdin")),)
    with pytest.raises(UsageError, match="only once"):
        collect(["-", "-"])


def test_names_are_shown_on_one_line():
    assert one_line("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
    assert one_line("été 1950.jpg") == "été 1950.jpg"
    assert one_line(os.fsdecode(b"\xff.jpg")) == "\\udcff.jpg"
