"""Who is trained: a player is a network, its optimizer, what it wants, and how often it moves."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from mien.train.schedule import constant
from mien.types import Losses

Batch = TypeVar("Batch")
"""A tensor, or a frozen dataclass (or tuple) of tensors whose first dimension counts the items."""


@dataclass(frozen=True)
class Player(Generic[Batch]):
    """One network that learns.

    An adversarial training is two players whose objectives close over each other's network;
    a distilled one is an objective that closes over a frozen teacher.
    """

    name: str
    network: nn.Module
    optimizer: torch.optim.Optimizer
    """Over parameters of `network` alone."""
    objective: Callable[[nn.Module, Batch, torch.Generator], Losses]
    """`objective(network, batch, generator)`.

    `network` is this player's, made ready for device, precision and processes: call that one, so that
    gradients reach all processes. The generator is on the device and depends on seed, step, process
    and player alone. Runs under the precision of the training: a part that needs
    float32 says so with `torch.autocast(..., enabled=False)`.
    """
    every: int = 1
    """Moves at steps 0, every, 2 * every, ..."""
    ema_decay: float | None = None
    schedule: Callable[[int], float] = constant
    """Step to factor on the optimizer's learning rates."""
    clip_norm: float | None = None
    """Largest norm of the gradient over all parameters together."""
    product: str | None = ""
    """The module inside `network` that is of use afterwards: "" is all of it; None is nothing, as of a second
    player with a network that another has too."""

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"player '{self.name}': every must be 1 or more, got {self.every}")
        if self.ema_decay is not None and not 0 <= self.ema_decay < 1:
            raise ValueError(f"player '{self.name}': ema_decay must be in [0, 1), got {self.ema_decay}")
        if self.product and self.product not in dict(self.network.named_modules()):
            raise ValueError(f"player '{self.name}': its network has no part '{self.product}'")
        own = {id(parameter) for parameter in self.network.parameters()}
        groups = self.optimizer.param_groups
        if any(id(parameter) not in own for group in groups for parameter in group["params"]):
            raise ValueError(f"player '{self.name}': its optimizer moves parameters of another network")


def trainable(network: nn.Module) -> list[Tensor]:
    """The parameters that a gradient may reach."""
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


@contextmanager
def held_still(parameters: Sequence[Tensor]) -> Iterator[None]:
    """No gradient reaches these parameters inside; all of them must want one outside."""
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
