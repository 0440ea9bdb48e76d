import json
import logging
from dataclasses import replace
from pathlib import Path

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


def test_a_run_trains_judges_and_leaves_weights(pool_folder: Path) -> None:
    logging.disable(logging.CRITICAL)
    outcome = train(tiny().build(Sources(), pool_folder))
    logging.disable(logging.NOTSET)
    assert outcome.finished
    entries = [json.loads(line) for line in (pool_folder / "log.jsonl").read_text().splitlines()]
    figures = [entry["validation"] for entry in entries if "validation" in entry]
    assert {"faces_known", "others_taken", "points"} <= set(figures[-1])
    export_player(pool_folder, "look", pool_folder / "weights.safetensors", torch.float16)
    assert (pool_folder / "weights.safetensors").stat().st_size > 1000
