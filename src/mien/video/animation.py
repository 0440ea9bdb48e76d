"""GIF and animated WebP as films: pictures by Pillow, with the time each is shown and how often all are."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image as Pillow
from PIL import ImageSequence

from mien.faces.paste import scale_photo
from mien.image.io import clear_errors
from mien.image.mark import Mark, marked
from mien.types import Image
from mien.video.film import FilmError, Frame, Painted, Plane

FORMATS = {".gif": "GIF", ".webp": "WEBP"}
LONGEST = {".gif": 65535, ".webp": 16383}
"""Side that such a file can have."""
SHORTEST = 20
"""Milliseconds; what a file says to be shown for less, viewers show for a tenth of a second."""
USUAL = 100
NUM_COLORS = 256
PALETTE_FRAMES = 12
"""From which the colours of a GIF are chosen: one palette for all frames, as changing ones flicker."""
LEAST_ALPHA = 128


def count_frames(path: Path) -> int:
    """1 for a picture that does not move."""
    with clear_errors(str(path)), Pillow.open(path, formats=list(FORMATS.values())) as picture:
        return getattr(picture, "n_frames", 1)


class Animation:
    """A moving picture without sound, on its way to a file of the given suffix."""

    segment_suffix = ".tif"

    def __init__(self, path: Path, suffix: str, quality: int = 95, max_pixels: int = 100_000_000) -> None:
        if suffix not in FORMATS:
            raise FilmError(f"a moving picture is written as {', '.join(FORMATS)}, not {suffix}")
        self.path, self.suffix, self.quality = path, suffix, quality
        self.tick = Fraction(1, 1000)
        self.num_expected = count_frames(path)
        with clear_errors(str(path)), Pillow.open(path) as picture:
            self.width, self.height = picture.size
            self.loop: int | None = picture.info.get("loop")
        if self.width * self.height > max_pixels:
            told = f"{self.width} x {self.height} pixels"
            raise FilmError(f"{path}: {told}, more than the limit of {max_pixels:,}")

    def refuse_size(self, scale: int) -> None:
        sides, longest = (self.width * scale, self.height * scale), LONGEST[self.suffix]
        if max(sides) > longest:
            told = f"{sides[0]} x {sides[1]} pixels cannot be in a {self.suffix} file"
            raise FilmError(f"{self.path}: {told}, whose sides have {longest:,} at most")

    @property
    def unchanged(self) -> Path | None:
        return self.path if self.path.suffix.lower() == self.suffix else None

    def frames(self, start: int | None = None) -> Iterator[Frame]:
        time = 0
        with clear_errors(str(self.path)), Pillow.open(self.path) as picture:
            for index in range(self.num_expected):
                picture.seek(index)
                picture.load()
                told = round(picture.info.get("duration", 0))
                shown = told if told >= SHORTEST else USUAL
                if start is None or time >= start:
                    levels = np.asarray(picture.convert("RGBA"))
                    planes = tuple(torch.from_numpy(levels[:, :, channel].copy()) for channel in range(4))
                    yield Frame(time, shown, planes, show)
                time += shown

    def write(self, path: Path, frames: Iterator[Painted]) -> None:
        """Without loss; the quality counts when all frames are there."""
        pages = (page for page in map(to_page, frames))
        first = next(pages, None)
        if first is None:
            raise FilmError(f"{path}: a segment needs frames")
        first.save(path, "TIFF", save_all=True, append_images=list(pages), compression="tiff_lzw")

    def join(
        self, target: Path, segments: Sequence[Path], frames: Sequence[tuple[int, int]], mark: Mark | None
    ) -> None:
        """A GIF has no place for a mark."""
        durations = self.told_durations()
        if len(durations) != len(frames):
            raise FilmError(f"{self.path}: has another number of frames than it had")
        if self.suffix == ".gif":
            write_gif(target, segments, durations, self.loop)
        else:
            write_webp(target, segments, durations, self.loop, self.quality)
            target.write_bytes(marked(target.read_bytes(), mark))

    def told_durations(self) -> list[int]:
        """As the file says them."""
        with clear_errors(str(self.path)), Pillow.open(self.path) as picture:
            durations = []
            for index in range(self.num_expected):
                picture.seek(index)
                picture.load()
                durations.append(round(picture.info.get("duration", 0)))
            return durations


def show(planes: tuple[Plane, ...]) -> Image:
    return torch.stack(planes[:3]).float() / 255


def to_page(painted: Painted) -> Pillow.Image:
    """Red, green, blue and alpha."""
    frame, image = painted
    levels = (image.clamp(0, 1).double() * 255 + 0.5).floor().to(torch.uint8)
    scale = image.shape[-1] // frame.stored[0].shape[-1]
    alpha = scale_photo((frame.stored[3].float() / 255).expand(3, -1, -1), scale)[0]
    levels = torch.cat((levels, (alpha * 255).round().to(torch.uint8)[None]))
    return Pillow.fromarray(levels.permute(1, 2, 0).contiguous().numpy(), "RGBA")


def pages_of(segments: Sequence[Path]) -> Iterator[Pillow.Image]:
    """One after the other, each made anew."""
    for path in segments:
        with Pillow.open(path) as segment:
            for page in ImageSequence.Iterator(segment):
                yield page.convert("RGBA")


def write_webp(
    target: Path, segments: Sequence[Path], durations: Sequence[int], loop: int | None, quality: int
) -> None:
    """Pillow reads page after page as it writes."""
    with ExitStack() as opened:
        first, *others = [opened.enter_context(Pillow.open(path)) for path in segments]
        first.save(
            target,
            "WEBP",
            save_all=True,
            append_images=others,
            duration=list(durations),
            loop=0 if loop is None else loop,
            quality=quality,
        )


def write_gif(target: Path, segments: Sequence[Path], durations: Sequence[int], loop: int | None) -> None:
    """All frames in one set of colours, without dithering, whose grain would move."""
    palette = common_palette(segments, len(durations))
    is_clear = any(bool(hidden(page).getbbox()) for page in pages_of(segments))
    pages = (in_palette(page, palette, is_clear) for page in pages_of(segments))
    again = {} if loop is None else {"loop": loop}
    clear = {"transparency": NUM_COLORS - 1, "disposal": 2} if is_clear else {}
    next(pages).save(
        target,
        "GIF",
        save_all=True,
        append_images=pages,
        duration=list(durations),
        optimize=False,
        **again,
        **clear,
    )


def common_palette(segments: Sequence[Path], num_frames: int) -> Pillow.Image:
    """The colours that serve some frames of the film together best; one is left over for transparency."""
    step = max(1, num_frames // PALETTE_FRAMES)
    some = [page.convert("RGB") for page in islice(pages_of(segments), 0, None, step)]
    width, height = some[0].size
    sheet = Pillow.new("RGB", (width, height * len(some)))
    for place, page in enumerate(some):
        sheet.paste(page, (0, place * height))
    return sheet.quantize(NUM_COLORS - 1, method=Pillow.Quantize.MEDIANCUT)


def in_palette(page: Pillow.Image, palette: Pillow.Image, is_clear: bool) -> Pillow.Image:
    indexed = page.convert("RGB").quantize(palette=palette, dither=Pillow.Dither.NONE)
    if is_clear:
        indexed.paste(NUM_COLORS - 1, mask=hidden(page))
    return indexed


def hidden(page: Pillow.Image) -> Pillow.Image:
    """White where nothing is to be seen."""
    alpha = np.asarray(page.getchannel("A"))
    return Pillow.fromarray(np.where(alpha < LEAST_ALPHA, 255, 0).astype(np.uint8))
