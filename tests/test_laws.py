"""The laws of the house (ARCHITECTURE.md), read off the source; nothing of mien is imported here.

A law takes a path below src/ and the source there, and returns what breaks it. Every
law also has made-up sources that break it, so that none can pass by looking nowhere.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src"

MAY_IMPORT = {
    "types": "",
    "layers": "",
    "image": "types",
    "degrade": "types image",
    "geometry": "types image layers",
    "faces": "types image layers",
    "losses": "types layers geometry",
    "metrics": "types image geometry",
    "train": "types",
    "models.network": "types layers",
    "models.use": "types layers image geometry faces",
    "models.objective": "types geometry losses models.network",
    "runtime": "types",
    "zoo": "types geometry faces runtime models.network models.use",
    "data": "types image degrade geometry",
    "recipes": "types image degrade geometry data losses metrics zoo train"
    " models.network models.use models.objective",
    "evaluate": "types image geometry faces data degrade metrics zoo pipeline",
    "describe": "types image geometry zoo",
    "pipeline": "types image faces geometry zoo",
    "video": "types image faces zoo pipeline",
    "archive": "types image faces zoo pipeline describe",
    "cli": "mien types image degrade geometry faces layers losses metrics train data recipes"
    " runtime zoo evaluate pipeline describe video archive web models.network models.use models.objective",
    "web": "types image zoo pipeline describe",
    "mien": "types image faces zoo pipeline",
    "__main__": "cli",
}
"""Besides itself. "mien" is its __init__; how a family is used sees the network of its own family only."""

ROLES = {
    "network": "network",
    "codec": "network",
    "critic": "network",
    "recover": "use",
    "sample": "use",
    "find": "use",
    "embed": "use",
    "look": "use",
    "read": "use",
    "parse": "use",
    "measure": "use",
    "see": "use",
    "objective": "objective",
}
"""What a file in a family's folder is for: what it is, how it is used, how it learns."""

BORROWED = {("frontal", "restore")}
"""Families whose networks are built of another family's: FFN is an FRN with a way in for poses."""

DEPENDENCIES = {"torch", "numpy", "PIL", "safetensors", "jaxtyping", "rich", "_typeshed"}
"""_typeshed exists for the type checker alone."""
EXTRAS = {
    "lightning_fabric": {"train"},
    "matplotlib": {"train"},
    "scipy": {"geometry", "metrics"},
    "numba": {"geometry"},
    "h5py": {"geometry"},
    "spandrel": {"zoo"},
    "onnx": {"runtime"},
    "onnxruntime": {"runtime"},
    "openvino": {"runtime"},
    "av": {"video"},
    "ray": {"archive"},
    "gradio": {"web"},
    "fastapi": {"web"},
    "starlette": {"web"},
    "uvicorn": {"web"},
}
HEAVY = {"torch", "numpy", "PIL", "safetensors", *EXTRAS}
UNSAFE = {"torch.load", "pickle.load", "pickle.loads"}
SHAPED = {"Float", "Int", "Bool", "UInt8", "Shaped"}

PUBLIC = {
    "ZOO",
    "Crop",
    "Detection",
    "Face",
    "RecoverOptions",
    "Recovery",
    "Result",
    "detect_faces",
    "find_faces",
    "identity",
    "load",
    "read_face",
    "read_image",
    "recover",
    "recover_aligned",
    "write_image",
}

MAX_PUBLIC = 16
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

Violations = Iterator[str]


# --- reading a source


@cache
def nodes(source: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(source)))


