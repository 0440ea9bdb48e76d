"""A file that FFmpeg's libraries read, as a film."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from mien.image.mark import Mark
from mien.video.film import FilmError, Frame, Painted
from mien.video.read import Window, decode, look
from mien.video.write import CONTAINERS, Cut, encode_segment, join_segments, refuse_sound


class Clip:
    """Moving pictures with sound, or a part of them, on their way to a file of the given suffix."""

    segment_suffix = ".nut"

    def __init__(
        self,
        path: Path,
        suffix: str,
        quality: int = 95,
        window: Window | None = None,
        max_pixels: int = 100_000_000,
        tolerant: bool = False,
    ) -> None:
        if suffix not in CONTAINERS:
            raise FilmError(f"a film is written as {', '.join(CONTAINERS)}, not {suffix}")
        self.path, self.suffix, self.quality, self.tolerant = path, suffix, quality, tolerant
        self.window = window or Window()
        self.facts = look(path, max_pixels)
        self.notes = refuse_sound(path, suffix)

    @property
    def width(self) -> int:
        return self.facts.width

    @property
    def height(self) -> int:
        return self.facts.height

    def refuse_size(self, scale: int) -> None:
        """H.264 takes no half pixel of colour."""
        sides = (self.width * scale, self.height * scale)
        is_odd = any(
            side % 2 and is_half for side, is_half in zip(sides, self.facts.coding.halves, strict=True)
        )
        if is_odd and self.suffix != ".webm":
            raise FilmError(
                f"{self.path}: {sides[0]} x {sides[1]} pixels cannot be in a {self.suffix} file; "
                "a .webm file can"
            )

    @property
    def tick(self) -> Fraction:
        return self.facts.tick

    @property
    def num_expected(self) -> int:
        whole = self.facts.num_frames
        first = self.window.first or Fraction(0)
        last = whole / self.facts.rate if self.window.last is None else self.window.last
        return max(1, min(whole, round((last - first) * self.facts.rate)))

    @property
    def unchanged(self) -> Path | None:
        is_same = self.window.is_whole and self.path.suffix.lower() == self.suffix
        return self.path if is_same else None

    def frames(self, start: int | None = None) -> Iterator[Frame]:
        return decode(self.path, self.facts, self.window, start, self.tolerant)

    def write(self, path: Path, frames: Iterator[Painted]) -> None:
        encode_segment(path, frames, self.facts, self.suffix, self.quality)

    def join(
        self, target: Path, segments: Sequence[Path], frames: Sequence[tuple[int, int]], mark: Mark | None
    ) -> None:
        cut = Cut(self.path, self.facts, self.window, self.suffix)
        join_segments(cut, target, segments, frames, mark)
