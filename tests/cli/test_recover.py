"""`mien recover` from files to files; what is done to faces is the library's, and tested there."""

import io
import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from mien.image.io import read_image, read_photo
from mien.image.mark import read_marks


@pytest.fixture
def save(tmp_path):
    """Writes a small photo with some texture, and returns its path."""

    def write(name, size=(48, 40), mode="RGB", **options):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        width, height = size
        rows, columns = np.mgrid[0:height, 0:width]
        planes = np.stack((rows * 3 % 200, columns * 2 % 200, (rows + columns) % 200), axis=2)
        Pillow.fromarray(planes.astype(np.uint8)).convert(mode).save(path, **options)
        return path

    return write


def report_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_photo_gets_its_face(mien, save, tmp_path):
    path = save("old.png")
    ran = mien("recover", path, "-o", tmp_path / "new.png")
    assert ran.status == 0
    assert ran.out == ""
    assert ran.err.startswith(f"{path}: 1 face, ")
    before, after = read_image(path), read_image(tmp_path / "new.png")
    changed = (before != after).any(dim=0)
    assert changed[20, 20]
    assert not changed[:, 44:].any()
    assert (after - before)[:, 20, 20].mean() > 0.1


def test_a_tree_stays_a_tree(mien, save, tmp_path):
    for name in ("in/a.jpg", "in/b/c.webp", "in/b/d.bmp"):
        save(name)
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    assert mien("recover", tmp_path / "in", "-o", tmp_path / "out").status == 0
    written = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*")}
    assert written == {"a.jpg", "b/c.webp", "b/d.png", ".mien-journal.jsonl"}


def test_a_pattern_in_quotes(mien, save, tmp_path):
    save("in/a.jpg")
    save("in/b.png")
    assert mien("recover", f"{tmp_path}/in/*.jpg", "-o", tmp_path / "out").status == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.jpg"]


def test_the_report(mien, save, tmp_path):
    path = save("old.jpg")
    missing = tmp_path / "missing.jpg"
    ran = mien(
        "recover", path, missing, "-o", tmp_path / "out", "--report", tmp_path / "r.jsonl", "--scale", "2"
    )
    assert ran.status == 1
    failed, done = report_of(tmp_path / "r.jsonl")
    assert failed == {"input": str(missing), "error": "no such file or folder"}
    assert done["input"] == str(path)
    assert done["output"] == str(tmp_path / "out" / "old.jpg")
    assert done["size"] == [48, 40]
    assert done["output_size"] == [96, 80]
    assert list(done["seconds"]) == ["read", "find", "align", "recover", "identify", "paste", "write"]
    assert done["model"] == "restore"
    assert done["notes"] == []
    (face,) = done["faces"]
    assert face["box"] == [8, 8, 32, 32]
    assert face["score"] == 0.9
    assert abs(face["roll"]) < 0.1
    assert len(face["points"]) == 5
    assert face["evidence"] == 0.5
    assert face["pasted"] is True
    assert face["model"] == "restore"
    assert set(face["identity"]) == {"cosine", "probability"}
    assert 0.9 < face["identity"]["cosine"] <= 1
    assert 0.5 < face["identity"]["probability"] < 1
    assert set(face["quality"]) == {"sharpness"}  # a crop of 64 px is too small for NIQE
    assert face["quality"]["sharpness"]["before"] >= 0


def test_quality_before_and_after(mien, save, studio, tmp_path):
    studio.model = replace(studio.model, crop_size=128)
    ran = mien("recover", save("old.jpg"), "-o", tmp_path / "out", "--report", "-", "--no-identity")
    (face,) = json.loads(ran.out)["faces"]
    assert set(face["quality"]["niqe"]) == {"before", "after"}
    assert "identity" not in face


