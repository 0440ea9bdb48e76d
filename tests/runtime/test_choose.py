import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from onnx import ModelProto
from torch import nn

from mien.runtime import choose
from mien.runtime.choose import InexactRuntimeError, MissingRuntimeError, start
from mien.runtime.on_onnx import on_onnx, onnx_model
from mien.runtime.on_openvino import OnOpenvino, compiled, converted
from mien.runtime.portable import Inlet, Outlet, Portable, UnusableRuntimeError, compared


@pytest.fixture(scope="module")
def exported(tiny: Portable) -> ModelProto:
    return onnx_model(tiny, {"made by": "a test"})


def test_openvino_agrees_with_torch_whatever_the_batch(tiny: Portable) -> None:
    run = start(tiny, "openvino")
    assert isinstance(run, OnOpenvino)
    assert sys.modules["openvino_telemetry"] is None, "nobody is told that somebody uses mien"
    for batch in (1, 3):
        assert all(found.is_within for found in compared(tiny, run, batch))


def test_signals_can_still_be_caught_once_networks_are_gone() -> None:
    """In a process of its own: where they cannot, it dies."""
    lines = (
        "import gc, signal",
        "from mien.runtime.on_openvino import precisions",
        "precisions()",
        "gc.collect()",
        "caught = []",
        "signal.signal(signal.SIGTERM, lambda number, frame: caught.append(number))",
        "signal.raise_signal(signal.SIGTERM)",
        "assert caught",
    )
    done = subprocess.run([sys.executable, "-c", chr(10).join(lines)], timeout=100)
    assert done.returncode == 0


@pytest.mark.slow
def test_onnx_agrees_with_torch_whatever_the_batch(tiny: Portable, exported: ModelProto) -> None:
    run = on_onnx(exported.SerializeToString())
    for batch in (1, 3):
        assert all(found.mean < 1e-3 for found in compared(tiny, run, batch))


def test_torch_is_left_to_the_family(tiny: Portable) -> None:
    assert start(tiny, "torch") is None


def test_openvino_gives_the_same_bytes_in_any_batch(tiny: Portable) -> None:
    run = compiled(converted(tiny), "f32")
    pictures = tiny.examples(3)
    together = run(*pictures)
    alone = run(*(one[1:2] for one in pictures))
    assert all(torch.equal(whole[1:2], part) for whole, part in zip(together, alone, strict=True))


def test_the_default_is_the_first_that_is_installed(tiny: Portable, monkeypatch: pytest.MonkeyPatch) -> None:
    def quick(*inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return inputs

    def other(*inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return inputs

    monkeypatch.setattr(choose, "quickest_first", lambda: ("openvino", "onnx", "torch"))
    starters = {"openvino": lambda _: quick, "onnx": lambda _: other, "torch": lambda _: None}
    monkeypatch.setattr(choose, "STARTERS", starters)
    assert start(tiny, "auto") is quick
    monkeypatch.setattr(choose, "is_installed", lambda name: name != "openvino")
    assert start(tiny, "auto") is other
    monkeypatch.setattr(choose, "is_installed", lambda name: name == "torch")
    assert start(tiny, "auto") is None


def test_what_is_missing_is_named_with_what_installs_it(
    tiny: Portable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "is_installed", lambda name: False)
    with pytest.raises(MissingRuntimeError, match=r"pip install 'mien\[openvino\]'"):
        start(tiny, "openvino")
    with pytest.raises(MissingRuntimeError, match=r"pip install 'mien\[export\]'"):
        start(tiny, "onnx")


def test_what_is_too_far_off_is_refused_by_name_and_passed_over_else(
    tiny: Portable, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = replace(tiny, outputs=tuple(replace(one, bound=-1.0) for one in tiny.outputs))
    with pytest.raises(InexactRuntimeError, match="tiny by openvino differs from torch: image"):
        start(strict, "openvino")
    monkeypatch.setattr(choose, "quickest_first", lambda: ("openvino", "torch"))
    assert start(strict, "auto") is None


class Odd(nn.Module):
    """With a function that OpenVINO does not know."""

    def forward(self, one: torch.Tensor) -> torch.Tensor:
        return torch.special.bessel_j0(one)


def test_a_network_that_a_runtime_does_not_know_is_refused_by_name_and_passed_over_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    odd = Portable("odd", Odd(), (Inlet("one", (8, 8), low=0.0),), (Outlet("out", "plain", 1.0, 1.0),))
    with pytest.raises(UnusableRuntimeError, match="openvino cannot run this network") as refused:
        start(odd, "openvino")
    assert str(refused.value).isprintable()
    monkeypatch.setattr(choose, "quickest_first", lambda: ("openvino", "torch"))
    assert start(odd, "auto") is None


def test_what_onnx_runtime_and_the_exporter_cannot_do_is_one_line(
    tiny: Portable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*asked: object, **how: object) -> None:
        raise torch.onnx.OnnxExporterError("step \x1b[96m3\x1b[0m\nfailed")

    with pytest.raises(UnusableRuntimeError, match="onnx cannot run this network"):
        on_onnx(b"no network")
    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(UnusableRuntimeError, match=r"\(OnnxExporterError: step 3 failed\)$"):
        start(tiny, "onnx")


@pytest.mark.slow
def test_a_file_says_what_it_is_and_not_where_it_was_made(exported: ModelProto) -> None:
    model = exported
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert said["model"] == "tiny"
    assert said["one"] == "RGB from -1 to 1, batch x 3 x height x width, 8 x 16"
    assert said["made by"] == "a test"
    assert [one.name for one in model.graph.input] == ["one", "other"]
    assert [one.name for one in model.graph.output] == ["image", "mean"]
    assert "conftest" not in str(model)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
