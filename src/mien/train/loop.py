"""The one loop: plain, adversarial and distilled trainings, resumed exactly after any kind of end."""

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from mien.train.batch import Loader, num_items, to_device
from mien.train.checkpoint import export_products, load_checkpoint, newest, save_checkpoint
from mien.train.config import Run, TrainConfig, write_config
from mien.train.log import Journal, Window
from mien.train.order import generator_at, mixed_seed, reseed
from mien.train.player import Batch
from mien.train.plot import plot_log
from mien.train.seat import Seat
from mien.train.stop import StopRequest

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How a training ended."""

    step: int
    """Steps done, with those before a resume."""
    finished: bool
    """False when a signal ended it early; training the same run again goes on from there."""
    networks: dict[str, nn.Module]
    """By player, averaged where the player averages."""
    weights: dict[str, Path]
    """By player, the file in the run's folder with what it has learned; a validation writes it anew, and the
    end does."""


def train(run: Run[Batch]) -> Outcome:
    """Train from the newest checkpoint in the run's folder, or from the start.

    Reseeds torch's global randomness at each step (dropout draws from it), so that a resumed
    training draws the same.
    """
    work = _Work(run, _start_fabric(run.training))
    config = run.training
    step = first = work.restore()
    with ExitStack() as stack:
        stop = stack.enter_context(StopRequest())
        stack.enter_context(work.convolutions())
        loader = stack.enter_context(work.loader(first))
        journal = stack.enter_context(Journal(run.folder, first, config.num_steps, work.leads))
        while step < config.num_steps:
            journal.count(work.step(step, [loader.take() for _ in range(config.accumulate)]))
            step += 1
            if step % config.log_every == 0 or step == config.num_steps:
                work.log(step, journal)
            if step % config.validate_every == 0 or step == config.num_steps:
                work.validate(step, journal)
                if step < config.num_steps:
                    work.export()
            stopping, saving = work.agree(step, stop.came)
            if stopping or saving or step == config.num_steps:
                work.log(step, journal)  # a loss that is not finite ends the training before it is saved
                work.save(step)
                journal.resume_clock()
            if stopping:
                break
        weights = work.export()
        work.fabric.barrier()  # nobody leaves before the files are written
        return Outcome(step, step == config.num_steps, work.results(), weights)


class _Work(Generic[Batch]):
    """The parts of one training in this process."""

    def __init__(self, run: Run[Batch], fabric: Fabric) -> None:
        self.run = run
        self.fabric = fabric
        self.seats = [Seat(fabric, player, run.training.channels_last) for player in run.players]
        for seat in self.seats:
            seat.meet(self.seats)
        for teacher in run.teachers:
            teacher.to(fabric.device).requires_grad_(False).eval()
        self.window = Window()
        self.saved_at = time.perf_counter()

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.fabric.is_global_zero

    def restore(self) -> int:
        """Take up the newest checkpoint, if there is one; returns the steps behind it."""
        path = newest(self.run.folder)
        step = 0 if path is None else load_checkpoint(path, self.seats)
        if self.leads:
            if path is not None:
                logger.info("going on from %s", path)
            self.run.folder.mkdir(parents=True, exist_ok=True)
            write_config(self.run.folder / "config.json", self.run)
        return step

    def loader(self, first_step: int) -> Loader[Batch]:
        """Draws this process's share of the batches from `first_step` on."""
        config, rank, num_ranks = self.run.training, self.fabric.global_rank, self.fabric.world_size
        return Loader(
            lambda number: self.run.batches(number, rank, num_ranks),
            first_step * config.accumulate,
            config.num_steps * config.accumulate,
            config.num_loaders,
            pin=self.fabric.device.type == "cuda",
        )

    def step(self, step: int, batches: list[Batch]) -> int:
        """Every player whose turn it is moves; returns the number of items, over all processes."""
        size = sum(num_items(batch) for batch in batches) * self.fabric.world_size
        chance = (self.run.training.seed, step, self.fabric.global_rank)
        batches = [self._prepared(batch, (*chance, 0, number)) for number, batch in enumerate(batches)]
        for place, seat in enumerate(self.seats, start=1):
            if step % seat.player.every == 0:
                reseed(self.fabric.device, mixed_seed(*chance, place))
                self.window.add(step, seat.player.name, seat.move(batches, step, (*chance, place)))
        return size

    def log(self, step: int, journal: Journal) -> None:
        """Read the window, which also finds losses that are not finite."""
        terms = self.window.read(self._mean_over_processes)
        if terms:
            rates = {seat.player.name: seat.player.optimizer.param_groups[0]["lr"] for seat in self.seats}
            journal.write_terms(step, rates, terms)

    def validate(self, step: int, journal: Journal) -> None:
        """Judge the networks as they would be used; one process does, the others wait at the next step."""
        run, device = self.run, self.fabric.device
        if not self.leads:
            return
        networks = self.results()
        with _judged(networks):
            if run.validate is not None:
                journal.write_validation(step, run.validate(networks, device))
            if run.pictures is not None and run.write_picture is not None:
                (run.folder / "pictures").mkdir(exist_ok=True)
                path = run.folder / "pictures" / f"step-{step:09d}.png"
                run.write_picture(path, run.pictures(networks, device))
        plot_log(journal.path, run.folder / "log.png")
        journal.resume_clock()

    def agree(self, step: int, stop: bool) -> tuple[bool, bool]:
        """Whether to stop and whether to save, the same answer in all processes.

        Asking the others costs a message, so several processes ask at the steps of the log only.
        """
        config = self.run.training
        late = time.perf_counter() - self.saved_at > config.checkpoint_every_seconds
        if self.fabric.world_size == 1:
            return stop, late
        if step % config.log_every:
            return False, False
        wishes = torch.tensor([float(stop), float(late)], device=self.fabric.device)
        summed = self.fabric.all_reduce(wishes, reduce_op="sum")
        return bool(summed[0] > 0), bool(summed[1] > 0)

    def save(self, step: int) -> None:
        """Write a checkpoint."""
        if self.leads:
            save_checkpoint(self.run.folder, step, self.seats, self.run.training.keep_checkpoints)
        self.saved_at = time.perf_counter()

    def export(self) -> dict[str, Path]:
        """Write what has been learned to where it can be used; nothing in processes that do not lead."""
        return export_products(self.run.folder, self.seats) if self.leads else {}

    def results(self) -> dict[str, nn.Module]:
        """Each player's network to judge and to keep."""
        return {seat.player.name: seat.result for seat in self.seats}

    @contextmanager
    def convolutions(self) -> Iterator[None]:
        """How cuDNN chooses its kernels while this training runs."""
        fast = self.run.training.benchmark_convolutions
        with torch.backends.cudnn.flags(
            enabled=True, benchmark=fast, deterministic=not fast, allow_tf32=True
        ):
            yield

    def _prepared(self, batch: Batch, chance: tuple[int, ...]) -> Batch:
        there = to_device(batch, self.fabric.device)
        if self.run.prepare is None:
            return there
        with torch.no_grad():
            return self.run.prepare(there, generator_at(self.fabric.device, *chance))

    def _mean_over_processes(self, values: Tensor) -> Tensor:
        if self.fabric.world_size == 1:
            return values
        summed = self.fabric.all_reduce(values, reduce_op="mean")
        assert isinstance(summed, Tensor)
        return summed


def _start_fabric(config: TrainConfig) -> Fabric:
    fabric = Fabric(
        accelerator=config.device,
        devices=config.num_devices,
        strategy="ddp" if config.num_devices > 1 else "auto",
        precision=config.precision,
    )
    fabric.launch()
    return fabric


@contextmanager
def _judged(networks: dict[str, nn.Module]) -> Iterator[None]:
    """Evaluation mode and no gradients inside."""
    modes = {name: network.training for name, network in networks.items()}
    try:
        with torch.no_grad():
            for network in networks.values():
                network.eval()
            yield
    finally:
        for name, network in networks.items():
            network.train(modes[name])