def functions(source: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in nodes(source) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def imports(source: str) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    """Every imported module or name as one dotted path."""
    for node in nodes(source):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def word(node: ast.AST | None) -> str:
    """The last word of `name` or `some.name`."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def words(node: ast.AST) -> set[str]:
    return {word(inner) for inner in ast.walk(node)}


def is_call(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and word(node.func) == name


def says(node: ast.AST, keyword: str) -> bool:
    """Whether a call has `keyword=True`."""
    given = node.keywords if isinstance(node, ast.Call) else []
    return any(k.arg == keyword and isinstance(k.value, ast.Constant) and k.value.value for k in given)


def place(name: str) -> tuple[str, str]:
    """The part of mien where a module or name lives, and its family if it is in one."""
    _, first, second, third, *_ = [*name.split("."), "", "", ""]
    if first == "models":
        return f"models.{ROLES.get(third, third)}", second
    return (first, "") if first in MAY_IMPORT else ("mien", "")


def dotted(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


# --- the laws


def imports_point_down(path: str, source: str) -> Violations:
    here, family = place(dotted(path))
    if here.startswith("models.") and here not in MAY_IMPORT and not path.endswith("__init__.py"):
        yield f"a family's file is one of {', '.join(ROLES)}"
    if here == "mien" and path != "mien/__init__.py":
        yield "a part that the table does not know"
    allowed = MAY_IMPORT.get(here, "").split()
    for node, name in imports(source):
        there, other_family = place(name)
        is_known = family == other_family or (family, other_family) in BORROWED
        is_own = here in MAY_IMPORT and is_known and there in {here, "models.network"}
        if name.split(".")[0] == "mien" and not is_own and there not in allowed:
            yield f"{node.lineno}: {here} imports {name}"


def imports_are_absolute_and_named(path: str, source: str) -> Violations:
    for node in nodes(source):
        if isinstance(node, ast.ImportFrom) and (
            node.level > 0 or node.module == "__future__" or node.names[0].name == "*"
        ):
            yield f"{node.lineno}: {ast.unparse(node)}"


def dependencies_are_few(path: str, source: str) -> Violations:
    here, _ = place(dotted(path))
    known = DEPENDENCIES | {package for package, parts in EXTRAS.items() if here in parts}
    for node, name in imports(source):
        if name.split(".")[0] not in {"mien", *sys.stdlib_module_names, *known}:
            yield f"{node.lineno}: {name}"


def command_starts_light(path: str, source: str) -> Violations:
    at_once = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    for node, name in imports(source):
        is_at_once = node.lineno in {other.lineno for other in at_once}
        if path == "mien/cli/main.py" and is_at_once and name.split(".")[0] in HEAVY:
            yield f"{node.lineno}: {name} at the top"


def files_are_short(path: str, source: str) -> Violations:
    num_lines = len(source.splitlines())
    if num_lines > MAX_FILE_LINES:
        yield f"{num_lines} lines"


def functions_are_short(path: str, source: str) -> Violations:
    for function in functions(source):
        num_lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if num_lines > MAX_FUNCTION_LINES:
            yield f"{function.lineno}: {function.name} has {num_lines} lines"


def library_does_not_print(path: str, source: str) -> Violations:
    for node in nodes(source):
        if is_call(node, "print") and not path.startswith("mien/cli/"):
            yield ast.unparse(node)


def errors_are_named(path: str, source: str) -> Violations:
    everything = {"Exception", "BaseException"}
    for node in nodes(source):
        if isinstance(node, ast.ExceptHandler) and (node.type is None or words(node.type) & everything):
            yield f"{node.lineno}: catches everything"
        if is_call(node, "suppress") and words(node) & everything:
            yield ast.unparse(node)


def signatures_are_closed(path: str, source: str) -> Violations:
    for node in nodes(source):
        if isinstance(node, ast.arguments) and node.kwarg:
            yield f"{node.kwarg.lineno}: **{node.kwarg.arg}"


def types_are_known(path: str, source: str) -> Violations:
    for node in nodes(source):
        if isinstance(node, ast.Name | ast.Attribute) and word(node) == "Any":
            yield f"{node.lineno}: Any"
    for node, name in imports(source):
        if name == "typing.Any":
            yield f"{node.lineno}: {name}"


def forward_has_shapes(path: str, source: str) -> Violations:
    is_network = place(dotted(path))[0] in {"layers", "models.network"}
    for function in functions(source):
        arguments = [*function.args.args, *function.args.kwonlyargs][1:]
        annotations = [*(argument.annotation for argument in arguments), function.returns]
        if is_network and function.name == "forward" and any(lacks_shape(a) for a in annotations):
            yield f"{function.lineno}: {ast.unparse(function.args)}"


def lacks_shape(annotation: ast.AST | None) -> bool:
    """Whether there is none, or a `Tensor` stands elsewhere than in `Float[Tensor, "..."]` or its like."""
    if annotation is None:
        return True
    if isinstance(annotation, ast.Subscript) and word(annotation.value) in SHAPED:
        return False
    return word(annotation) == "Tensor" or any(map(lacks_shape, ast.iter_child_nodes(annotation)))


def data_is_frozen(path: str, source: str) -> Violations:
    for node in nodes(source):
        for decorator in node.decorator_list if isinstance(node, ast.ClassDef) else []:
            if "dataclass" in words(decorator) and not says(decorator, "frozen"):
                yield f"{decorator.lineno}: @{ast.unparse(decorator)}"


def globals_stay(path: str, source: str) -> Violations:
    for node in nodes(source):
        if isinstance(node, ast.Global):
            yield f"{node.lineno}: {ast.unparse(node)}"


def nothing_is_unfinished(path: str, source: str) -> Violations:
    for mark in re.finditer(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", source):
        yield mark[0]


def weights_are_not_trusted(path: str, source: str) -> Violations:
    for node in nodes(source):
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        is_checked = called == "torch.load" and says(node, "weights_only")
        if called in UNSAFE and not is_checked:
            yield ast.unparse(node)
    for _, name in imports(source):
        if name in UNSAFE:
            yield f"{name} under a name that is not watched"


def public_names_are_listed(path: str, source: str) -> Violations:
    listed = []
    for node in nodes(source):
        if isinstance(node, ast.Assign) and word(node.targets[0]) == "__all__":
            listed = ast.literal_eval(node.value)
    if path == "mien/__init__.py" and (set(listed) != PUBLIC or len(listed) > MAX_PUBLIC):
        yield f"not the names expected: {sorted(PUBLIC.symmetric_difference(listed))}"


# --- that they hold, and that they can fail

SOURCES = {str(file.relative_to(SRC)): file.read_text() for file in sorted(SRC.glob("mien/**/*.py"))}

LINE = "    x = 1\n"

BREACHES = [
    (imports_point_down, "mien/image/io.py", "from mien.faces.align import align"),
    (imports_point_down, "mien/layers/conv.py", "import mien.types"),
    (imports_point_down, "mien/zoo/load.py", "def f():\n    from mien import recipes"),
    (imports_point_down, "mien/pipeline.py", "from mien import recover"),
    (imports_point_down, "mien/models/restore/network.py", "from mien.models.restore.recover import Restore"),
    (imports_point_down, "mien/models/restore/recover.py", "from mien.models.prior.network import Prior"),
    (imports_point_down, "mien/models/restore/recover.py", "from mien.models.restore import objective"),
    (imports_point_down, "mien/models/restore/helpers.py", ""),
    (imports_point_down, "mien/utils/strings.py", ""),
    (imports_point_down, "mien/models/restore/__init__.py", "from mien.models.restore.network import Net"),
    (imports_are_absolute_and_named, "mien/image/io.py", "from . import resize"),
    (imports_are_absolute_and_named, "mien/image/io.py", "from mien.types import *"),
    (imports_are_absolute_and_named, "mien/image/io.py", "from __future__ import annotations"),
    (dependencies_are_few, "mien/image/io.py", "import torchvision.io"),
    (dependencies_are_few, "mien/image/io.py", "def f():\n    from cv2 import imread"),
    (dependencies_are_few, "mien/image/io.py", "from lightning_fabric import Fabric"),
    (command_starts_light, "mien/cli/main.py", "import torch"),
    (command_starts_light, "mien/cli/main.py", "from PIL import Image"),
    (files_are_short, "mien/image/io.py", "\n" * 401),
    (functions_are_short, "mien/image/io.py", "def f():\n" + LINE * 60),
    (functions_are_short, "mien/image/io.py", "class C:\n  async def f():\n" + LINE * 60),
    (library_does_not_print, "mien/image/io.py", "def f():\n    print('hello')"),
    (errors_are_named, "mien/image/io.py", "try:\n    f()\nexcept:\n    pass"),
    (errors_are_named, "mien/image/io.py", "try:\n    f()\nexcept (OSError, Exception) as error:\n    raise"),
    (errors_are_named, "mien/image/io.py", "with contextlib.suppress(Exception):\n    f()"),
    (signatures_are_closed, "mien/image/io.py", "def f(**options): ..."),
    (signatures_are_closed, "mien/image/io.py", "f = lambda **options: 0"),
    (types_are_known, "mien/image/io.py", "def f(x: dict[str, Any]): ..."),
    (types_are_known, "mien/image/io.py", "import typing\nx: typing.Any = 1"),
    (types_are_known, "mien/image/io.py", "from typing import Any as Whatever"),
    (
        forward_has_shapes,
        "mien/layers/conv.py",
        "class C:\n  def forward(self, x: Tensor) -> Features: ...",
    ),
    (forward_has_shapes, "mien/layers/conv.py", "class C:\n  def forward(self, x) -> Features: ..."),
    (
        forward_has_shapes,
        "mien/models/restore/network.py",
        "class C:\n  def forward(self, x: Float[Tensor, 'n']) -> list[torch.Tensor]: ...",
    ),
    (data_is_frozen, "mien/types.py", "@dataclass\nclass C: ..."),
    (data_is_frozen, "mien/types.py", "@dataclasses.dataclass(frozen=False)\nclass C: ..."),
    (globals_stay, "mien/image/io.py", "def f():\n    global state\n    state = 1"),
    (nothing_is_unfinished, "mien/image/io.py", "x = 1  # TODO: two"),
    (nothing_is_unfinished, "mien/image/io.py", "def f():\n    raise NotImplementedError"),
    (weights_are_not_trusted, "mien/zoo/load.py", "torch.load(path)"),
    (weights_are_not_trusted, "mien/zoo/load.py", "torch.load(path, weights_only=False)"),
    (weights_are_not_trusted, "mien/zoo/load.py", "from torch import load"),
    (weights_are_not_trusted, "mien/zoo/load.py", "pickle.loads(data)"),
    (public_names_are_listed, "mien/__init__.py", "__all__ = ['recover', 'extra']"),
    (public_names_are_listed, "mien/__init__.py", "from mien.zoo.load import load"),
]

LAWFUL = [
    (imports_point_down, "mien/metrics/psnr.py", "from mien.metrics.luma import luma\nimport torch"),
    (imports_point_down, "mien/models/restore/recover.py", "from mien.models.restore.network import Net"),
    (imports_point_down, "mien/models/restore/__init__.py", ""),
    (imports_point_down, "mien/models/detector/find.py", "from mien.faces.detect import merge"),
    (dependencies_are_few, "mien/train/loop.py", "from lightning_fabric import Fabric\nimport os.path"),
    (command_starts_light, "mien/cli/main.py", "import sys\ndef f():\n    import torch"),
    (files_are_short, "mien/image/io.py", "\n" * 400),
    (functions_are_short, "mien/image/io.py", "def f():\n" + LINE * 59),
    (library_does_not_print, "mien/cli/main.py", "print('hello')"),
    (errors_are_named, "mien/image/io.py", "try:\n    f()\nexcept OSError:\n    raise"),
    (
        forward_has_shapes,
        "mien/layers/conv.py",
        "class C:\n  def forward(self, x: Int[Tensor, 'n']) -> Images: ...",
    ),
    (data_is_frozen, "mien/types.py", "@dataclass(frozen=True)\nclass C: ..."),
    (weights_are_not_trusted, "mien/zoo/load.py", "torch.load(path, weights_only=True)"),
    (public_names_are_listed, "mien/__init__.py", f"__all__ = {sorted(PUBLIC)}"),
]

LAWS = list(dict.fromkeys(law for law, _, _ in BREACHES))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_mien_keeps_the_law(law):
    violations = [f"{path}:{what}" for path, source in SOURCES.items() for what in law(path, source)]
    assert not violations, "\n".join(violations)


@pytest.mark.parametrize(("law", "path", "source"), BREACHES)
def test_a_breach_is_seen(law, path, source):
    assert list(law(path, source))


@pytest.mark.parametrize(("law", "path", "source"), LAWFUL)
def test_what_is_lawful_passes(law, path, source):
    assert not list(law(path, source))


def test_the_sources_are_found():
    assert {"mien/__init__.py", "mien/types.py", "mien/image/resize.py"} <= set(SOURCES)


def test_the_command_imports_nothing_heavy():
    program = "import sys, mien.cli.main; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert not set(loaded.split()) & HEAVY