def test_identity_is_said(mien, save, studio, tmp_path, face_at):
    path = save("old.png")
    ran = mien("recover", path, "-o", tmp_path / "new.png", "--device", "cpu")
    assert studio.asked == [("restore", "cpu"), ("identity", "cpu"), ("detector", "cpu")]
    said = r": 1 face, 50 % of it was seen, identity [01]\.\d\d \(same person \d\d\.\d\d %\), "
    assert re.search(said, ran.err)
    studio.faces = [*studio.faces, face_at(20, 10, 20)]
    ran = mien("recover", path, "-o", tmp_path / "two.png")
    said = r": 2 faces, 50 % of each was seen, identity [01]\.\d\d to [01]\.\d\d \(same person .* or more"
    assert re.search(said, ran.err)
    studio.asked.clear()
    ran = mien("recover", path, "-o", tmp_path / "none.png", "--no-identity")
    assert ", identity" not in ran.err
    assert ("identity", "auto") not in studio.asked


@pytest.mark.parametrize("words", [(), ("--aligned",)])
def test_a_face_that_became_somebody_else(mien, save, studio, tmp_path, words):
    path = save("old.png")
    studio.identities = ((1.0, 0.0), (0.1, 0.995))
    ran = mien("recover", path, "-o", tmp_path / "pasted.png", *words)
    assert "may now look like somebody else: identity 0.10, same person" in ran.err
    ran = mien("recover", path, "-o", tmp_path / "new.png", "--min-identity", "0.4", "--report", "-", *words)
    assert ran.status == 0
    assert "stays as it was: identity 0.10, same person" in ran.err
    assert torch.equal(read_image(tmp_path / "new.png"), read_image(path))
    told = json.loads(ran.out)
    assert told["faces"][0]["pasted"] is False
    assert "stays as it was" in told["notes"][0]


@pytest.mark.parametrize("words", [("--min-identity", "40"), ("--min-identity", "0.4", "--no-identity")])
def test_identities_that_cannot_be_asked_for(mien, save, tmp_path, words):
    assert mien("recover", save("old.png"), "-o", tmp_path / "new.png", *words).status == 2


def test_the_report_on_standard_output(mien, save, tmp_path):
    ran = mien("recover", save("old.jpg"), "-o", tmp_path / "out", "--report", "-")
    assert json.loads(ran.out)["output"].endswith("old.jpg")


def test_standard_input_to_standard_output(mien, feed, save):
    content = save("old.jpg").read_bytes()
    out = feed(content)
    assert mien("recover", "-").status == 0
    written = out.getvalue()
    assert written != content
    assert Pillow.open(io.BytesIO(written)).format == "JPEG"


def test_a_file_to_standard_output(mien, feed, save):
    out = feed(b"")
    assert mien("recover", save("old.bmp"), "-o", "-").status == 0
    assert Pillow.open(io.BytesIO(out.getvalue())).format == "PNG"


def test_standard_input_to_a_folder(mien, feed, save, tmp_path):
    feed(save("old.jpg").read_bytes())
    assert mien("recover", "-", "-o", tmp_path / "out").status == 0
    assert (tmp_path / "out" / "stdin.png").exists()


def test_empty_standard_input(mien, feed, tmp_path):
    feed(b"")
    ran = mien("recover", "-", "-o", tmp_path / "new.png")
    assert ran.status == 1
    assert ran.err.startswith("standard input: error: ")


def test_what_is_saved_beside(mien, save, tmp_path):
    ran = mien("recover", save("old.jpg"), "-o", tmp_path / "out", "--compare", "--save-faces")
    assert ran.status == 0
    assert read_image(tmp_path / "out" / "old_compare.png").shape == (3, 40, 48 + 8 + 48)
    faces = tmp_path / "out" / "old_faces"
    assert sorted(path.name for path in faces.iterdir()) == [
        "00_crop.png",
        "00_evidence.png",
        "00_recovery.png",
    ]
    evidence = read_photo(faces / "00_evidence.png")
    assert evidence.is_gray
    assert torch.allclose(evidence.image, torch.tensor(128 / 255))
    assert read_image(faces / "00_recovery.png").mean() > read_image(faces / "00_crop.png").mean() + 0.1


