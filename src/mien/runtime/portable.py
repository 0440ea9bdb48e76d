"""A network and all that a runtime other than torch has to know of it, or shows those who use its file."""

import re
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, config
from torch import Tensor, nn

from mien.types import Images, RunNetwork

COARSE = 8
"""Side of what made pictures are enlarged from."""
GRAIN = 0.05
COLORED = re.compile(r"\x1b\[[\d;]*m")
"""What terminals take for colours; exporters write so."""
MOST_LETTERS = 240


class UnusableRuntimeError(ValueError):
    """A runtime that cannot take a network; one line that says why."""


@contextmanager
def clear_failures(runtime: str, kinds: tuple[type[Exception], ...]) -> Iterator[None]:
    """Whatever a runtime says of what it cannot do becomes one line."""
    try:
        yield
    except kinds as error:
        said = textwrap.shorten(COLORED.sub("", str(error)), MOST_LETTERS, placeholder=" ...")
        raise UnusableRuntimeError(
            f"{runtime} cannot run this network ({type(error).__name__}: {said})"
        ) from error


@contextmanager
def unchecked() -> Iterator[None]:
    """While a network is traced its sizes are tensors, which checks of shapes take for mistakes."""
    before = config.jaxtyping_disable
    config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        config.update("jaxtyping_disable", before)


@dataclass(frozen=True)
class Inlet:
    """One of a network's inputs: pictures."""

    name: str
    size: tuple[int, int]
    """Height and width."""
    low: float
    """Black."""
    high: float = 1.0
    """White."""
    is_sized: bool = True
    """Whether it takes no other size."""
    unit: int = 1
    """Else sides are multiples of it."""

    @property
    def meaning(self) -> str:
        """For whoever uses a file."""
        height, width = self.size
        sides = f"{height} x {width}" if self.is_sized else f"sides a multiple of {self.unit}"
        return f"RGB from {self.low:g} to {self.high:g}, batch x 3 x height x width, {sides}"


@dataclass(frozen=True)
class Outlet:
    """One of a network's outputs, and how exact it has to be."""

    name: str
    unit: str
    """In which differences are told."""
    scale: float
    """So many units are one in the network's numbers."""
    bound: float
    """Units that another runtime may differ by on average."""


@dataclass(frozen=True)
class Portable:
    """A network in float32 on the processor, ready to be run elsewhere."""

    name: str
    network: nn.Module
    """Takes the inputs one by one and returns a tensor or a tuple of them."""
    inputs: tuple[Inlet, ...]
    outputs: tuple[Outlet, ...]

    def examples(self, batch: int, seed: int = 0) -> tuple[Images, ...]:
        """Made pictures, soft with some grain, always the same ones."""
        chance = torch.Generator().manual_seed(seed)
        return tuple(made_pictures(inlet, batch, chance) for inlet in self.inputs)

    @torch.no_grad()
    def answer(self, *inputs: Float[Tensor, "batch _ _ _"]) -> tuple[Float[Tensor, "..."], ...]:
        """What the network itself makes of them, in float32."""
        made = self.network(*inputs)
        return tuple(made) if isinstance(made, tuple) else (made,)


@dataclass(frozen=True)
class Difference:
    """Between what two runtimes make of the same inputs, in units of the output."""

    outlet: Outlet
    mean: float
    most: float

    @property
    def is_within(self) -> bool:
        return self.mean <= self.outlet.bound  # false for NaN too

    def __str__(self) -> str:
        return f"{self.outlet.name} {self.mean:.4f} {self.outlet.unit} on average, {self.most:.3f} at most"


StartRuntime = Callable[[Portable], RunNetwork]


def made_pictures(inlet: Inlet, batch: int, chance: torch.Generator) -> Images:
    height, width = inlet.size
    coarse = torch.rand((batch, 3, COARSE, COARSE), generator=chance)
    grain = torch.randn((batch, 3, height, width), generator=chance) * GRAIN
    pictures = (F.interpolate(coarse, (height, width), mode="bilinear") + grain).clamp(0, 1)
    return inlet.low + (inlet.high - inlet.low) * pictures


def differences(
    outlets: tuple[Outlet, ...],
    wanted: tuple[Float[Tensor, "..."], ...],
    made: tuple[Float[Tensor, "..."], ...],
) -> tuple[Difference, ...]:
    """Output by output."""
    found = []
    for outlet, truth, answer in zip(outlets, wanted, made, strict=True):
        if truth.shape != answer.shape:
            raise UnusableRuntimeError(
                f"{outlet.name}: wanted {tuple(truth.shape)}, got {tuple(answer.shape)}"
            )
        apart = (truth.double() - answer.double()).abs() * outlet.scale
        found.append(Difference(outlet, float(apart.mean()), float(apart.max())))
    return tuple(found)


def compared(portable: Portable, run: RunNetwork, batch: int) -> tuple[Difference, ...]:
    """How far a runtime is from torch in float32, on made pictures."""
    inputs = portable.examples(batch)
    return differences(portable.outputs, portable.answer(*inputs), run(*inputs))
