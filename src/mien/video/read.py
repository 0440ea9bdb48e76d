"""Films as FFmpeg's libraries read them: what they are, and their frames."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import av.container
import numpy as np
import torch
from av.error import FFmpegError, InvalidDataError
from av.stream import Disposition
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mien.types import Image
from mien.video.film import FilmError, Frame, Plane
from mien.video.planes import BT709, WEIGHTS, Coding, likely_matrix, rgb_from_planes
from mien.video.upright import Orientation, orientation_of, read_matrix

FULL_RANGE, LIMITED_RANGE = 2, 1
"""FFmpeg's numbers for them."""
DEFAULT_RATE = Fraction(25)
"""Frames a second, of a film that does not say."""
TOLERANCE = Fraction(1, 1_000_000)
"""Seconds by which a frame may come before the first that was asked for: times are rounded to ticks."""


@dataclass(frozen=True)
class Window:
    """The part of a film that is wanted, in seconds from its beginning."""

    first: Fraction | None = None
    last: Fraction | None = None
    """The first moment that is no longer wanted."""

    @property
    def is_whole(self) -> bool:
        return self.first is None and self.last is None


@dataclass(frozen=True)
class Facts:
    """What a film says of its pictures, and what is made of that."""

    tick: Fraction
    origin: Fraction
    """When the film begins, in seconds."""
    rate: Fraction
    """Frames a second, on average."""
    num_frames: int
    """About, in all."""
    width: int
    height: int
    format: str
    """That its frames are brought into, and stored in."""
    coding: Coding
    color: tuple[int, int, int, int]
    """Range, primaries, transfer and matrix, as the file numbers them."""
    pixel_aspect: Fraction
    matrix: tuple[int, ...] | None
    """How the picture is turned before it is shown."""

    @property
    def orientation(self) -> Orientation:
        return Orientation() if self.matrix is None else orientation_of(self.matrix)


@contextmanager
def named_errors(path: Path, problem: str = "not a film that can be read") -> Iterator[None]:
    """What FFmpeg says of a broken film becomes one line."""
    try:
        yield
    except FFmpegError as error:
        raise FilmError(f"{path}: {problem} ({(error.strerror or str(error)).lower()})") from error


