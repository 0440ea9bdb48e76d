import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.data.mosaics import MosaicConfig
from mien.models.detector.network import DetectorConfig
from mien.models.look.network import LookConfig
from mien.recipes.look import LookRecipe, look
from mien.recipes.sources import Sources
from mien.train.checkpoint import export_player
from mien.train.config import TrainConfig
from mien.train.loop import train

DETECTOR = DetectorConfig(stem_widths=(4, 4), widths=(4, 4, 6, 6), depths=(0, 0, 0, 0), neck_width=4)
TINY = LookConfig(stem_width=4, widths=(4, 4, 6), depths=(0, 0, 0), last_width=4, hidden=8)


def tiny() -> LookRecipe:
    return replace(
        look(),
        network=TINY,
        detector=DETECTOR,
        mosaics=MosaicConfig(num_whole=1, num_split=1),
        num_cuts=16,
        num_validation=1,
        num_warmup=1,
        hold_out_every=3,
        training=TrainConfig(num_steps=3, device="cpu", validate_every=2, log_every=1),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    pool = tmp_path / "pool"
    pool.mkdir()
    for size in (256, 128, 64, 32):
        np.save(pool / f"pixels{size}.npy", generator.integers(0, 256, (6, 3, size, size), dtype=np.uint8))
    outlines = generator.uniform(80, 180, (6, 4, 83, 2)).astype(np.float32)
    kinds = np.tile(np.array([1, 2, 0, 0]), (6, 1))
    extents = np.full((6, 2), 256, np.float32)
    np.savez(
        pool / "labels.npz", outlines=outlines, kinds=kinds, extents=extents, weights=np.ones(6, np.float32)
    )
    np.save(tmp_path / "backgrounds.npy", generator.integers(0, 256, (2, 3, 256, 256), dtype=np.uint8))
    return tmp_path


def test_a_run_trains_judges_and_leaves_weights(folder: Path) -> None:
    logging.disable(logging.CRITICAL)
    outcome = train(tiny().build(Sources(), folder))
    logging.disable(logging.NOTSET)
    assert outcome.finished
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    figures = [entry["validation"] for entry in entries if "validation" in entry]
    assert {"faces_known", "others_taken", "points"} <= set(figures[-1])
    export_player(folder, "look", folder / "weights.safetensors", torch.float16)
    assert (folder / "weights.safetensors").stat().st_size > 1000
