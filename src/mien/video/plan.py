"""What is to be done with a film, once all its frames were looked at."""

from dataclasses import dataclass
from fractions import Fraction

import torch
from jaxtyping import UInt8
from torch import Tensor

from mien.video.blend import reach_of
from mien.video.cuts import find_cuts
from mien.video.journal import Journal
from mien.video.smooth import Pose, Way, way_of
from mien.video.track import follow, largest_of_scenes, lasting

NEARBY = 64
"""Frames that share a list of the faces that may be in them."""


@dataclass(frozen=True)
class Plan:
    """Each face's way, and when each frame is shown."""

    frames: tuple[tuple[int, int], ...]
    """Time and duration, in ticks."""
    glimpses: UInt8[Tensor, "frames 3 8 8"]
    tick: Fraction
    cuts: tuple[int, ...]
    ways: tuple[Way, ...]
    near: tuple[tuple[Way, ...], ...]
    """Those of each NEARBY frames."""
    reach: int
    """Frames to either side that a recovery is blended with."""

    @property
    def num_frames(self) -> int:
        return len(self.frames)

    @property
    def seconds(self) -> float:
        last = self.frames[-1]
        return float((last[0] + last[1] - self.frames[0][0]) * self.tick)

    def moment(self, index: int) -> float:
        """Seconds from the film's beginning."""
        return float((self.frames[index][0] - self.frames[0][0]) * self.tick)

    def poses(self, index: int) -> dict[int, Pose]:
        """The faces of a frame by the number of their track."""
        seconds = self.moment(index)
        return {
            way.number: way.at(seconds)
            for way in self.near[index // NEARBY]
            if way.first <= index <= way.last
        }

    def segments(self, seconds: float, unit: int) -> list[tuple[int, int]]:
        """First frame and end of each, whole numbers of units long."""
        per_segment = max(1, round(seconds * self.num_frames / max(self.seconds, 1e-6) / unit)) * unit
        starts = range(0, self.num_frames, per_segment)
        return [(start, min(start + per_segment, self.num_frames)) for start in starts]


def make_plan(journal: Journal, tick: Fraction, template: str, size: int, only_largest: bool) -> Plan:
    """From what the journal says of each frame."""
    frames: list[tuple[int, int]] = []
    seen = []
    for look in journal.looks():
        # the last frame alone keeps its own duration: others end when the next begins
        if frames:
            frames[-1] = (frames[-1][0], look.time - frames[-1][0])
        frames.append((look.time, look.duration))
        seen.append(look.glimpse)
    glimpses = torch.stack(seen)
    cuts = find_cuts(glimpses)
    times = [float((time - frames[0][0]) * tick) for time, _ in frames]
    sights = ((second, list(look.sights)) for second, look in zip(times, journal.looks(), strict=True))
    tracks = lasting(follow(sights, cuts), cuts, len(frames))
    if only_largest:
        tracks = largest_of_scenes(tracks)
    moments = torch.tensor(times, dtype=torch.float64)
    ends = [*cuts[1:], len(frames)]
    scenes = [(start, end - 1) for start, end in zip(cuts, ends, strict=True)]
    ways = tuple(way_of(track, moments, scenes[track.scene], template, size) for track in tracks)
    steps = moments[1:] - moments[:-1]
    usual = float(steps.median()) if len(steps) else 1.0
    reach = reach_of(max(usual, 1e-3))
    return Plan(tuple(frames), glimpses, tick, tuple(cuts), ways, nearby(ways, len(frames)), reach)


def nearby(ways: tuple[Way, ...], num_frames: int) -> tuple[tuple[Way, ...], ...]:
    """A long film has many faces, and few at a time."""
    blocks: list[list[Way]] = [[] for _ in range(0, num_frames, NEARBY)]
    for way in ways:
        for block in range(way.first // NEARBY, way.last // NEARBY + 1):
            blocks[block].append(way)
    return tuple(tuple(block) for block in blocks)
