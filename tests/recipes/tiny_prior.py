"""Trainings of the prior that take a second, run by the tests and, as a script, in a process that dies."""

import argparse
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mien.models.prior.codec import PriorConfig
from mien.models.prior.network import GeneratorConfig, Widths
from mien.recipes.generator import GeneratorRecipe, prior_pretraining
from mien.recipes.prior import PriorRecipe
from mien.recipes.sources import Sources
from mien.train.config import TrainConfig
from mien.train.loop import train

SIDE = 16
TINY = GeneratorConfig(Widths(SIDE, most=8, budget=64), style_channels=6, num_mapping_layers=2)
SHORT = TrainConfig(
    num_steps=6,
    precision="bf16-mixed",
    device="cpu",
    log_every=1,
    validate_every=99,
    checkpoint_every_seconds=0.0,
    num_loaders=0,
)


def tiny_pretraining(recipe: GeneratorRecipe | None = None) -> GeneratorRecipe:
    """Varied a lot, so that chance has a say."""
    return replace(
        recipe or prior_pretraining(),
        network=TINY,
        batch_size=4,
        penalty_every=2,
        path_every=3,
        sureness=-2.0,
        pictures_to_vary=16.0,
        training=SHORT,
    )


def tiny_prior(recipe: PriorRecipe) -> PriorRecipe:
    """The same ablation of a small network."""
    return replace(
        recipe,
        network=PriorConfig(TINY, mmrb=recipe.network.mmrb),
        batch_size=2,
        num_frozen=min(recipe.num_frozen, 2),
        local_channels=(4, 4, 4),
        penalty_every=2,
        hold_out_every=4,
        training=replace(SHORT, num_steps=3),
    )


def put_photos(folder: Path) -> Path:
    """Packed photos with landmarks, as packing leaves them."""
    chance = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "photos.npy", chance.integers(0, 256, (12, 3, SIDE, SIDE), dtype=np.uint8))
    np.save(folder / "points.npy", chance.uniform(2, SIDE - 2, (12, 68, 2)).astype(np.float32))
    return folder


def pretrain(folder: Path) -> int:
    """From where it was; the steps done."""
    torch.manual_seed(0)
    return train(tiny_pretraining().build(Sources(), put_photos(folder))).step


def kill_at_sync(number: int) -> None:
    """From now on, the process dies in the middle of the `number`-th file it wants safe on the disk."""
    real, calls = os.fsync, []

    def fsync(handle: int) -> None:
        calls.append(handle)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        real(handle)

    os.fsync = fsync


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--die", type=int, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    kill_at_sync(arguments.die)
    pretrain(arguments.folder)
