import pytest
import torch

from mien.cli import export
from mien.cli.main import main
from mien.models.restore.network import RestoreConfig, RestoreNetwork
from mien.runtime.portable import Portable, UnusableRuntimeError
from mien.zoo.portable import face, picture

SIDE = 16


@pytest.fixture
def tiny(monkeypatch):
    config = RestoreConfig(SIDE, 2, (4, 6), (1, 1), (4,), 1, skips=True, residual=True)
    portable = Portable(
        "restore", RestoreNetwork(config).eval(), (face("damaged", SIDE),), (picture("image"),)
    )
    monkeypatch.setattr(export, "load_portable", lambda name: portable)


@pytest.mark.slow
def test_a_file_is_written_and_said_how_exact_it_is(tiny, tmp_path, capsys):
    path = tmp_path / "deep" / "restore.onnx"
    assert main(["export", "restore", "-o", str(path)]) == 0
    said = capsys.readouterr().out
    assert "restore: image 0.0000 grey levels on average" in said
    assert f"written to {path}" in said
    from onnxruntime import InferenceSession

    session = InferenceSession(path)
    assert session.run(None, {"damaged": torch.zeros(2, 3, SIDE, SIDE).numpy()})[0].shape == (
        2,
        3,
        SIDE,
        SIDE,
    )
    assert main(["export", "restore", "-o", str(path)]) == 2
    assert "--overwrite" in capsys.readouterr().err


@pytest.mark.slow
def test_what_is_too_far_off_is_not_written(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("mien.runtime.portable.Difference.is_within", False)
    assert main(["export", "restore", "-o", str(tmp_path / "restore.onnx")]) == 1
    assert "too far from PyTorch" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_network_that_cannot_be_converted_is_told_in_one_line(tiny, tmp_path, capsys, monkeypatch):
    def refuse(portable, metadata):
        raise UnusableRuntimeError("onnx does not take restore: no such operator")

    monkeypatch.setattr("mien.runtime.on_onnx.onnx_model", refuse)
    monkeypatch.setattr(export, "find_spec", lambda package: package)
    assert main(["export", "restore", "-o", str(tmp_path / "restore.onnx")]) == 2
    assert "onnx does not take restore" in capsys.readouterr().err


@pytest.mark.slow
def test_nan_in_one_batch_is_too_far_off(tiny, tmp_path, capsys, monkeypatch):
    onnx = pytest.importorskip("onnx")

    class Running:
        def __call__(self, damaged):
            return (torch.full_like(damaged, 0.0 if len(damaged) == 1 else torch.nan),)

    monkeypatch.setattr("mien.runtime.on_onnx.onnx_model", lambda portable, about: onnx.ModelProto())
    monkeypatch.setattr("mien.runtime.on_onnx.on_onnx", lambda content: Running())
    assert main(["export", "restore", "-o", str(tmp_path / "restore.onnx")]) == 1
    assert "image nan grey levels" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["restore", "-o", "restore.pt"], "does not end in .onnx"),
        (["guided:missing.safetensors", "-o", "x.onnx"], "missing.safetensors"),
        (["nobody", "-o", "x.onnx"], "invalid choice"),
        (["complete", "-o", "x.onnx"], "several networks"),
    ],
)
def test_wrong_usage(words, complaint, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        status = main(["export", *words])
    except SystemExit as ending:
        status = ending.code
    assert status == 2
    assert complaint in capsys.readouterr().err


def test_the_missing_extra_is_named(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    assert main(["export", "restore", "-o", str(tmp_path / "x.onnx")]) == 2
    assert "pip install 'mien[export]'" in capsys.readouterr().err
