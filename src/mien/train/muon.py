"""Muon (Jordan and others, 2024): momentum made orthogonal before each step; Adam for what is no matrix.

Every direction of a weight matrix then moves as far, also those along which the gradient is faint. Small
networks that see few pictures learn in fewer steps with it than with Adam alone.
"""

from collections.abc import Callable, Iterable
from typing import Literal, overload

import torch
from jaxtyping import Float
from torch import Tensor, nn

QUINTIC = (3.4445, -4.7750, 2.0315)
"""a, b, c of the iteration x -> a x + b x^3 + c x^5 on singular values, steep at 0 and near 1 soon."""
NUM_ITERATIONS = 5
RMS_OF_ADAM = 0.2
"""Root mean square of a step of Adam in units of its rate, which steps of Muon are scaled to (Liu and others,
2025), so that one rate serves both."""


OptimizerName = Literal["muon", "adam"]


class Muon(torch.optim.Optimizer):
    """Convolutions and matrices by Muon, vectors and what `spared` names by Adam."""

    def __init__(
        self,
        network: nn.Module,
        lr: float,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.99),
        spared: tuple[str, ...] = (),
    ) -> None:
        named = [(name, weight) for name, weight in network.named_parameters() if weight.requires_grad]
        matrices = [weight for name, weight in named if weight.ndim >= 2 and not name.startswith(spared)]
        chosen = {id(weight) for weight in matrices}
        others = [weight for _, weight in named if id(weight) not in chosen]
        shared = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "betas": betas}
        groups = [{"params": matrices, "orthogonal": True}, {"params": others, "orthogonal": False}]
        super().__init__([group for group in groups if group["params"]], shared)

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Move every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in _with_gradient(group["params"]):
                if group["orthogonal"]:
                    direction = self._by_muon(weight, group["momentum"])
                else:
                    direction = self._by_adam(weight, group["betas"])
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.sub_(direction.to(weight.dtype), alpha=group["lr"])
        return loss

    def _by_muon(self, weight: Tensor, momentum: float) -> Tensor:
        gradient, state = _gradient(weight), self.state[weight]
        if not state:
            state["velocity"] = torch.zeros_like(gradient)
        velocity: Tensor = state["velocity"]
        velocity.lerp_(gradient, 1 - momentum)
        ahead = gradient.lerp(velocity, momentum)
        direction = orthogonalized(ahead.flatten(1))
        scale = RMS_OF_ADAM * max(direction.shape) ** 0.5
        return scale * direction.reshape(weight.shape)

    def _by_adam(self, weight: Tensor, betas: tuple[float, float]) -> Tensor:
        gradient, state = _gradient(weight), self.state[weight]
        if not state:
            state["step"] = torch.zeros(())
            state["mean"], state["square"] = torch.zeros_like(gradient), torch.zeros_like(gradient)
        slow, slower = betas
        state["step"] += 1
        mean, square = state["mean"], state["square"]
        mean.lerp_(gradient, 1 - slow)
        square.lerp_(gradient.square(), 1 - slower)
        count = float(state["step"])
        return mean / (1 - slow**count) / ((square / (1 - slower**count)).sqrt() + 1e-8)


def make_optimizer(
    name: OptimizerName,
    network: nn.Module,
    lr: float,
    weight_decay: float,
    betas: tuple[float, float] = (0.9, 0.999),
) -> torch.optim.Optimizer:
    """Of all weights of a network; `betas` are Adam's."""
    if name == "muon":
        return Muon(network, lr, weight_decay)
    return torch.optim.AdamW(network.parameters(), lr, betas, weight_decay=weight_decay)


def orthogonalized(matrix: Float[Tensor, "rows columns"]) -> Float[Tensor, "rows columns"]:
    """The nearest matrix whose singular values are all 1, roughly: they end between 0.7 and 1.2."""
    tall = matrix.shape[0] > matrix.shape[1]
    wide = (matrix.mT if tall else matrix).bfloat16()
    wide = wide / (wide.norm() + 1e-7)
    a, b, c = QUINTIC
    for _ in range(NUM_ITERATIONS):
        square = wide @ wide.mT
        wide = a * wide + (b * square + c * square @ square) @ wide
    return (wide.mT if tall else wide).to(matrix.dtype)


def _with_gradient(weights: Iterable[Tensor]) -> list[Tensor]:
    return [weight for weight in weights if weight.grad is not None]


def _gradient(weight: Tensor) -> Tensor:
    assert weight.grad is not None
    return weight.grad.float()
