"""`mien degrade`: the same bytes for the same seed, whatever lies beside a picture."""

import pytest
import torch
from PIL import Image as Pillow

from mien.degrade.chain import PROFILES
from mien.degrade.exact import degrade_exact, picture_seed
from mien.image.io import read_image, read_photo


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in" / "b").mkdir(parents=True)
    for name in ("a.jpg", "b/c.png"):
        Pillow.radial_gradient("L").resize((40, 32)).convert("RGB").save(tmp_path / "in" / name)
    return tmp_path / "in"


def written(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}


def test_a_tree_as_png_and_the_same_again(mien, folder, tmp_path):
    for out in ("one", "two"):
        assert mien("degrade", folder, "-o", tmp_path / out, "--profile", "mmrb", "--seed", 3).status == 0
    assert set(written(tmp_path / "one")) == {"a.png", "b/c.png"}
    assert written(tmp_path / "one") == written(tmp_path / "two")
    mien("degrade", folder, "-o", tmp_path / "other", "--profile", "mmrb", "--seed", 4)
    assert written(tmp_path / "other") != written(tmp_path / "one")


def test_a_picture_alone_gets_what_it_gets_among_others(mien, folder, tmp_path):
    mien("degrade", folder, "-o", tmp_path / "all", "--seed", 3)
    mien("degrade", folder / "a.jpg", "-o", tmp_path / "alone.png", "--seed", 3)
    assert (tmp_path / "alone.png").read_bytes() == (tmp_path / "all" / "a.png").read_bytes()


def test_nothing_is_lost_beside_the_damage(mien, folder, tmp_path):
    assert mien("degrade", folder / "a.jpg", "-o", tmp_path / "new.png", "--seed", 5).status == 0
    truth = degrade_exact(read_image(folder / "a.jpg"), PROFILES["gfrnet"], picture_seed(5, "a.jpg"))
    assert torch.equal(read_image(tmp_path / "new.png"), truth)


def test_a_gray_picture_may_get_coloured_noise(mien, tmp_path):
    Pillow.radial_gradient("L").resize((32, 32)).save(tmp_path / "gray.png")
    assert mien("degrade", tmp_path / "gray.png", "-o", tmp_path / "new.png", "--profile", "mdfr").status == 0
    assert not read_photo(tmp_path / "new.png").is_gray


def test_bad_input(mien, folder, tmp_path):
    (folder / "text.png").write_text("no picture")
    ran = mien("degrade", folder, "-o", tmp_path / "out")
    assert ran.status == 1
    assert f"{folder / 'text.png'}: error: not a picture" in ran.err
    assert set(written(tmp_path / "out")) == {"a.png", "b/c.png"}
    ran = mien("degrade", folder / "a.jpg", "-o", folder / "a.jpg")
    assert ran.status == 1
    assert "is the input itself" in ran.err
