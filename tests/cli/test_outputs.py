"""Where results go, and what is refused before any work."""

import json
from pathlib import Path

import pytest

from mien.cli.arguments import OutputError, UsageError
from mien.cli.inputs import Found, Input, collect
from mien.cli.outputs import Job, TextOutput, plan, refusal


def targets(words, out, **options):
    words = [str(word) for word in words]
    jobs = plan(words, collect(words), str(out), **options)
    return [job.target if job.target is None else str(job.target) for job in jobs]


@pytest.fixture
def files(tmp_path):
    def make(*names):
        paths = [tmp_path / name for name in names]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return paths

    return make


def test_one_file_goes_to_one_file(files):
    assert targets(files("a.jpg"), "new.webp") == ["new.webp"]
    assert targets(["-"], "new.PNG") == ["new.PNG"]


def test_a_folder_keeps_names_and_suffixes_that_can_be_written(files):
    paths = files("a.JPG", "b.tiff", "c.bmp", "d.gif", "e")
    assert targets(paths, "out") == ["out/a.JPG", "out/b.tiff", "out/c.png", "out/d.png", "out/e.png"]
    assert targets(paths[:1], "out.v2") == ["out.v2/a.JPG"]
    assert targets(["-"], "out") == ["out/stdin.png"]


def test_a_folder_may_have_the_name_of_a_picture(files, tmp_path):
    (tmp_path / "out.png").mkdir()
    assert targets(files("a.jpg"), tmp_path / "out.png") == [str(tmp_path / "out.png" / "a.jpg")]


def test_a_tree_stays_a_tree(files, tmp_path):
    files("in/a.jpg", "in/b/c.png")
    assert targets([tmp_path / "in"], "out") == ["out/a.jpg", "out/b/c.png"]
    assert targets([tmp_path / "in"], "out", suffix=".png") == ["out/a.png", "out/b/c.png"]


def test_standard_output_takes_one_picture(files):
    assert targets(files("a.jpg"), "-") == [None]
    with pytest.raises(UsageError, match="one picture only"):
        targets(files("a.jpg", "b.jpg"), "-")
    with pytest.raises(UsageError, match="beside standard output"):
        targets(files("a.jpg"), "-", beside=("faces",))


def test_two_results_of_one_name_are_refused(files):
    with pytest.raises(UsageError, match=r"y/a\.jpg would both write out/a\.jpg"):
        targets(files("x/a.jpg", "y/a.jpg"), "out")
    with pytest.raises(UsageError, match=r"out/a\.png"):
        targets(files("a.gif", "a.png"), "out")
    same_stem = files("a.jpg", "a.png")
    assert len(targets(same_stem, "out")) == 2
    with pytest.raises(UsageError, match=r"a_compare\.png"):
        targets(same_stem, "out", beside=("compare.png",))
    with pytest.raises(UsageError, match=r"a_compare\.png"):
        targets(files("a.jpg", "a_compare.png"), "out", beside=("compare.png",))


def test_one_picture_for_many_is_refused(files, tmp_path):
    for words in (files("a.jpg", "b.jpg"), [tmp_path]):
        with pytest.raises(UsageError, match="name a folder"):
            targets(words, "out.jpg")


def test_a_suffix_that_cannot_be_written_is_refused(files):
    with pytest.raises(UsageError, match=r"\.gif cannot be written"):
        targets(files("a.jpg"), "out.gif")


def test_a_file_is_no_folder(files, tmp_path):
    paths = files("a.jpg", "file")
    with pytest.raises(UsageError, match="is a file"):
        targets(paths[:1], tmp_path / "file")


def test_what_exists_is_replaced_only_when_asked(files, tmp_path):
    source, other = files("a.jpg", "b.jpg")
    job = Job(Input(source, Path("a.jpg")), source)
    problem = refusal(job, overwrite=False)
    assert problem is not None
    assert problem.name == str(source)
    assert "the input itself" in problem.reason
    assert refusal(job, overwrite=True) is None
    existing = refusal(Job(Input(source, Path("a.jpg")), other), overwrite=False)
    assert existing is not None
    assert "exists already" in existing.reason
    assert refusal(Job(Input(source, Path("a.jpg")), tmp_path / "new.jpg"), overwrite=False) is None


def test_a_link_to_the_input_is_the_input(files, tmp_path):
    (source,) = files("a.jpg")
    (tmp_path / "link.jpg").symlink_to(source)
    problem = refusal(Job(Input(source, Path("a.jpg")), tmp_path / "link.jpg"), overwrite=False)
    assert problem is not None
    assert "the input itself" in problem.reason


def test_what_lies_beside_is_looked_after_too(files, tmp_path):
    (source, _) = files("in/a.jpg", "a_compare.png")
    job = Job(Input(source, Path("a.jpg")), tmp_path / "a.jpg", ("compare.png",))
    problem = refusal(job, overwrite=False)
    assert problem is not None
    assert "a_compare.png" in problem.reason


NOTHING = Found((), ())


def test_json_goes_to_files_and_standard_output(tmp_path, capsys):
    for file in (str(tmp_path / "x.jsonl"), "-"):
        with TextOutput(file, NOTHING) as output:
            assert output.is_wanted
            output.write({"name": "é\udcff"})
            output.write([1])
    written = (tmp_path / "x.jsonl").read_text()
    assert [json.loads(line) for line in written.splitlines()] == [{"name": "é\udcff"}, [1]]
    assert capsys.readouterr().out == written


def test_json_that_nobody_wants():
    with TextOutput(None, NOTHING) as output:
        output.write({})
        assert not output.is_wanted


def test_json_that_cannot_be_written(tmp_path, files):
    with pytest.raises(UsageError, match="no such file"):
        TextOutput(str(tmp_path / "none" / "x.jsonl"), NOTHING)
    (photo,) = files("a.jpg")
    with pytest.raises(UsageError, match="one of the inputs"):
        TextOutput(str(photo), Found((Input(photo, Path("a.jpg")),), ()))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk to write to")
def test_a_full_disk_is_said():
    with pytest.raises(OutputError, match="no space left"), TextOutput("/dev/full", NOTHING) as output:
        output.write({})
