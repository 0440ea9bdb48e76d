"""Arrays by name from MATLAB, HDF5, NumPy and pickle files of people one need not trust."""

import pickle
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy import ndarray

from mien.geometry.morphable import MorphableError

Arrays = dict[str, ndarray]

MAT_HEADER = b"MATLAB 5.0 MAT-file"

NUMPY_PARTS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("_codecs", "encode"),
}
"""What it takes to make an array; `_codecs.encode` turns the text of Python 2 pickles into bytes."""
INERT_PARTS = {
    ("copy_reg", "_reconstructor"),
    ("copyreg", "_reconstructor"),
    ("__builtin__", "object"),
    ("builtins", "object"),
}
"""What old objects are made with."""
INERT_PACKAGES = ("chumpy", "scipy")
"""Whose objects are in FLAME's files: they are kept as data, their code is not run."""


class Inert:
    """In place of an object whose class is not to be loaded: it remembers what it was given."""

    def __init__(self, *arguments: object) -> None:
        self.state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state


class RestrictedUnpickler(pickle.Unpickler):
    """Makes arrays and plain containers; what asks for anything else is refused before anything is run."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) in NUMPY_PARTS:
            return super().find_class(module, name)
        if module.split(".")[0] in INERT_PACKAGES or (module, name) in INERT_PARTS:
            return Inert
        raise MorphableError(f"the file asks for {module}.{name}, which a face model has no need of")


def read_arrays(path: Path) -> Arrays:
    """All arrays of a file; those inside others are called `struct.name` (MATLAB) or `group/name` (HDF5)."""
    readers = {".mat": _read_mat, ".h5": _read_h5, ".hdf5": _read_h5, ".npz": _read_npz, ".pkl": _read_pickle}
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise MorphableError(f"{path}: expected a file that ends in {', '.join(readers)}")
    return readers[suffix](path)


def _read_mat(path: Path) -> Arrays:
    with path.open("rb") as file:
        if not file.read(len(MAT_HEADER)).startswith(MAT_HEADER):
            raise MorphableError(f"{path} is no MATLAB 5 file; save it in MATLAB with -v7, or as .npz")
    _need("scipy", path)
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content = loadmat(path)
    except (MatReadError, ValueError, TypeError, IndexError, OSError) as error:
        raise MorphableError(f"{path} is no whole MATLAB 5 file: {error}") from error
    arrays: Arrays = {}
    for name, value in content.items():
        if isinstance(value, ndarray) and value.dtype.names:
            arrays |= {f"{name}.{part}": value[part].ravel()[0] for part in value.dtype.names}
        elif isinstance(value, ndarray):
            arrays[name] = value
    return arrays


def _read_h5(path: Path) -> Arrays:
    _need("h5py", path)
    import h5py  # pyright: ignore[reportMissingImports]

    arrays: Arrays = {}

    def keep(name: str, item: object) -> None:
        array = np.asarray(item) if isinstance(item, h5py.Dataset) else np.array("")
        if array.dtype.kind in "fiu":
            arrays[name] = array

    try:
        with h5py.File(path) as file:
            file.visititems(keep)
    except OSError as error:
        raise MorphableError(f"{path} is no whole HDF5 file: {error}") from error
    return arrays


def _read_npz(path: Path) -> Arrays:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    except (ValueError, TypeError, OSError, zipfile.BadZipFile, EOFError) as error:
        raise MorphableError(f"{path} is no .npz of plain arrays: {error}") from error


def _read_pickle(path: Path) -> Arrays:
    try:
        with path.open("rb") as file:
            content = RestrictedUnpickler(file, encoding="latin1").load()
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise MorphableError(f"{path} is no pickle of arrays: {error}") from error
    if not isinstance(content, dict):
        raise MorphableError(f"{path} holds a {type(content).__name__}, expected names and arrays")
    plain = {str(name): _plain(value) for name, value in content.items()}
    return {name: value for name, value in plain.items() if value is not None}


def _plain(value: object) -> ndarray | None:
    """The array, also of a chumpy object; None for what is no array of numbers."""
    if isinstance(value, Inert) and isinstance(value.state, dict):
        value = value.state.get("x")
    if isinstance(value, ndarray) and value.dtype.kind in "fiu":
        return value
    return None


def _need(package: str, path: Path) -> None:
    if find_spec(package) is None:
        raise MorphableError(f"to read {path.name} one more package is needed: pip install 'mien[foreign]'")