def test_nothing_stale_stays_beside_what_is_replaced(mien, save, studio, tmp_path):
    path, (face,) = save("old.png"), studio.faces
    words = ("recover", path, "-o", tmp_path / "out", "--save-faces", "--evidence", "--overwrite")
    faces = tmp_path / "out" / "old_faces"
    studio.faces = [face, face]
    mien(*words)
    own = faces / "1_crop.png", faces / "01_crop.png.txt"
    for file in own:
        file.write_text("mine")
    studio.faces = [face]
    assert mien(*words).status == 0
    kinds = ("crop", "evidence", "recovery")
    assert {file.name for file in faces.iterdir()} == {f"00_{kind}.png" for kind in kinds} | {
        file.name for file in own
    }
    studio.faces = []
    assert mien(*words).status == 0
    assert {*faces.iterdir()} == {*own}
    assert not (tmp_path / "out" / "old_evidence.png").exists()
    own[0].unlink()
    own[1].unlink()
    studio.faces = [face]
    mien(*words)
    studio.faces = []
    mien(*words)
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"old.png"}


def test_nothing_stays_that_is_not_asked_for_any_more(mien, save, tmp_path):
    path, out = save("old.png"), tmp_path / "out"
    words = ("recover", path, "-o", out, "--overwrite")
    mien(*words, "--save-faces", "--evidence", "--compare")
    marked = (out / "old_evidence.png").read_bytes()
    (out / "old_warp.png").write_bytes(marked)
    (out / "old_variant_3.png").write_bytes(marked)
    (out / "old_variant_16.png").write_bytes(marked)  # a sixteenth other answer there never is
    save("out/old_compare.png")  # now a person's own
    mine = (out / "old_compare.png").read_bytes()
    assert mien(*words).status == 0
    assert {file.name for file in out.iterdir()} == {"old.png", "old_compare.png", "old_variant_16.png"}
    assert (out / "old_compare.png").read_bytes() == mine


@pytest.mark.parametrize("files", [("a.png", "a_compare.png"), ("",)])
def test_what_is_of_the_same_run_is_never_stale(mien, save, tmp_path, files):
    """Results of an earlier run may lie among the photos, and have names as if they lay beside them."""
    folder = tmp_path / "in"
    mien("recover", save("in/a.png"), "-o", folder, "--compare", "--overwrite")
    assert len(read_marks((folder / "a_compare.png").read_bytes())) == 1
    words = [folder / file for file in files]
    ran = mien("recover", *words, "-o", folder, "--overwrite")
    assert ran.status == 0, ran.err
    assert len(read_marks((folder / "a_compare.png").read_bytes())) == 2


