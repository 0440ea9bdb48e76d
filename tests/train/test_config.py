import enum
import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from mien.train.config import Run, TrainConfig, plain, write_config


class Norm(enum.Enum):
    BATCH = 1


@dataclass(frozen=True)
class Inner:
    norm: Norm = Norm.BATCH
    sizes: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class Outer:
    inner: Inner = Inner()
    folder: Path = Path("a/b")
    weights: tuple[tuple[str, float], ...] = (("pixel", 1.0),)
    dtype: torch.dtype = torch.float32
    nothing: None = None


def test_plain_goes_all_the_way_down():
    assert plain(Outer()) == {
        "inner": {"norm": "BATCH", "sizes": [1, 2]},
        "folder": "a/b",
        "weights": [["pixel", 1.0]],
        "dtype": "torch.float32",
        "nothing": None,
    }
    assert plain({"write": write_config}) == {"write": "mien.train.config.write_config"}


def test_plain_names_what_it_cannot_hold():
    @dataclass(frozen=True)
    class Wrong:
        weights: object

    with pytest.raises(TypeError, match=r"config\.weights is a Tensor"):
        plain(Wrong(torch.zeros(1)))


def test_config_file_and_warning_of_changes(toy, tmp_path, caplog):
    run = toy.toy_run(tmp_path, TrainConfig(10), toy.ToyConfig())
    path = tmp_path / "config.json"
    write_config(path, run)
    written = json.loads(path.read_text())
    assert written["recipe"]["batch_size"] == 4
    assert written["training"]["num_steps"] == 10
    with caplog.at_level(logging.WARNING):
        write_config(path, run)
        assert not caplog.records
        write_config(path, replace(run, training=replace(run.training, num_steps=20)))
    assert "other settings: training.num_steps" in caplog.text


def test_wrong_runs_are_refused(toy, tmp_path):
    run = toy.toy_run(tmp_path, TrainConfig(10), toy.ToyConfig())
    with pytest.raises(ValueError, match="different names"):
        replace(run, players=run.players * 2)
    with pytest.raises(ValueError, match="come together"):
        replace(run, pictures=lambda networks, device: torch.zeros(1, 3, 2, 2))
    with pytest.raises(ValueError, match="accumulate"):
        TrainConfig(10, accumulate=0)
    assert isinstance(run, Run)
