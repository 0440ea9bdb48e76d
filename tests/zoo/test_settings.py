import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from mien.models.guided.network import PAPER as GUIDED_PAPER
from mien.models.guided.network import SMALL as GUIDED_SMALL
from mien.models.guided.network import twice_as_wide, without_guide, without_warp
from mien.models.restore.network import PAPER, SMALL, RestoreConfig, RestoreNetwork
from mien.models.rotate.network import PAPER as ROTATE_PAPER
from mien.models.rotate.network import SMALL as ROTATE_SMALL
from mien.models.rotate.network import without_parsing
from mien.train.checkpoint import export_network
from mien.zoo.files import WeightsError
from mien.zoo.settings import load_network, read_as, settings_of
from mien.zoo.weights import save_weights

TINY = RestoreConfig(32, 2, (4, 6), (1, 1), (4,), 1, skips=True, residual=True)
CONFIGS = (
    *(PAPER, SMALL, replace(SMALL, mmrb=True), ROTATE_PAPER, without_parsing(ROTATE_SMALL)),
    *(GUIDED_PAPER, without_warp(GUIDED_SMALL), without_guide(GUIDED_SMALL), twice_as_wide(GUIDED_SMALL)),
)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: type(config).__name__)
def test_settings_come_back_as_they_were(config: object) -> None:
    assert read_as(json.loads(json.dumps(asdict(config))), type(config)) == config


@pytest.mark.parametrize(
    "value", [[1], {"image_size": "32"}, {"strange": 1}, {"channels": [4, 6.5]}, {"skips": 1}]
)
def test_nothing_else_is_taken_for_settings(value: object) -> None:
    whole = asdict(TINY) | value if isinstance(value, dict) else value
    with pytest.raises(TypeError):
        read_as(json.loads(json.dumps(whole)), RestoreConfig)


def test_a_file_says_of_which_network_it_is(tmp_path: Path) -> None:
    path, network = tmp_path / "tiny.safetensors", RestoreNetwork(TINY)
    export_network(network, path)
    loaded = load_network(path, RestoreNetwork, SMALL)
    assert loaded.config == TINY
    torch.testing.assert_close(loaded.state_dict(), network.state_dict())


def test_without_settings_it_is_the_usual_one(tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    save_weights(RestoreNetwork(TINY), path)
    assert settings_of(path, SMALL) == SMALL
    assert load_network(path, RestoreNetwork, TINY).config == TINY
    with pytest.raises(WeightsError, match="another network's weights"):
        load_network(path, RestoreNetwork, replace(TINY, channels=(4, 8)))


@pytest.mark.parametrize("settings", ["no JSON", "[]", json.dumps(asdict(ROTATE_SMALL))])
def test_settings_of_another_kind_are_named(tmp_path: Path, settings: str) -> None:
    path = tmp_path / "strange.safetensors"
    save_file({"a": torch.zeros(1)}, path, {"config": settings})
    with pytest.raises(WeightsError, match=r"strange\.safetensors is of another kind of network"):
        load_network(path, RestoreNetwork, SMALL)


def test_settings_of_which_nothing_can_be_made_are_named(tmp_path: Path) -> None:
    path = tmp_path / "strange.safetensors"
    save_file({"a": torch.zeros(1)}, path, {"config": json.dumps(asdict(TINY) | {"image_size": 33})})
    with pytest.raises(
        WeightsError, match=r"strange\.safetensors is of another kind of network: image_size 33"
    ):
        load_network(path, RestoreNetwork, SMALL)
