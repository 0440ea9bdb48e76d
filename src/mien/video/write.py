"""Films as FFmpeg's libraries write them: segments of pictures, then one file with the sound beside them.

Segments hold no frame that is shown before one that follows it (no B-frames) and begin with a picture that
needs no other, so that they can be made one by one and put together packet by packet, each at its own time.
"""

import heapq
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.container
import numpy as np
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mien.faces.paste import scale_photo
from mien.image.mark import Mark
from mien.video.film import FilmError, Painted, Plane
from mien.video.planes import enlarged, repainted
from mien.video.read import Facts, Window, named_errors, picture_stream
from mien.video.sign import signed

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""What films can be written as, by suffix."""
SEGMENT_FORMAT = "nut"
"""It keeps times in any unit."""
NUM_THREADS = 1
"""Of the encoder: with more, the same frames were once seen to become other bytes, and a film that was
stopped must go on to the same file. Recovering takes far longer than encoding."""
COARSEST = 51
"""x264's and VP9's constant quality goes from 0, without loss, to this and a little above."""
OWN_METADATA = {"encoder", "major_brand", "minor_version", "compatible_brands", "duration"}
"""What a muxer says of itself."""


def rate_factor(quality: int) -> int:
    """The encoder's number for a quality of 1 to 100: 17 for 95, where no loss is seen."""
    return min(COARSEST, round(15 + 0.4 * (100 - quality)))


def encode_segment(path: Path, frames: Iterator[Painted], facts: Facts, suffix: str, quality: int) -> None:
    """Frames to a file of pictures alone."""
    with (
        named_errors(path, "cannot be written"),
        av.open(str(path), "w", format=SEGMENT_FORMAT, options={"fflags": "+bitexact"}) as container,
    ):
        stream: VideoStream | None = None
        for frame, image in frames:
            before = frame.image
            scale = image.shape[-1] // before.shape[-1]
            change = facts.orientation.as_stored(image - scale_photo(before, scale))
            planes = repainted(enlarged(frame.stored, scale), change, facts.coding)
            if stream is None:
                stream = add_encoder(container, facts, suffix, quality, scale)
            container.mux(stream.encode(to_video_frame(planes, frame.time, facts)))
        if stream is None:
            raise FilmError(f"{path}: a segment needs frames")
        container.mux(stream.encode())


