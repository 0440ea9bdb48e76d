import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.models.quality.network import QualityConfig
from mien.models.restore.network import RestoreConfig
from mien.recipes.quality import QualityRecipe, quality, told_apart
from mien.recipes.sources import MissingSourceError, Sources
from mien.train.checkpoint import export_player
from mien.train.config import TrainConfig
from mien.train.loop import train

TINY = QualityConfig(image_size=32, shrink=2, channels=(4, 6), num_middle=1)
TINY_MAKER = RestoreConfig(
    image_size=32,
    shrink=2,
    channels=(4, 6),
    num_blocks=(1, 1),
    decoder_channels=(4,),
    num_decoder_blocks=1,
    skips=True,
    residual=True,
)


def tiny(steps: int = 3) -> QualityRecipe:
    return replace(
        quality(),
        network=TINY,
        maker=TINY_MAKER,
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


def test_judge_and_maker_learn_together(folder: Path) -> None:
    logging.disable(logging.CRITICAL)
    outcome = train(tiny().build(Sources(), folder))
    logging.disable(logging.NOTSET)
    assert outcome.finished
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    figures = [entry["validation"] for entry in entries if "validation" in entry]
    assert {"truth", "damaged", "restored", "damaged_told", "restored_told"} <= set(figures[-1])
    export_player(folder, "quality", folder / "weights.safetensors", torch.float16)
    assert (folder / "weights.safetensors").stat().st_size > 1000


def test_how_surely_faces_are_told_apart() -> None:
    assert told_apart(torch.tensor([0.9, 0.8]), torch.tensor([0.1, 0.85])) == 0.75


def test_photos_are_needed(tmp_path: Path) -> None:
    with pytest.raises(MissingSourceError, match="--photos: folders of aligned faces"):
        tiny().build(Sources(), tmp_path)
