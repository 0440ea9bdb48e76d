"""A player at work: its network made ready for device, precision and processes."""

from collections.abc import Sequence
from typing import Generic, TypedDict

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from mien.train.ema import Average
from mien.train.order import generator_at
from mien.train.player import Batch, Player, held_still, trainable


class SeatState(TypedDict):
    """A player in a checkpoint."""

    network: dict[str, Tensor]
    optimizer: dict[str, object]
    average: dict[str, Tensor] | None
    num_updates: int


class Seat(Generic[Batch]):
    """Where a player sits while it is trained."""

    def __init__(self, fabric: Fabric, player: Player[Batch], channels_last: bool) -> None:
        if channels_last:
            player.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.fabric = fabric
        self.player = player
        self.rates = [group["lr"] for group in player.optimizer.param_groups]
        self.network, self.optimizer = fabric.setup(player.network.train(), player.optimizer)
        self.average = None if player.ema_decay is None else Average(player.network, player.ema_decay)
        self.others: list[Tensor] = []

    @property
    def result(self) -> nn.Module:
        """The network to judge and to keep."""
        return self.player.network if self.average is None else self.average.network

    def meet(self, seats: "Sequence[Seat[Batch]]") -> None:
        """Learn whose parameters to hold still while this player moves."""
        own = {id(parameter) for parameter in self.player.network.parameters()}
        everyone = [parameter for seat in seats for parameter in trainable(seat.player.network)]
        self.others = [parameter for parameter in everyone if id(parameter) not in own]

    def move(self, batches: Sequence[Batch], step: int, chance: tuple[int, ...]) -> dict[str, Tensor]:
        """One step of the optimizer on these batches together; returns what to log, still on the device."""
        seen: dict[str, Tensor] = {}
        self.optimizer.zero_grad()
        with held_still(self.others):
            for number, batch in enumerate(batches):
                last = number == len(batches) - 1
                generator = generator_at(self.fabric.device, *chance, number)
                with self.fabric.no_backward_sync(self.network, enabled=not last):
                    with self.fabric.autocast():
                        losses = self.player.objective(self.network, batch, generator)
                    self.fabric.backward(losses.total / len(batches))
                for name, term in {"total": losses.total, **losses.terms}.items():
                    share = term.detach().float() / len(batches)
                    seen[name] = seen[name] + share if name in seen else share
        seen.update(self._descend(step))
        return seen

    def _descend(self, step: int) -> dict[str, Tensor]:
        seen = {}
        if self.player.clip_norm is not None:
            # a gradient that is not finite is found in the log's window, without waiting for the device here
            seen["gradient_norm"] = self.fabric.clip_gradients(
                self.network, self.optimizer, max_norm=self.player.clip_norm, error_if_nonfinite=False
            )
        factor = self.player.schedule(step)
        for group, rate in zip(self.player.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        self.optimizer.step()
        if self.average is not None:
            self.average.update()
        return seen

    def state(self) -> SeatState:
        """All that changes in a training."""
        average = self.average
        return {
            "network": self.player.network.state_dict(),
            "optimizer": self.player.optimizer.state_dict(),
            "average": None if average is None else average.network.state_dict(),
            "num_updates": 0 if average is None else average.num_updates,
        }

    def load_state(self, state: SeatState) -> None:
        """Go on from what `state` returned."""
        average = state["average"]
        if (average is None) != (self.average is None):
            raise ValueError(f"player '{self.player.name}': checkpoint and recipe differ in ema_decay")
        self.player.network.load_state_dict(state["network"])
        self.player.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None and average is not None:
            self.average.network.load_state_dict(average)
            self.average.num_updates = state["num_updates"]
