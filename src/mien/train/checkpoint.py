"""Everything a training needs to go on as if it had never stopped, in one file."""

import dataclasses
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import torch
from safetensors.torch import save
from torch import Tensor, nn

from mien.train.config import plain
from mien.train.files import replaced
from mien.train.seat import Seat, SeatState


class State(TypedDict):
    """What a checkpoint holds. Chance needs no place in it: what is drawn depends on seed and step."""

    step: int
    players: dict[str, SeatState]


FOLDER = "checkpoints"
"""Inside the run's folder."""


def newest(folder: Path) -> Path | None:
    """The checkpoint of the latest step in a run's folder."""
    return max((folder / FOLDER).glob("step-*.pt"), default=None)


def save_checkpoint(folder: Path, step: int, seats: list[Seat], keep: int) -> Path:
    """Write the state after `step` steps; of the older ones only `keep - 1` stay."""
    path = folder / FOLDER / f"step-{step:09d}.pt"
    state: State = {"step": step, "players": {seat.player.name: seat.state() for seat in seats}}
    with replaced(path) as file:
        torch.save(state, file)
    for old in sorted(path.parent.glob("step-*.pt"))[:-keep]:
        old.unlink()
    for left in path.parent.glob("*.unfinished"):  # of a run that was killed while it wrote
        left.unlink()
    return path


def load_checkpoint(path: Path, seats: list[Seat]) -> int:
    """Put the state back and return how many steps it has behind it."""
    state = _read(path)
    names = {seat.player.name for seat in seats}
    if set(state["players"]) != names:
        raise ValueError(f"{path} has players {sorted(state['players'])}, this run has {sorted(names)}")
    for seat in seats:
        seat.load_state(state["players"][seat.player.name])
    return state["step"]


def export_network(network: nn.Module, path: Path, dtype: torch.dtype = torch.float32) -> None:
    """A network's weights as safetensors, real numbers stored as `dtype`.

    The settings that it was made with, a dataclass `config`, go along as JSON in the file's metadata: of a
    network of another size than usual nobody else would know it.
    """
    config = getattr(network, "config", None)
    is_known = dataclasses.is_dataclass(config) and not isinstance(config, type)
    _export(network.state_dict(), path, dtype, {"config": json.dumps(plain(config))} if is_known else {})


def export_products(folder: Path, seats: list[Seat]) -> dict[str, Path]:
    """What each player has learned, averaged where it averages, as `PLAYER.safetensors` in a run's folder."""
    paths = {}
    for seat in seats:
        name, product = seat.player.name, seat.player.product
        if product is not None:
            paths[name] = folder / f"{name}.safetensors"
            export_network(seat.result.get_submodule(product), paths[name])
    return paths


def export_player(
    folder: Path, name: str, path: Path, dtype: torch.dtype = torch.float32, part: str = ""
) -> int:
    """The averaged weights in a run's newest checkpoint as safetensors; returns the step they are of.

    `part` is a module inside the player's network where that holds more than is wanted afterwards.
    """
    checkpoint = newest(folder)
    if checkpoint is None:
        raise FileNotFoundError(f"{folder} has no checkpoint")
    state = _read(checkpoint)
    if name not in state["players"]:
        raise ValueError(f"{checkpoint} has no player '{name}', only {sorted(state['players'])}")
    player = state["players"][name]
    weights, start = player["average"] or player["network"], f"{part}." if part else ""
    chosen = {key.removeprefix(start): tensor for key, tensor in weights.items() if key.startswith(start)}
    if not chosen:
        raise ValueError(f"the player '{name}' has no part '{part}'")
    _export(chosen, path, dtype)
    return state["step"]


def _read(path: Path) -> State:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path} is not a checkpoint of a training: {error}") from error


def _export(
    weights: Mapping[str, Tensor], path: Path, dtype: torch.dtype, notes: Mapping[str, str] | None = None
) -> None:
    stored = {}
    for name, tensor in weights.items():
        kept = tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        stored[name] = kept.to(dtype) if kept.is_floating_point() else kept
        if not bool(torch.isfinite(stored[name]).all()):
            raise ValueError(f"the weight {name} has values that {dtype} cannot hold")
    with replaced(path) as file:
        file.write(save(stored, dict(notes) if notes else None))
