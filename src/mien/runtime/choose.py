"""Who runs a network: torch, ONNX Runtime or OpenVINO, and which of them is the quickest that may."""

import logging
from collections.abc import Callable
from importlib.util import find_spec
from typing import Literal, get_args

import torch

from mien.runtime.on_onnx import on_onnx, onnx_model
from mien.runtime.on_openvino import compiled, converted, precisions
from mien.runtime.portable import Difference, Portable, UnusableRuntimeError, compared
from mien.types import RunNetwork

logger = logging.getLogger(__name__)
Runtime = Literal["auto", "torch", "onnx", "openvino"]
PACKAGES = {"onnx": ("onnx", "onnxscript", "onnxruntime"), "openvino": ("openvino",)}
EXTRAS = {"onnx": "export", "openvino": "openvino"}
"""What brings the packages."""


class MissingRuntimeError(ValueError):
    """A runtime that is not installed, or cannot be used here."""


class InexactRuntimeError(ValueError):
    """A runtime whose results are too far from torch's."""


def start(portable: Portable, runtime: Runtime) -> RunNetwork | None:
    """A network at work; None is torch, as the model's family has it.

    `auto` is the quickest that is installed, takes the network and differs on average by no more than its
    outputs may: one grey level, for pictures.
    """
    if runtime not in get_args(Runtime):
        raise ValueError(f"there is no runtime {runtime!r}; there is {', '.join(get_args(Runtime))}")
    if runtime != "auto":
        require(runtime)
        return STARTERS[runtime](portable)
    for name in quickest_first():
        if is_installed(name):
            try:
                return STARTERS[name](portable)
            except (InexactRuntimeError, UnusableRuntimeError) as error:
                logger.info("%s is passed over: %s", name, error)
    return None


def quickest_first() -> tuple[Runtime, ...]:
    """As docs/speed.md has it; torch is quick where the processor knows bfloat16."""
    knows_bfloat16 = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return ("openvino", "torch") if knows_bfloat16 else ("openvino", "onnx", "torch")


def is_installed(runtime: Runtime) -> bool:
    return all(find_spec(package) is not None for package in PACKAGES.get(runtime, ()))


def require(runtime: Runtime) -> None:
    """Say in one line what is missing."""
    if not is_installed(runtime):
        raise MissingRuntimeError(f"{runtime} needs further packages: pip install 'mien[{EXTRAS[runtime]}]'")


def start_onnx(portable: Portable) -> RunNetwork:
    """In float32; exported anew in every process, which takes seconds."""
    run = on_onnx(onnx_model(portable).SerializeToString())
    refuse_inexact(portable, "onnx", compared(portable, run, batch=1))
    return run


def start_openvino(portable: Portable) -> RunNetwork:
    """In bfloat16 where that is quick and exact enough, else in float32."""
    model = converted(portable)
    found: tuple[Difference, ...] = ()
    for precision in precisions():
        run = compiled(model, precision)
        found = compared(portable, run, batch=1)
        if all(one.is_within for one in found):
            return run
    refuse_inexact(portable, "openvino", found)
    raise MissingRuntimeError("OpenVINO knows no precision that networks could be run in")


def refuse_inexact(portable: Portable, runtime: Runtime, found: tuple[Difference, ...]) -> None:
    bad = "; ".join(str(one) for one in found if not one.is_within)
    if bad:
        raise InexactRuntimeError(f"{portable.name} by {runtime} differs from torch: {bad}")


STARTERS: dict[Runtime, Callable[[Portable], RunNetwork | None]] = {
    "torch": lambda portable: None,
    "onnx": start_onnx,
    "openvino": start_openvino,
}
