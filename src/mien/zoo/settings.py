"""Which network a file of weights is of: its settings stand as JSON in the file's metadata.

Files of the package, and older ones, have none: they are of the network that mien comes with.
"""

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from safetensors import SafetensorError, safe_open
from torch import nn

from mien.zoo.files import WeightsError
from mien.zoo.weights import fill, load_tensors

KEY = "config"
"""In the metadata; `train/checkpoint.py` writes it."""
Settings = TypeVar("Settings")
Network = TypeVar("Network", bound=nn.Module)


def load_network(path: Path, make: Callable[[Settings], Network], usual: Settings) -> Network:
    """A network of the settings in the file, or else of the usual ones, with the file's weights."""
    tensors = load_tensors(path)
    settings = settings_of(path, usual)
    try:
        network = make(settings)
    except (ValueError, TypeError, RuntimeError, ArithmeticError) as error:
        raise WeightsError(f"{path}: no network can be made by its settings: {error}") from error
    fill(network, tensors, path)
    return network


def settings_of(path: Path, usual: Settings) -> Settings:
    """As the file has them; the usual ones where it has none."""
    try:
        with safe_open(path, framework="pt") as file:
            stored = (file.metadata() or {}).get(KEY)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is not a whole safetensors file: {error}") from error
    if stored is None:
        return usual
    try:
        return cast(Settings, read_as(json.loads(stored), type(usual)))
    except (ValueError, TypeError) as error:
        raise WeightsError(f"{path} is of another kind of network: {error}") from error


def read_as(value: object, kind: object) -> object:
    """JSON as a value of that type: dataclasses, tuples, choices, and what JSON has itself; nothing else."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return read_as_one_of(value, parts)
    if isinstance(kind, type) and is_dataclass(kind) and isinstance(value, dict):
        hints = get_type_hints(kind)
        strange = set(value) - {field.name for field in fields(kind)}
        if strange:
            raise TypeError(f"{kind.__name__} has no {', '.join(sorted(strange))}")
        return kind(**{name: read_as(entry, hints[name]) for name, entry in value.items()})
    if origin is tuple and isinstance(value, list):
        kinds = parts[:1] * len(value) if parts[-1] is Ellipsis else parts
        return tuple(read_as(entry, part) for entry, part in zip(value, kinds, strict=True))
    if origin is Literal and value in parts:
        return value
    if kind is float and type(value) is int:
        return float(value)
    if kind in (int, float, bool, str, NoneType) and type(value) is kind:
        return value
    raise TypeError(f"{value!r} is no {kind}")


def read_as_one_of(value: object, kinds: tuple[object, ...]) -> object:
    """As the first of these types that it can be."""
    for kind in kinds:
        try:
            return read_as(value, kind)
        except TypeError:
            continue
    raise TypeError(f"{value!r} is none of {kinds}")
