"""`mien recover` on many photos: a second run, another order, other settings, and what is not ours."""

import json
import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.archive.journal import NAME, read_journal
from mien.archive.staging import FOLDER
from mien.cli.archive_settings import hashes_of_weights
from mien.cli.archive_worker import (
    Made,
    MakeWorker,
    Task,
    Unmade,
    made_from_text,
    task_from_text,
    text_from_made,
    text_from_task,
)
from mien.cli.inputs import Input
from mien.cli.outputs import Job
from mien.cli.recover import RecoverArguments, make_recover_parser
from mien.zoo.cards import PARTS


@pytest.fixture
def album(tmp_path):
    """Five photos and a broken one."""
    folder = tmp_path / "album"
    (folder / "b").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b/c.jpg", "b/d.png", "e.png", "f.webp")):
        levels = np.random.default_rng(number).integers(0, 200, (5, 6, 3), dtype=np.uint8)
        Pillow.fromarray(levels).resize((48, 40)).save(folder / name)
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def tree(folder):
    """Every result and its bytes; the journal, which has seconds in it, is not one."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name != NAME}


def test_a_second_run_does_what_is_missing(mien, album, studio, tmp_path):
    out = tmp_path / "out"
    words = ("recover", album, "-o", out, "--compare", "--save-faces", "--report", tmp_path / "r.jsonl")
    ran = mien(*words)
    assert ran.status == 1
    assert "broken.jpg: error: not a picture" in ran.err
    assert ran.err.count(": 1 face") == 5
    first, told = tree(out), (tmp_path / "r.jsonl").read_text()
    assert len(first) == 5 * 5
    assert not [*out.rglob(FOLDER)]
    studio.asked.clear()
    (album / "broken.jpg").unlink()
    ran = mien(*words)
    assert (ran.status, ran.err) == (0, "skipped 5 done before\n")
    assert studio.asked == []  # no model is loaded for nothing
    assert tree(out) == first
    lines = [json.loads(line) for line in told.splitlines()]
    again = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert again == [line for line in lines if "error" not in line]
    (out / "b" / "c.jpg").unlink()
    (out / "a_faces" / "00_crop.png").unlink()
    ran = mien(*words)
    assert ran.status == 0
    assert ran.err.startswith("skipped 3 done before\n")
    assert tree(out) == first


def test_what_a_kill_left_is_swept_away_though_all_is_done(mien, album, tmp_path):
    out = tmp_path / "out"
    mien("recover", album, "-o", out)
    (out / "b" / FOLDER / "1-2").mkdir(parents=True)
    (out / "b" / FOLDER / "1-2" / "c.jpg").write_bytes(b"half")
    (album / "broken.jpg").unlink()
    assert mien("recover", album, "-o", out).err == "skipped 5 done before\n"
    assert not [*out.rglob(FOLDER)]


def test_the_order_of_inputs_is_kept(mien, album, tmp_path):
    ran = mien("recover", album, "-o", tmp_path / "out", "--report", "-", "--workers", "3")
    told = [Path(json.loads(line)["input"]).name for line in ran.out.splitlines()]
    assert told == ["a.png", "broken.jpg", "e.png", "f.webp", "c.jpg", "d.png"]


@pytest.mark.parametrize("words", [("--workers", "1"), ("--workers", "3", "--batch-size", "1")])
def test_results_do_not_depend_on_how_they_are_made(mien, album, tmp_path, words):
    mien("recover", album, "-o", tmp_path / "out", "--scale", "2")
    mien("recover", album, "-o", tmp_path / "other", "--scale", "2", *words)
    results = tree(tmp_path / "out")
    assert tree(tmp_path / "other") == results
    mien("recover", album / "a.png", "-o", tmp_path / "one.png", "--scale", "2")
    assert (tmp_path / "one.png").read_bytes() == results["a.png"]


def test_foreign_files_are_refused(mien, album, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_bytes(b"precious")
    ran = mien("recover", album, "-o", out)
    assert f"{out / 'a.png'} exists already; --overwrite replaces it" in ran.err
    (out / "e.png").write_bytes(b"painted over")
    ran = mien("recover", album, "-o", out)
    assert ran.status == 1
    assert ran.err.count("exists already; --overwrite replaces it") == 2
    assert "skipped 3 done before" in ran.err
    assert (out / "a.png").read_bytes() == b"precious"
    assert (out / "e.png").read_bytes() == b"painted over"
    ran = mien("recover", album, "-o", out, "--overwrite")
    assert "skipped 3 done before" in ran.err
    assert ran.err.count(": 1 face") == 2
    assert "skipped 5 done before" in mien("recover", album, "-o", out).err


def test_other_settings_and_other_pictures_are_said(mien, album, tmp_path):
    out = tmp_path / "out"
    mien("recover", album, "-o", out)
    before = tree(out)
    ran = mien("recover", album, "-o", out, "--fidelity", "0.5")
    assert ran.err.count("was made from another picture or with other settings; --overwrite replaces it") == 5
    assert "skipped" not in ran.err
    assert tree(out) == before
    (album / "a.png").write_bytes((album / "e.png").read_bytes())
    ran = mien("recover", album, "-o", out, "--device", "cpu", "--batch-size", "2")  # which change no result
    assert "skipped 4 done before" in ran.err
    assert ran.err.count("was made from another picture") == 1
    ran = mien("recover", album, "-o", out, "--overwrite")
    assert "skipped 4 done before" in ran.err
    assert tree(out)["a.png"] == before["e.png"]


def test_nothing_stale_stays_beside_what_is_replaced(mien, album, studio, tmp_path):
    (album / "broken.jpg").unlink()
    words = ("recover", album, "-o", tmp_path / "out", "--save-faces", "--evidence")
    assert mien(*words).status == 0
    studio.faces = []
    assert mien(*words, "--fidelity", "0.5", "--overwrite").status == 0
    assert set(tree(tmp_path / "out")) == {"a.png", "b/c.jpg", "b/d.png", "e.png", "f.webp"}
    assert not (tmp_path / "out" / "a_faces").exists()


def test_nothing_stays_that_is_not_asked_for_any_more(mien, album, tmp_path):
    """But photos of the same run that are called so, also those that were done before."""
    (album / "broken.jpg").unlink()
    out = tmp_path / "out"
    (album / "a_evidence.png").write_bytes((album / "e.png").read_bytes())
    words = ("recover", album, "-o", out)
    assert mien(*words).status == 0
    (album / "a.png").write_bytes((album / "e.png").read_bytes())
    (out / "a_compare.png").write_bytes((out / "a.png").read_bytes())
    ran = mien(*words, "--overwrite")
    assert "skipped 5 done before" in ran.err
    assert set(tree(out)) == {"a.png", "a_evidence.png", "b/c.jpg", "b/d.png", "e.png", "f.webp"}


def test_photos_replaced_by_their_results_are_not_recovered_twice(mien, album, tmp_path):
    mien("recover", album, "-o", album, "--overwrite")
    once = tree(album)
    ran = mien("recover", album, "-o", album, "--overwrite")
    assert "skipped 5 done before" in ran.err
    assert tree(album) == once


def test_ctrl_c_leaves_whole_photos_and_a_journal(mien, album, tmp_path, monkeypatch):
    from mien.cli import recover_photos

    finish = recover_photos.finish_photo

    def interrupt(begun, recoveries, seconds, asked, bound):
        if begun.job.target.name == "f.webp":
            raise KeyboardInterrupt
        return finish(begun, recoveries, seconds, asked, bound)

    monkeypatch.setattr("mien.cli.archive_worker.finish_photo", interrupt)
    out = tmp_path / "out"
    assert mien("recover", album, "-o", out, "--workers", "1").status == 130
    assert not [*out.rglob(FOLDER)]
    made = tree(out)
    assert set(made) == set(read_journal(out))
    monkeypatch.undo()


def test_a_photo_that_fails_names_its_result_not_where_it_was_written(mien, album, tmp_path, monkeypatch):
    def fail(path, content):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("mien.cli.files.write_bytes", fail)
    out = tmp_path / "out"
    ran = mien("recover", album, "-o", out)
    assert f"{album / 'e.png'}: error: {out / 'e.png'}: no space left on device" in ran.err
    assert tree(out) == {}


def test_a_journal_that_cannot_be_kept(mien, album, tmp_path):
    (tmp_path / "out" / NAME).mkdir(parents=True)
    ran = mien("recover", album, "-o", tmp_path / "out")
    assert ran.status == 1
    assert ran.err.endswith("cannot be written (is a directory)\n")


def test_ray_that_is_not_installed(mien, album, tmp_path, monkeypatch):
    monkeypatch.setattr("mien.cli.archive_arguments.find_spec", lambda name: None)
    ran = mien("recover", album, "-o", tmp_path / "out", "--engine", "ray")
    assert ran.status == 2
    assert ran.err == "mien recover: error: --engine ray needs a further package: pip install 'mien[ray]'\n"


def test_a_worker_in_another_process(studio, album, tmp_path, monkeypatch):
    """All that crosses over is text, and a description of the work that can be sent."""
    words = [str(album), "-o", "out", "--report", "r.jsonl", "--device", "cpu"]
    asked = make_recover_parser().parse_args(words, RecoverArguments())
    make = pickle.loads(pickle.dumps(MakeWorker(asked, Path("out"), "settings", str(tmp_path))))
    monkeypatch.chdir(tmp_path)
    work = make()
    jobs = [
        Job(Input(Path("album") / name, Path(name)), Path("out") / name) for name in ("a.png", "broken.jpg")
    ]
    tasks = [Task(number, job) for number, job in enumerate(jobs)]
    assert [task_from_text(text_from_task(task)) for task in tasks] == tasks
    done, failed = (made_from_text(text) for text in work([text_from_task(task) for task in tasks]))
    assert isinstance(done, Made)
    assert done.entry.target == "a.png"
    assert done.entry.report is not None
    assert Path(done.staged.folder, "a.png").is_file()
    assert not Path("out", "a.png").exists()
    assert made_from_text(text_from_made(done)) == done
    assert isinstance(failed, Unmade)
    assert "not a picture" in failed.reason
    assert replace(failed, reason="") == Unmade("")
    assert Path.cwd() == Path(os.path.realpath(tmp_path))


def test_weights_of_all_models_that_work_together_count(album, tmp_path):
    file = tmp_path / "w.safetensors"
    file.write_bytes(b"weights")

    def weights(model):
        words = [str(album), "-o", "out", "--model", model]
        return set(hashes_of_weights(make_recover_parser().parse_args(words, RecoverArguments()))) - set(
            PARTS
        )

    assert weights("restore") == {"restore"}
    assert weights("guided") == {"guided", "restore"}
    assert weights(f"complete:{file}") == {f"complete:{file}", "restore"}
    assert weights(f"frontal:{file}") == {f"frontal:{file}"}


def test_a_journal_that_cannot_be_read(mien, album, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / NAME).touch()

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    ran = mien("recover", album, "-o", tmp_path / "out")
    assert ran.status == 2
    assert ran.err == f"mien recover: error: {tmp_path / 'out' / NAME}: permission denied\n"
