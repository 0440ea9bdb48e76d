import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.models.restore.network import RestoreConfig, RestoreNetwork
from mien.recipes.catalog import RECIPES
from mien.recipes.restore import (
    RestoreRecipe,
    restore,
    restore_identity,
    restore_paper,
    restore_sharp,
    restore_wide,
)
from mien.recipes.sources import Sources
from mien.train.checkpoint import export_player
from mien.train.config import TrainConfig
from mien.train.loop import train
from mien.types import Crop
from mien.zoo.load import load
from mien.zoo.weights import save_weights

TINY = RestoreConfig(
    image_size=32,
    shrink=2,
    channels=(4, 6),
    num_blocks=(1, 1),
    decoder_channels=(4,),
    num_decoder_blocks=1,
    skips=True,
    residual=True,
)


def tiny(steps: int = 3) -> RestoreRecipe:
    return replace(
        restore(),
        network=TINY,
        batch_size=2,
        num_warmup=1,
        num_validation=2,
        training=TrainConfig(num_steps=steps, device="cpu", validate_every=2, log_every=1),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (10, 3, 32, 32), dtype=np.uint8)
    np.save(tmp_path / "photos.npy", pixels)
    return tmp_path


def test_a_run_trains_judges_and_leaves_weights(folder: Path) -> None:
    logging.disable(logging.CRITICAL)
    outcome = train(tiny().build(Sources(), folder))
    logging.disable(logging.NOTSET)
    assert outcome.finished
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    figures = [entry["validation"] for entry in entries if "validation" in entry]
    assert {"psnr", "psnr_gain"} <= set(figures[-1])
    assert json.loads((folder / "config.json").read_text())["recipe"]["profiles"] == ["gfrnet"]
    export_player(folder, "restore", folder / "weights.safetensors", torch.float16)
    assert (folder / "weights.safetensors").stat().st_size > 1000


def test_held_out_pictures_are_not_trained_on(folder: Path) -> None:
    run = tiny().build(Sources(), folder)
    held_out = np.load(folder / "photos.npy")[4::5]
    for step in range(4):
        for image in run.batches(step, 0, 1).truth:
            stored = (image * 255).round().to(torch.uint8).numpy()
            assert not any((stored == other).all() for other in held_out)


def test_variants_change_one_thing() -> None:
    assert replace(restore_identity(), objective=restore().objective) == restore()
    assert restore_paper().network.image_size == 128


def test_identity_needs_an_embedder(folder: Path) -> None:
    recipe = replace(tiny(), objective=restore_identity().objective)
    with pytest.raises(ValueError, match="needs --embedder"):
        recipe.build(Sources(), folder)


def test_every_recipe_can_be_made() -> None:
    for make in RECIPES.values():
        assert make().training.num_steps > 0


def test_every_profile_gets_its_part_of_a_batch() -> None:
    assert restore_wide().batch_size % len(restore_wide().profiles) == 0
    with pytest.raises(ValueError, match="batch_size 4 is not a multiple of the 8 profiles"):
        replace(restore_wide(), batch_size=4)


def test_weights_to_go_on_from_can_be_named(folder: Path) -> None:
    first, second = RestoreNetwork(TINY), tiny()
    save_weights(first, folder / "first.safetensors", torch.float32)
    recipe = replace(second, start_from_package=True)
    run = recipe.build(Sources(pretrained=folder / "first.safetensors"), folder)
    torch.testing.assert_close(run.players[0].network.state_dict(), first.state_dict())


def test_what_a_run_leaves_can_be_recovered_with(folder: Path) -> None:
    """Its size, unlike the package's, is found in the file."""
    logging.disable(logging.CRITICAL)
    outcome = train(tiny(2).build(Sources(), folder))
    logging.disable(logging.NOTSET)
    assert outcome.weights == {"restore": folder / "restore.safetensors"}
    model = load(f"restore:{outcome.weights['restore']}", "cpu")
    assert model.crop_size == 32
    crop = Crop(torch.rand(3, 32, 32), torch.eye(2, 3, dtype=torch.float64), torch.rand(5, 2))
    assert model([crop])[0].pixels.shape == (3, 32, 32)


def test_a_critic_plays_along(folder: Path) -> None:
    logging.disable(logging.CRITICAL)
    recipe = replace(tiny(), objective=restore_sharp().objective)
    outcome = train(recipe.build(Sources(), folder))
    logging.disable(logging.NOTSET)
    assert set(outcome.networks) == {"restore", "critic"}
