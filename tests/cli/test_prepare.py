"""`mien prepare`: a face per photo, none twice, in one process or several."""

import subprocess
import sys

import pytest
from PIL import Image as Pillow

from mien.image.io import read_image


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in" / "anna").mkdir(parents=True)
    for name in ("anna/a.jpg", "b.png"):
        Pillow.radial_gradient("L").resize((96, 80)).convert("RGB").save(tmp_path / "in" / name)
    return tmp_path / "in"


def test_a_tree_of_faces(mien, studio, folder, face_at, tmp_path):
    studio.faces = [face_at(8, 8, 20), face_at(30, 20, 40)]
    ran = mien("prepare", folder, "-o", tmp_path / "out", "--size", 64)
    assert ran.status == 0, ran.err
    faces = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.png"))
    assert faces == ["anna/a.png", "b.png"]
    assert read_image(tmp_path / "out" / "b.png").shape == (3, 64, 64)


def test_the_model_has_its_say(mien, studio, folder, face_at, tmp_path):
    studio.faces = [face_at(30, 20, 40)]
    mien("prepare", folder / "b.png", "-o", tmp_path / "recovered")
    mien("prepare", folder / "b.png", "-o", tmp_path / "plain", "--model", "none")
    recovered, plain = (read_image(tmp_path / name / "b.png") for name in ("recovered", "plain"))
    assert 0.1 < float((recovered - plain).mean()) < 0.25


def test_what_is_there_is_passed_over(mien, studio, folder, face_at, tmp_path):
    studio.faces = [face_at(30, 20, 40)]
    mien("prepare", folder, "-o", tmp_path / "out")
    (tmp_path / "out" / "b.png").write_text("mine")
    ran = mien("prepare", folder, "-o", tmp_path / "out")
    assert ran.status == 0
    assert "2 of 2 are there already" in ran.err
    assert (tmp_path / "out" / "b.png").read_text() == "mine"
    mien("prepare", folder, "-o", tmp_path / "out", "--overwrite")
    assert read_image(tmp_path / "out" / "b.png").shape == (3, 112, 112)


def test_a_photo_without_a_face_is_named(mien, studio, folder, tmp_path):
    studio.faces = []
    ran = mien("prepare", folder, "-o", tmp_path / "out")
    assert ran.status == 1
    assert f"{folder / 'b.png'}: error: no face was found" in ran.err
    assert not list((tmp_path / "out").rglob("*.png"))


def test_weights_of_ones_own_prepare_too(mien, studio, folder, face_at, tmp_path):
    studio.faces = [face_at(30, 20, 40)]
    ran = mien("prepare", folder, "-o", tmp_path / "out", "--model", "frontal:mine.safetensors")
    assert ran.status == 0, ran.err
    assert studio.asked[0][0] == "frontal:mine.safetensors"


@pytest.mark.parametrize(
    ("model", "said"),
    [("guided", "--reference"), ("guided:mine.safetensors", "--reference"), ("frontal", "invalid choice")],
)
def test_what_a_photo_alone_cannot_be_prepared_by(mien, folder, tmp_path, model, said):
    ran = mien("prepare", folder, "-o", tmp_path / "out", "--model", model)
    assert ran.status == 2
    assert said in ran.err
    assert not (tmp_path / "out").exists()


def test_out_must_be_a_folder(mien, folder, tmp_path):
    (tmp_path / "out.png").write_text("")
    assert mien("prepare", folder, "-o", tmp_path / "out.png").status == 2


@pytest.mark.slow
def test_several_processes_find_the_same_faces(tmp_path):
    command = [sys.executable, "-m", "mien", "prepare", "examples/astronaut.jpg", "examples/damaged.jpg"]
    words = ["-o", str(tmp_path), "--model", "none", "--workers", "2"]
    ran = subprocess.run([*command, *words], check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"astronaut.png", "damaged.png"}
