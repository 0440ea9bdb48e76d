"""What a training run is made of, and its settings as JSON."""

import dataclasses
import enum
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal

import torch
from torch import nn

from mien.train.files import replaced
from mien.train.player import Batch, Player
from mien.types import Images

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

logger = logging.getLogger(__name__)

Networks = Mapping[str, nn.Module]
"""By player's name, with averaged weights where the player keeps them, in evaluation mode."""


@dataclass(frozen=True)
class TrainConfig:
    """How a run is trained, whatever it trains."""

    num_steps: int
    seed: int = 0
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    num_devices: int = 1
    """Processes, one per device; on the CPU they share it."""
    channels_last: bool = True
    """Keep networks in the memory order that convolutions are fastest in."""
    accumulate: int = 1
    """Batches per step; step `s` takes batches `s * accumulate`, `s * accumulate + 1`, ..."""
    num_loaders: int = 1
    """Threads that draw batches ahead; 0 draws each when it is needed."""
    log_every: int = 50
    """Steps."""
    validate_every: int = 1000
    """Steps; the end of a training is validated too."""
    checkpoint_every_seconds: float = 300.0
    keep_checkpoints: int = 2
    benchmark_convolutions: bool = False
    """Let cuDNN pick the fastest kernels; two runs then differ in the last bits."""

    def __post_init__(self) -> None:
        for name in (
            "num_steps",
            "num_devices",
            "accumulate",
            "log_every",
            "validate_every",
            "keep_checkpoints",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")


@dataclass(frozen=True)
class Run(Generic[Batch]):
    """A whole training: what a recipe returns and `loop.train` carries out."""

    folder: Path
    """Gets config.json, log.jsonl, log.png, checkpoints/, pictures/ and each player's weights as
    NAME.safetensors; resumed if it has a checkpoint."""
    players: tuple[Player[Batch], ...]
    """They move in this order."""
    batches: Callable[[int, int, int], Batch]
    """`batches(step, rank, num_ranks)`: data as a function of the step, so that resuming is exact.

    Called from loader threads: randomness comes from `order.generator_at`, never from torch's global
    state. `order.shuffled_indices` says which items a batch holds.
    """
    training: TrainConfig
    config: "DataclassInstance"
    """The recipe's own settings, for config.json."""
    teachers: tuple[nn.Module, ...] = ()
    """Networks that objectives close over and nobody trains: put on the device, in evaluation mode."""
    prepare: Callable[[Batch, torch.Generator], Batch] | None = None
    """Work on a batch on the device, without gradients, before all players see it (damage, say)."""
    validate: Callable[[Networks, torch.device], Mapping[str, float]] | None = None
    pictures: Callable[[Networks, torch.device], Images] | None = None
    """Drawn at each validation and written to pictures/."""
    write_picture: Callable[[Path, Images], None] | None = None

    def __post_init__(self) -> None:
        names = [player.name for player in self.players]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"a run needs players with different names, got {names}")
        if (self.pictures is None) != (self.write_picture is None):
            raise ValueError("pictures and write_picture come together")


Plain = None | bool | int | float | str | list[object] | dict[str, object]


def plain(value: object, name: str = "config") -> Plain:
    """Dataclasses, enums, paths, functions and collections of them as what JSON can hold."""
    if isinstance(value, enum.Enum):
        return value.name
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: plain(getattr(value, field.name), f"{name}.{field.name}") for field in fields}
    if isinstance(value, Mapping):
        return {str(key): plain(entry, f"{name}.{key}") for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry, f"{name}[{index}]") for index, entry in enumerate(value)]
    if isinstance(value, Path | torch.device | torch.dtype):
        return str(value)
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    raise TypeError(f"{name} is a {type(value).__name__}, which config.json cannot hold")


def write_config(path: Path, run: Run[Batch]) -> None:
    """The recipe's settings and the engine's; says what differs from those already there."""
    settings = {"recipe": plain(run.config), "training": plain(run.training)}
    if path.exists():
        before, now = _leaves(json.loads(path.read_text(encoding="utf-8"))), _leaves(settings)
        changed = sorted(name for name in before | now if before.get(name) != now.get(name))
        if changed:
            logger.warning("%s: going on with other settings: %s", path, ", ".join(changed))
    with replaced(path) as file:
        file.write(json.dumps(settings, indent=2).encode() + b"\n")


def _leaves(settings: Mapping[str, object], name: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in settings.items():
        found.update(_leaves(value, f"{name}{key}.") if isinstance(value, dict) else {name + key: value})
    return found