def add_encoder(
    container: av.container.OutputContainer, facts: Facts, suffix: str, quality: int, scale: int
) -> VideoStream:
    """H.264, or VP9 for WebM."""
    factor = str(rate_factor(quality))
    if suffix == ".webm":
        settings = {"crf": factor, "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "0"}
        stream = container.add_stream("libvpx-vp9", rate=facts.rate, options=settings)
    else:
        settings = {"crf": factor, "preset": "medium", "bf": "0"}
        stream = container.add_stream("libx264", rate=facts.rate, options=settings)
    stream.width, stream.height = facts.width * scale, facts.height * scale
    stream.pix_fmt = facts.format
    context = stream.codec_context
    context.time_base = facts.tick
    context.thread_count = NUM_THREADS
    context.sample_aspect_ratio = facts.pixel_aspect
    context.color_range, context.color_primaries, context.color_trc, context.colorspace = facts.color
    return stream


def to_video_frame(planes: tuple[Plane, ...], time: int, facts: Facts) -> VideoFrame:
    height, width = planes[0].shape
    frame = VideoFrame(width, height, facts.format)
    kind = np.dtype("<u2") if facts.coding.bits > 8 else np.dtype("u1")
    for plane, numbers in zip(frame.planes, planes, strict=True):
        rows = np.zeros((plane.buffer_size // plane.line_size, plane.line_size // kind.itemsize), kind)
        rows[: plane.height, : plane.width] = numbers.numpy()
        plane.update(rows.tobytes())
    frame.color_range, frame.color_primaries, frame.color_trc, frame.colorspace = facts.color
    frame.pts, frame.time_base = time, facts.tick
    return frame


def refuse_sound(path: Path, suffix: str) -> tuple[str, ...]:
    """Said before work begins: that the file cannot hold the sound; returned is what else is left out."""
    notes = []
    with named_errors(path), av.open(str(path)) as source:
        for stream in other_streams(source):
            name = codec_name(stream)
            if takes(suffix, name):
                continue
            if stream.type == "audio":
                raise FilmError(f"{path}: a {suffix} file cannot hold its sound ({name}); a .mkv file can")
            notes.append(f"{stream.type} ({name}) cannot be in a {suffix} file and is left out")
    return tuple(notes)


def takes(suffix: str, codec: str) -> bool:
    """Whether such a file can hold it."""
    with av.open(io.BytesIO(), "w", format=CONTAINERS[suffix]) as container:
        return codec in container.supported_codecs


def codec_name(stream: Stream) -> str:
    return stream.codec_context.name if stream.codec_context is not None else "unknown"


def other_streams(source: av.container.InputContainer) -> list[Stream]:
    """Sound and subtitles."""
    return [*source.streams.audio, *source.streams.subtitles]


@dataclass(frozen=True)
class Cut:
    """The part of a film that was recovered, and what it is to be written as."""

    path: Path
    facts: Facts
    window: Window
    suffix: str


def join_segments(
    cut: Cut,
    target: Path,
    segments: Sequence[Path],
    frames: Sequence[tuple[int, int]],
    mark: Mark | None,
) -> None:
    """The segments, and from the source everything that is heard or read, packet by packet."""
    path, facts, window, suffix = cut.path, cut.facts, cut.window, cut.suffix
    options = {"fflags": "+bitexact"}
    if CONTAINERS[suffix] in ("mp4", "mov"):
        options["movflags"] = "+faststart"
    with (
        named_errors(path, "cannot be put together again"),
        av.open(str(path)) as source,
        av.open(str(segments[0])) as model,
        av.open(str(target), "w", format=CONTAINERS[suffix], options=options) as container,
    ):
        pictures = container.add_stream_from_template(model.streams.video[0])
        pictures.time_base = facts.tick
        if facts.matrix is not None:
            pictures.set_display_matrix(facts.matrix)
        copy_words(picture_stream(source, path), pictures)
        kept = [
            stream for stream in other_streams(source) if codec_name(stream) in container.supported_codecs
        ]
        places = {stream.index: container.add_stream_from_template(stream) for stream in kept}
        for stream in kept:
            copy_words(stream, places[stream.index])
        container.metadata.update(worth_keeping(source.metadata))
        if mark is not None:
            container.metadata["comment"] = signed(source.metadata.get("comment", ""), mark)
        if window.is_whole:
            container.set_chapters(source.chapters())
        shift = Fraction(0) if window.is_whole else -frames[0][0] * facts.tick
        ends = frames[0][0] * facts.tick, (frames[-1][0] + frames[-1][1]) * facts.tick
        both = heapq.merge(
            picture_packets(segments, frames, facts, pictures),
            other_packets(source, kept, places, None if window.is_whole else ends),
            key=when,
        )
        for packet in both:
            container.mux_one(shifted(packet, shift))


def worth_keeping(metadata: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in metadata.items() if name.lower() not in OWN_METADATA}


def copy_words(source: Stream, target: Stream) -> None:
    """Language, title, and what a stream is for."""
    target.metadata.update(worth_keeping(source.metadata))
    target.disposition = source.disposition


def picture_packets(
    segments: Iterable[Path], frames: Sequence[tuple[int, int]], facts: Facts, target: VideoStream
) -> Iterator[Packet]:
    """One for each frame, at the time and for as long as that one."""
    waiting = iter(frames)
    for path in segments:
        with av.open(str(path)) as segment:
            for packet in segment.demux(segment.streams.video[0]):
                if packet.size == 0:
                    continue
                time, duration = next(waiting)
                if packet.pts is None or packet.pts * packet.time_base != time * facts.tick:
                    raise FilmError(f"{path}: holds another frame than it should")
                packet.time_base, packet.pts, packet.dts = facts.tick, time, time
                packet.duration = duration
                packet.stream = target
                yield packet
    if next(waiting, None) is not None:
        raise FilmError("the segments hold fewer frames than they should")


def other_packets(
    source: av.container.InputContainer,
    kept: list[Stream],
    places: dict[int, Stream],
    ends: tuple[Fraction, Fraction] | None,
) -> Iterator[Packet]:
    """Sound and subtitles as they are; of a part of a film, what is heard while it is seen."""
    for packet in source.demux(*kept) if kept else ():
        if packet.dts is None:
            continue
        begin = when(packet)
        if ends is not None and not (
            begin < ends[1] and begin + (packet.duration or 0) * packet.time_base > ends[0]
        ):
            continue
        packet.stream = places[packet.stream.index]
        yield packet


def when(packet: Packet) -> Fraction:
    """Its place in the file, in seconds."""
    return (packet.dts or 0) * packet.time_base


def shifted(packet: Packet, seconds: Fraction) -> Packet:
    ticks = round(seconds / packet.time_base)
    if ticks:
        packet.pts = None if packet.pts is None else packet.pts + ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks
    return packet
