"""What a film is to the rest: frames one after the other, and a writer of segments that become one file."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Shaped
from torch import Tensor

from mien.image.mark import Mark
from mien.types import Image

Plane = Shaped[Tensor, "_ _"]
"""Numbers as a file holds them, or on their way there."""


class FilmError(ValueError):
    """A film that cannot be read or written; one line that says why."""


@dataclass(frozen=True)
class Frame:
    """One picture of a film."""

    time: int
    """When it is shown, in ticks of the film."""
    duration: int
    """For how long; of most frames the next one's time says so."""
    stored: tuple[Plane, ...]
    """What the file holds: planes of brightness and colour."""
    show: Callable[[tuple[Plane, ...]], Image]

    @property
    def image(self) -> Image:
        """As it is seen: upright, RGB in [0, 1]; made anew each time, since many frames wait in memory."""
        return self.show(self.stored)


Painted = tuple[Frame, Float[Tensor, "3 _ _"]]
"""A frame and what is to be shown in its place, perhaps enlarged."""


@runtime_checkable
class Film(Protocol):
    """A file of moving pictures, or a part of it."""

    @property
    def width(self) -> int:
        """As it is stored, before it is turned upright."""
        ...

    @property
    def height(self) -> int: ...

    @property
    def tick(self) -> Fraction:
        """Seconds."""
        ...

    @property
    def num_expected(self) -> int:
        """About how many frames there are, for a bar; the file may not know."""
        ...

    @property
    def segment_suffix(self) -> str:
        """Of the files that segments are."""
        ...

    @property
    def unchanged(self) -> Path | None:
        """The file that a film without faces can be copied from."""
        ...

    def refuse_size(self, scale: int) -> None:
        """A FilmError where what is written cannot be so many times as large, said before work begins."""
        ...

    def frames(self, start: int | None = None) -> Iterator[Frame]:
        """All frames in the order they are shown, or those from the time `start` on."""
        ...

    def write(self, path: Path, frames: Iterator[Painted]) -> None:
        """A segment: the same frames always become the same bytes."""
        ...

    def join(
        self, target: Path, segments: Sequence[Path], frames: Sequence[tuple[int, int]], mark: Mark | None
    ) -> None:
        """The segments as one file with all else that the source has, and what mien did to it.

        `frames` are their times and durations.
        """
        ...
