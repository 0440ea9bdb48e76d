"""`mien sample` and `mien convert`: from files to files."""

from pathlib import Path

import pytest
import torch
from PIL import Image as Pillow
from safetensors.torch import load_file, save_file

from mien.cli import convert as command
from mien.image.mark import GENERATED, read_marks, source_type
from mien.models.prior.network import Generator, GeneratorConfig, Widths
from mien.zoo.convert import CONVERSIONS, critic_map

TINY = GeneratorConfig(Widths(16, most=8, budget=64), style_channels=6, num_mapping_layers=2)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "generator.safetensors"
    save_file(Generator(TINY).state_dict(), path)
    return path


def size_of(path: Path) -> tuple[int, int]:
    with Pillow.open(path) as picture:
        return picture.size


def test_a_sheet_of_faces(mien, weights: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    assert mien("sample", "-n", 6, "--weights", weights, "--columns", 3, "-o", sheet).status == 0
    assert size_of(sheet) == (3 * 16 + 2 * 2, 2 * 16 + 2)
    first = sheet.read_bytes()
    assert source_type(first) == GENERATED
    (mark,) = read_marks(first)
    assert (mark.model, mark.num_faces) == ("prior:generator", 6)
    assert "6 faces drawn by mien" in mien("inspect", sheet).out
    refused = mien("sample", "-n", 6, "--weights", weights, "-o", sheet)
    assert refused.status == 2
    assert "exists already" in refused.err
    assert (
        mien("sample", "-n", 6, "--weights", weights, "--columns", 3, "-o", sheet, "--overwrite").status == 0
    )
    assert sheet.read_bytes() == first


def test_the_way_from_face_to_face(mien, weights: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "ways.png"
    assert mien("sample", "-n", 2, "--between", 5, "--weights", weights, "-o", sheet).status == 0
    assert size_of(sheet) == (5 * 16 + 4 * 2, 2 * 16 + 2)


def test_what_cannot_be_drawn_is_said(mien, weights: Path, tmp_path: Path) -> None:
    for words, said in (
        (("--weights", tmp_path / "none"), "no such file"),
        (("--weights", weights, "-o", tmp_path / "sheet.gif"), "cannot be written"),
    ):
        ran = mien("sample", "-o", tmp_path / "sheet.png", *words)
        assert ran.status == 2
        assert said in ran.err
    lacking = mien("sample", "-o", tmp_path / "sheet.png")
    assert (lacking.status, "--weights" in lacking.err, "None" in lacking.err) == (2, True, False)
    save_file({"x": torch.zeros(1)}, weights)
    ran = mien("sample", "--weights", weights, "-o", tmp_path / "sheet.png")
    assert (ran.status, "holds no generator" in ran.err) == (2, True)


def test_a_foreign_file_becomes_one_of_ours(mien, tmp_path: Path) -> None:
    source, target = tmp_path / "d.pth", tmp_path / "new" / "critic.safetensors"
    theirs = {name: torch.zeros(2, 2, 1, 1) for name, _ in critic_map(3).values()}
    torch.save({"d": theirs}, source)
    ran = mien("convert", source, "--as", "stylegan2-critic", "-o", target)
    assert (ran.status, ran.err) == (0, "")
    assert "parameters, written to" in ran.out
    assert set(load_file(target)) == set(critic_map(3))
    assert "exists already" in mien("convert", source, "--as", "stylegan2-critic", "-o", target).err
    ran = mien("convert", source, "--as", "gpen", "-o", tmp_path / "other.safetensors")
    assert (ran.status, "is no gpen" in ran.err) == (2, True)
    assert mien("convert", source, "--as", "gpen", "-o", tmp_path / "other.bin").status == 2


def test_forms_are_the_library_s() -> None:
    assert set(command.FORMS) == set(CONVERSIONS)
