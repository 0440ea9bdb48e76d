"""ONNX: networks as files that any program may run, and by ONNX Runtime here."""

import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from mien.runtime.portable import Inlet, Portable, UnusableRuntimeError, clear_failures, unchecked

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnxruntime import InferenceSession

EXAMPLE_BATCH = 2
"""Other than 1, which an exporter would take for a constant."""


class OnOnnx:
    """A network at work in ONNX Runtime, in float32."""

    def __init__(self, session: "InferenceSession") -> None:
        self.session = session
        self.names = [one.name for one in session.get_inputs()]

    def __call__(self, *inputs: Float[Tensor, "batch _ _ _"]) -> tuple[Float[Tensor, "batch ..."], ...]:
        fed = {
            name: one.float().cpu().contiguous().numpy() for name, one in zip(self.names, inputs, strict=True)
        }
        with failures_of_onnx():
            return tuple(torch.from_numpy(made) for made in self.session.run(None, fed))


def on_onnx(content: bytes | Path) -> OnOnnx:
    """By what is in a file, with as many threads as torch would take."""
    source = str(content) if isinstance(content, Path) else content
    with failures_of_onnx():
        from onnxruntime import (
            InferenceSession,
            SessionOptions,  # pyright: ignore[reportAttributeAccessIssue]
        )

        options = SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3  # errors
        return OnOnnx(InferenceSession(source, options, providers=["CPUExecutionProvider"]))


@contextmanager
def failures_of_onnx() -> Iterator[None]:
    """A network that ONNX Runtime does not take, and an ONNX Runtime that is broken itself."""
    with clear_failures("onnx", (ImportError,)):
        from onnxruntime.capi import (
            onnxruntime_pybind11_state as state,  # pyright: ignore[reportAttributeAccessIssue]
        )
    kinds = (
        state.EPFail,
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NotImplemented,
        state.RuntimeException,
    )
    with clear_failures("onnx", (RuntimeError, *kinds)):
        yield


def onnx_model(portable: Portable, about: Mapping[str, str] | None = None) -> "ModelProto":
    """The network as ONNX has it; any number of pictures at a time.

    `about` goes into the file, beside what its inputs and outputs are.
    """
    with (
        clear_failures("onnx", (torch.onnx.OnnxExporterError, ImportError)),
        torch.no_grad(),
        unchecked(),
        quiet(),
    ):
        program = torch.onnx.export(
            portable.network,
            portable.examples(EXAMPLE_BATCH),
            dynamo=True,
            verbose=False,
            input_names=[inlet.name for inlet in portable.inputs],
            output_names=[outlet.name for outlet in portable.outputs],
            dynamic_shapes=tuple(free_sides(inlet) for inlet in portable.inputs),
        )
    if program is None:
        raise UnusableRuntimeError(f"{portable.name}: torch exported nothing")
    model = program.model_proto
    without_origin(model)
    told = {inlet.name: inlet.meaning for inlet in portable.inputs}
    told |= {outlet.name: outlet.unit for outlet in portable.outputs}
    for key, value in {"model": portable.name, **told, **(about or {})}.items():
        model.metadata_props.add(key=key, value=value)
    return model


@contextmanager
def quiet() -> Iterator[None]:
    """Exporters talk a lot; what goes wrong is an error, and the result is compared."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def free_sides(inlet: Inlet) -> dict[int, torch.export.Dim]:
    """The axes of an input whose length is left open."""
    batch = torch.export.Dim("batch")
    if inlet.is_sized:
        return {0: batch}
    rows, columns = torch.export.Dim("rows"), torch.export.Dim("columns")
    return {0: batch, 2: inlet.unit * rows, 3: inlet.unit * columns}


def without_origin(model: "ModelProto") -> None:
    """Torch notes the lines of source that each step came from, with the folders of this machine."""
    graph = model.graph
    values = (*graph.value_info, *graph.input, *graph.output, *graph.initializer)
    nodes = (*graph.node, *(node for function in model.functions for node in function.node))
    for noted in (model, graph, *values, *nodes, *model.functions):
        noted.ClearField("metadata_props")
        noted.ClearField("doc_string")
