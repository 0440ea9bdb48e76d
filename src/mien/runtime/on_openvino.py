"""OpenVINO: straight from the torch module, compiled for this processor; a fraction of a second a network."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mien.runtime.portable import Portable, clear_failures, unchecked

if TYPE_CHECKING:
    from openvino import CompiledModel, Core, Model

Precision = str
"""`bf16` or `f32`, as OpenVINO names them."""


class OnOpenvino:
    """A network at work in OpenVINO.

    Pictures go through one by one: their features then stay near the processor, which makes that as quick as
    a batch, and a result does not depend on what it shares a batch with.
    """

    def __init__(self, compiled: "CompiledModel") -> None:
        self.compiled = compiled

    def __call__(self, *inputs: Float[Tensor, "batch _ _ _"]) -> tuple[Float[Tensor, "batch ..."], ...]:
        singles = zip(*(one.float().cpu().split(1) for one in inputs), strict=True)
        with failures_of_openvino():
            # a request of its own for each, so that threads may share the network
            made = [
                self.compiled.infer_new_request([one.contiguous().numpy() for one in single])
                for single in singles
            ]
        return tuple(
            torch.cat([torch.from_numpy(answer[port]) for answer in made]) for port in self.compiled.outputs
        )


class Traced(nn.Module):
    """A network whose outputs are a tuple, which the tracer wants."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: Float[Tensor, "batch _ _ _"]) -> tuple[Float[Tensor, "..."], ...]:
        made = self.network(*inputs)
        return tuple(made) if isinstance(made, tuple) else (made,)


def converted(portable: Portable) -> "Model":
    """For one picture at a time, of the size that the portable says."""
    examples = portable.examples(batch=1)
    with torch.no_grad(), unchecked(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sizes become constants, which is what is wanted
        with clear_failures("openvino", (RuntimeError,)):
            traced = torch.jit.trace(Traced(portable.network), examples, check_trace=False)
    with failures_of_openvino():
        # the core of `openvino.convert_model`, in half of its time
        from openvino.frontend import FrontEndManager
        from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

        frontend = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced, example_input=examples)
        model = frontend.convert(frontend.load(decoder))
        model.reshape({index: list(one.shape) for index, one in enumerate(examples)})
        return model


@contextmanager
def failures_of_openvino() -> Iterator[None]:
    """A network that cannot be converted, compiled or run, and an OpenVINO that is broken itself."""
    with clear_failures("openvino", (ImportError,)):
        keep_to_ourselves()
        from openvino import frontend
    kinds = (
        frontend.GeneralFailure,
        frontend.InitializationFailure,
        frontend.NotImplementedFailure,
        frontend.OpConversionFailure,
        frontend.OpValidationFailure,
    )
    with clear_failures("openvino", (RuntimeError, TypeError, ValueError, *kinds)):
        yield


def keep_to_ourselves() -> None:
    """OpenVINO tells its makers over the network that it is used, with a package made for that."""
    if "openvino" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # pyright: ignore[reportArgumentType]


@cache
def core() -> "Core":
    """One, as long as the process lives.

    Its plugin gives signals a stack of its own; once it is gone, the next Ctrl-C would end in a crash.
    """
    from openvino import Core

    return Core()


def compiled(model: "Model", precision: Precision) -> OnOpenvino:
    """With as many threads as torch would take."""
    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": str(torch.get_num_threads()),
        "PERFORMANCE_HINT": "LATENCY",
    }
    with failures_of_openvino():
        return OnOpenvino(core().compile_model(model, "CPU", settings))


def precisions() -> tuple[Precision, ...]:
    """What this processor is quick in, quickest first."""
    with failures_of_openvino():
        able = core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ("bf16", "f32") if "BF16" in able else ("f32",)