def picture_stream(container: av.container.InputContainer, path: Path) -> VideoStream:
    """The first that moves: a cover is a picture too."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise FilmError(f"{path}: there are no moving pictures in it")


def look(path: Path, max_pixels: int) -> Facts:
    """What there is to know before frames are read."""
    with named_errors(path), av.open(str(path)) as container:
        stream = picture_stream(container, path)
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > max_pixels:
            raise FilmError(f"{path}: {width} x {height} pixels, more than the limit of {max_pixels:,}")
        first = next(container.decode(stream), None)
        if first is None or stream.time_base is None:
            raise FilmError(f"{path}: there are no frames in it")
        return facts_of(container, stream, first)


def facts_of(container: av.container.InputContainer, stream: VideoStream, first: VideoFrame) -> Facts:
    rate = stream.average_rate or stream.guessed_rate or DEFAULT_RATE
    tick = stream.time_base or 1 / rate
    coding, color = coding_of(first)
    turn = first.side_data.get("DISPLAYMATRIX")
    seconds = container.duration / av.time_base if container.duration else 0.0
    return Facts(
        tick=tick,
        origin=Fraction(container.start_time or 0, av.time_base),
        rate=rate,
        num_frames=stream.frames or round(seconds * rate),
        width=first.width,
        height=first.height,
        format=planar_format(first.format),
        coding=coding,
        color=color,
        pixel_aspect=stream.sample_aspect_ratio or Fraction(1),
        matrix=None if turn is None else read_matrix(bytes(turn)),
    )


def planar_format(format: VideoFormat) -> str:
    """The nearest of those that have a plane each for brightness and two colours, in 8 or 10 bits."""
    if format.is_rgb or format.has_palette:
        return "yuv444p"
    deep = "10le" if max(component.bits for component in format.components) > 8 else ""
    halves = format.chroma_width(64) < 64, format.chroma_height(64) < 64
    if len(format.components) < 3:
        halves = (True, True)
    shape = {(True, True): "420", (True, False): "422"}.get(halves, "444")
    return f"yuv{shape}p{deep}"


def coding_of(frame: VideoFrame) -> tuple[Coding, tuple[int, int, int, int]]:
    """How its planes are to be read, and the four numbers that say so in a file."""
    name = planar_format(frame.format)
    bits = 10 if name.endswith("10le") else 8
    halves = "420" in name or "422" in name, "420" in name
    if frame.format.is_rgb or frame.format.has_palette:
        return Coding(BT709, False, bits, halves), (LIMITED_RANGE, BT709, BT709, BT709)
    is_full = frame.color_range == FULL_RANGE or "yuvj" in frame.format.name
    named = int(frame.colorspace)
    matrix = named if named in WEIGHTS else likely_matrix(frame.width, frame.height)
    told = FULL_RANGE if is_full else int(frame.color_range)
    color = (told, int(frame.color_primaries), int(frame.color_trc), named)
    return Coding(matrix, is_full, bits, halves), color


def decode(
    path: Path, facts: Facts, window: Window, start: int | None = None, tolerant: bool = False
) -> Iterator[Frame]:
    """The frames of a part of a film; `start` is the time of one of them."""
    with named_errors(path), av.open(str(path)) as container:
        stream = picture_stream(container, path)
        stream.thread_type = "AUTO"  # pyright: ignore[reportAttributeAccessIssue] (a name will do)
        begin = seconds_to_ticks(window.first, facts, down=True)
        end = seconds_to_ticks(window.last, facts, down=False)
        begin = max((time for time in (begin, start) if time is not None), default=None)
        if begin is not None:
            container.seek(begin, stream=stream)
        for frame, time in timed(container, stream, facts, tolerant):
            if end is not None and time >= end:
                return
            if begin is None or time >= begin:
                yield to_frame(frame, time, facts)


def seconds_to_ticks(seconds: Fraction | None, facts: Facts, down: bool) -> int | None:
    if seconds is None:
        return None
    ticks = (facts.origin + seconds - TOLERANCE) / facts.tick
    return -int(-ticks // 1) if not down else int(ticks // 1) + 1


def timed(
    container: av.container.InputContainer, stream: VideoStream, facts: Facts, tolerant: bool
) -> Iterator[tuple[VideoFrame, int]]:
    """Frames and when they are shown, one later than the other also where the file says otherwise."""
    step = max(1, round(1 / facts.rate / facts.tick))
    last: int | None = None
    for frame in frames_of(container, stream, tolerant):
        following = 0 if last is None else last + (frame.duration or step)
        time = following if frame.pts is None else frame.pts
        if last is not None and time <= last:
            time = last + 1
        last = time
        yield frame, time


def frames_of(
    container: av.container.InputContainer, stream: VideoStream, tolerant: bool
) -> Iterator[VideoFrame]:
    for packet in container.demux(stream):
        try:
            found = stream.decode(packet)
        except InvalidDataError:
            if not tolerant:
                raise
            continue
        yield from found


def to_frame(frame: VideoFrame, time: int, facts: Facts) -> Frame:
    step = max(1, round(1 / facts.rate / facts.tick))

    def show(planes: tuple[Plane, ...]) -> Image:
        return facts.orientation.upright(rgb_from_planes(planes, facts.coding).clamp(0, 1)).contiguous()

    return Frame(time, frame.duration or step, planes_of(frame, facts), show)


def planes_of(frame: VideoFrame, facts: Facts) -> tuple[Plane, ...]:
    """As numbers; packed ones are unpacked."""
    is_rgb = frame.format.is_rgb or frame.format.has_palette
    name = frame.format.name.replace("yuvj", "yuv")
    if (name, frame.width, frame.height) != (facts.format, facts.width, facts.height):
        frame = frame.reformat(
            width=facts.width,
            height=facts.height,
            format=facts.format,
            dst_colorspace="ITU709" if is_rgb else None,
            dst_color_range="MPEG" if is_rgb else None,
        )
    kind = np.dtype("<u2") if facts.coding.bits > 8 else np.dtype("u1")
    planes = []
    for plane in frame.planes[:3]:
        rows = np.frombuffer(cast("memoryview", plane), kind).reshape(-1, plane.line_size // kind.itemsize)
        used = rows[: plane.height, : plane.width]
        planes.append(torch.from_numpy(used.astype(np.int16 if kind.itemsize > 1 else np.uint8)))
    return tuple(planes)