def test_faces_alone_are_pasted(mien, save, studio, tmp_path, face_at, monkeypatch):
    def left_half(faces, groups):
        half = torch.ones_like(faces[:, :1])
        half[..., faces.shape[-1] // 2 :] = 0
        return half

    monkeypatch.setattr("mien.pipeline.find_parts", left_half)
    path = save("old.png")
    words = ("recover", path, "-o", tmp_path / "new.png", "--report", "-", "--overwrite")
    ran = mien(*words, "--only-face")
    assert ran.status == 0, ran.err
    changed = (read_image(path) != read_image(tmp_path / "new.png")).any(dim=0)
    assert changed[20, 16]
    assert not changed[:, 23:].any()
    monkeypatch.setattr("mien.pipeline.find_parts", lambda faces, groups: 0 * left_half(faces, groups))
    ran = mien(*words, "--only-face")
    assert torch.equal(read_image(path), read_image(tmp_path / "new.png"))
    assert "1 face (0 pasted)" in ran.err
    told = json.loads(ran.out)
    assert told["faces"][0]["pasted"] is False
    assert told["notes"] == ["the face at 8, 8 stays as it was: where its skin is cannot be seen"]
    assert read_marks((tmp_path / "new.png").read_bytes()) == ()
    ran = mien("recover", path, "-o", tmp_path / "crop.png", "--aligned", "--only-face")
    assert ran.status == 2
    assert "--only-face cannot be had with --aligned" in ran.err


def test_comparison_of_an_enlarged_photo(mien, save, tmp_path):
    assert mien("recover", save("old.jpg"), "-o", tmp_path / "out", "--compare", "--scale", "2").status == 0
    assert read_image(tmp_path / "out" / "old_compare.png").shape == (3, 80, 96 + 8 + 96)


def test_options_reach_the_library(mien, save, studio, tmp_path):
    path = save("old.png")
    studio.faces = [studio.faces[0], replace(studio.faces[0], box=torch.tensor([30.0, 20, 40, 30]))]
    options = ("--only-largest", "--fidelity", "1", "--batch-size", "3", "--device", "cpu", "--match-colors")
    ran = mien("recover", path, "-o", tmp_path / "new.png", *options, "--report", "-")
    assert ran.status == 0
    assert studio.asked == [("restore", "cpu"), ("identity", "cpu"), ("detector", "cpu")]
    assert [face["box"] for face in json.loads(ran.out)["faces"]] == [[8, 8, 32, 32]]
    assert (read_image(path) - read_image(tmp_path / "new.png")).abs().max() <= 1 / 255  # fidelity 1


def test_face_crops_are_recovered_as_a_whole(mien, save, studio, tmp_path):
    path = save("crop.png", size=(50, 50))
    assert mien("recover", path, "-o", tmp_path / "new.png", "--aligned").status == 0
    assert studio.asked == [("restore", "auto"), ("identity", "auto")]
    difference = read_image(tmp_path / "new.png") - read_image(path)
    assert difference.shape == (3, 50, 50)
    assert difference.min() > 0.1


def test_a_face_that_does_not_fit_is_not_pasted(mien, save, studio, tmp_path):
    studio.model = replace(studio.model, keeps_pose=False)
    ran = mien("recover", save("old.png"), "-o", tmp_path / "new.png", "--report", "-")
    assert "1 face (0 pasted)" in ran.err
    assert json.loads(ran.out)["faces"][0]["pasted"] is False


def test_quality(mien, save, tmp_path):
    path = save("old.jpg", size=(200, 200))
    for quality in (30, 95):
        mien("recover", path, "-o", tmp_path / f"{quality}.jpg", "--quality", quality)
    assert (tmp_path / "30.jpg").stat().st_size < (tmp_path / "95.jpg").stat().st_size / 2


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_grows_with_the_photo(mien, save, tmp_path, mode):
    path = save("old.png", mode=mode)
    assert mien("recover", path, "-o", tmp_path / "new.png", "--scale", "2").status == 0
    photo = read_photo(tmp_path / "new.png")
    assert photo.alpha is not None
    assert photo.alpha.shape == (1, 80, 96)
    assert photo.is_gray == (mode == "LA")
    assert "no transparency" in mien("recover", path, "-o", tmp_path / "new.jpg").err


def test_a_photo_without_faces_is_copied(mien, save, studio, tmp_path):
    studio.faces = []
    for name in ("a.jpg", "b.png", "c.webp", "d.tif"):
        path = save(name)
        ran = mien("recover", path, "-o", tmp_path / "out")
        assert ran.status == 0
        assert f"{path}: no face found: copied unchanged" in ran.err
        assert (tmp_path / "out" / name).read_bytes() == path.read_bytes()


def test_a_photo_without_faces_in_another_format_or_size(mien, save, studio, tmp_path):
    studio.faces = []
    path = save("a.bmp")
    ran = mien("recover", path, "-o", tmp_path / "out")
    assert "no face found: nothing is changed" in ran.err
    assert torch.equal(read_image(tmp_path / "out" / "a.png"), read_image(path))
    ran = mien("recover", path, "-o", tmp_path / "large.png", "--scale", "4", "--save-faces")
    assert "only enlarged" in ran.err
    assert read_image(tmp_path / "large.png").shape == (3, 160, 192)
    assert not (tmp_path / "large_faces").exists()


def test_a_photo_without_faces_from_standard_input(mien, feed, save, studio):
    studio.faces = []
    content = save("old.webp").read_bytes()
    out = feed(content)
    assert mien("recover", "-").status == 0
    assert out.getvalue() == content


def test_the_real_command_in_a_pipe():
    """The one test through a pipe in another process: what cannot be read is one line and status 1."""
    command = [sys.executable, "-m", "mien", "degrade", "-", "-o", "-"]
    ran = subprocess.run(command, input=b"no picture", capture_output=True, check=False)
    assert ran.returncode == 1
    assert ran.stdout == b""
    assert ran.stderr.startswith(b"standard input: error: not a picture")
    assert ran.stderr.count(b"\n") == 1
