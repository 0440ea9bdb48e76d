"""A training of a second or less, run by the tests here and, as a script, in processes that they kill."""

import argparse
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from mien.train.config import Run, TrainConfig
from mien.train.loop import train
from mien.train.order import generator_at, shuffled_indices
from mien.train.player import Player
from mien.train.schedule import warmup_cosine
from mien.types import Losses

NUM_ITEMS = 20


@dataclass(frozen=True)
class ToyConfig:
    batch_size: int = 4
    dropout: float = 0.2
    noise: float = 0.1
    clip_norm: float | None = 1.0


def network(dropout: float) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Dropout(dropout), nn.Conv2d(4, 3, 1)
        return nn.Sequential(*layers) if dropout else nn.Sequential(layers[0], nn.Tanh(), layers[3])


def toy_run(folder: Path, training: TrainConfig, config: ToyConfig) -> Run[Tensor]:
    pictures = torch.rand(NUM_ITEMS, 3, 6, 6, generator=generator_at(torch.device("cpu"), 1))

    def batches(step: int, rank: int, num_ranks: int) -> Tensor:
        return pictures[shuffled_indices(NUM_ITEMS, config.batch_size, step, training.seed, rank, num_ranks)]

    def objective(network: nn.Module, batch: Tensor, generator: torch.Generator) -> Losses:
        noise = torch.randn(batch.shape, generator=generator, device=batch.device)
        pixel = (network(batch + config.noise * noise) - batch).abs().mean()
        return Losses(pixel, {"pixel": pixel.detach()})

    model = network(config.dropout)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    schedule = warmup_cosine(3, training.num_steps)
    player = Player(
        "toy", model, optimizer, objective, ema_decay=0.9, schedule=schedule, clip_norm=config.clip_norm
    )
    return Run(folder, (player,), batches, training, config)


def kill_at_sync(number: int) -> None:
    """From now on, the process dies in the middle of the `number`-th file it wants safe on the disk."""
    real, calls = os.fsync, []

    def fsync(handle: int) -> None:
        calls.append(handle)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        real(handle)

    os.fsync = fsync


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--die", type=int)
    parser.add_argument("--num-devices", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.die:
        kill_at_sync(arguments.die)
    training = TrainConfig(
        12, device="cpu", num_devices=arguments.num_devices, checkpoint_every_seconds=0.0, log_every=4
    )
    shared = arguments.num_devices > 1
    config = ToyConfig(batch_size=2, dropout=0.0, noise=0.0) if shared else ToyConfig()
    train(toy_run(arguments.folder, training, config))


if __name__ == "__main__":
    main()
