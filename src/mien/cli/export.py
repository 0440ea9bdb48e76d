"""`mien export`: a model's network as a file that other programs run."""

import argparse
import math
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mien.cli.arguments import (
    EXIT_DONE,
    EXIT_FAILED,
    MODEL_FILES,
    MODELS,
    PORTABLE_PARTS,
    UsageError,
    make_parser,
    model_name,
)
from mien.cli.inputs import one_line, reason

if TYPE_CHECKING:
    from mien.runtime.portable import Difference, Portable

SEVERAL = "complete"
"""Is two networks, each of which can be exported."""
NAMES = [name for name in MODELS if name != SEVERAL]
FILES = [f"{kind}:FILE" for kind in MODEL_FILES if kind not in (SEVERAL, "spandrel")]

NOTES = f"""
MODEL is {", ".join(NAMES)}, {", ".join(FILES)},
or one of the networks behind the scenes: {", ".join(PORTABLE_PARTS)}.

The file takes any number of pictures at a time; the detector's also any size whose sides are multiples of
64. What its inputs and outputs are stands in its metadata. Before it is written it is run by ONNX Runtime
on made pictures, one and several at a time, and compared with PyTorch in float32.

  mien export restore -o restore.onnx
"""
BATCHES = (1, 3)


class ExportArguments(argparse.Namespace):
    """What `mien export` was asked for."""

    model: str
    out: Path
    overwrite: bool


def make_export_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = make_parser("export", "Write a model's network as an ONNX file.", NOTES)
    parser.add_argument("model", type=portable_name, metavar="MODEL", help="which network")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE.onnx", help="where it goes")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    return parser


def portable_name(text: str) -> str:
    """A model, or a network behind the scenes."""
    return text if text in PORTABLE_PARTS else model_name(text)


def run(words: list[str]) -> int:
    """Export, compare, say how exact it is, and write."""
    asked = make_export_parser().parse_args(words, ExportArguments())
    name = one_line(str(asked.out))
    if asked.out.suffix != ".onnx":
        raise UsageError(f"{name} does not end in .onnx")
    if asked.out.exists() and not asked.overwrite:
        raise UsageError(f"{name} exists already; --overwrite replaces it")
    missing = [package for package in ("onnx", "onnxscript", "onnxruntime") if find_spec(package) is None]
    if missing:
        raise UsageError("exporting needs further packages: pip install 'mien[export]'")
    portable = load_portable(asked.model)
    content, found = exported(portable)
    for difference in found:
        print(f"{asked.model}: {difference}")
    if not all(difference.is_within for difference in found):
        print(f"mien export: error: {asked.model} is too far from PyTorch: not written", file=sys.stderr)
        return EXIT_FAILED
    return put(content, asked.out)


def load_portable(name: str) -> "Portable":
    """A network with its weights; what cannot be had is an error of one line."""
    from mien.zoo import portable as zoo
    from mien.zoo.load import load

    try:
        if name in PORTABLE_PARTS:
            return zoo.PORTABLE_PARTS[name]()
        return zoo.portable_of(name, load(name, "cpu"))
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from error


def exported(portable: "Portable") -> tuple[bytes, tuple["Difference", ...]]:
    """A file's content, and for each output the largest difference of all batches."""
    from importlib.metadata import version

    from mien.runtime.on_onnx import on_onnx, onnx_model
    from mien.runtime.portable import UnusableRuntimeError, compared

    try:
        content = onnx_model(portable, {"made by": f"mien {version('mien')}"}).SerializeToString()
        running = on_onnx(content)
        each = [compared(portable, running, batch) for batch in BATCHES]
    except UnusableRuntimeError as error:
        raise UsageError(str(error)) from error
    return content, tuple(max(of_one, key=distance) for of_one in zip(*each, strict=True))


def distance(difference: "Difference") -> float:
    """To find the largest by: NaN is farther off than everything."""
    return math.inf if math.isnan(difference.mean) else difference.mean


def put(content: bytes, out: Path) -> int:
    """The file, and a line on it."""
    from mien.image.io import ImageError, write_bytes

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(out, content)
    except OSError as error:
        raise UsageError(f"cannot write {one_line(str(out))}: {reason(error)}") from error
    except ImageError as error:
        raise UsageError(str(error)) from error
    print(f"written to {one_line(str(out))}, {len(content) / 1e6:.1f} MB")
    return EXIT_DONE
