"""Which faces of one frame are which of another: by where they are and by who they are.

Faces go from frame to frame as detections; a track is one face through a scene. Pairs are taken from the best
to the worst; a face that is lost for a moment is waited for where it was going.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from mien.faces.detect import box_areas
from mien.types import Box, Detection

LONGEST_LOSS = 0.8
"""Seconds that a face may be out of sight and still be the same track."""
LEAST_OVERLAP = 0.2
"""Shared over joint area, from which two boxes of following frames may be one face."""
NEAR, REACH = 0.5, 1.5
"""How far a face may have gone, in sides of its box: at once, and for each second."""
LIKE, STRANGE = 0.3, 0.1
"""Cosines above which two faces are taken for one person's, and below which for two people's."""
LARGEST_GROWTH = 1.7
"""How many times as large a face may have become."""
LEAST_SIGHTS = 3
"""Times that a face has to be seen: a single answer of the detector may be a mistake."""
MEMORY = 0.7
"""Share that an earlier look keeps in the idea of who somebody is."""
NUM_VALUES = 15
"""Of a sight: box, points, score."""

Person = Float[Tensor, " features"]


@dataclass(frozen=True)
class Sight:
    """A face in one frame."""

    detection: Detection
    person: Person | None
    """Who it is, where somebody looked."""


@dataclass(frozen=True)
class Track:
    """One face through a scene."""

    number: int
    scene: int
    frames: array = field(default_factory=lambda: array("q"))
    """In which it was found."""
    values: array = field(default_factory=lambda: array("f"))
    """For each of these box, points and score, one after the other."""

    @property
    def table(self) -> Float[Tensor, "sights 15"]:
        return torch.tensor(self.values).reshape(-1, NUM_VALUES)

    def add(self, frame: int, face: Detection) -> None:
        self.frames.append(frame)
        self.values.extend([*face.box.tolist(), *face.points.flatten().tolist(), face.score])

    def detection(self, sight: int) -> Detection:
        """As it was found the so-many-th time."""
        numbers = torch.tensor(self.values[sight * NUM_VALUES : (sight + 1) * NUM_VALUES])
        return Detection(numbers[:4], numbers[4:14].reshape(5, 2), float(numbers[14]))


@dataclass(frozen=True)
class Trail:
    """What a tracker remembers of a face it waits for."""

    track: Track
    seconds: float
    box: Box
    speed: Box
    """Of the box's sides, in pixels a second."""
    person: Person | None

    def expected(self, seconds: float) -> Box:
        """Where it should be by now; a face that is not seen stops sooner or later."""
        elapsed = min(seconds - self.seconds, LONGEST_LOSS / 2)
        return self.box + self.speed * elapsed

    def followed(self, seconds: float, sight: Sight) -> "Trail":
        box = sight.detection.box
        speed = (box - self.box) / max(seconds - self.seconds, 1e-6)
        person = self.person if sight.person is None else sight.person
        if self.person is not None and sight.person is not None:
            person = torch.nn.functional.normalize(torch.lerp(sight.person, self.person, MEMORY), dim=0)
        return Trail(self.track, seconds, box, (self.speed + speed) / 2, person)


def overlap(first: Box, second: Box) -> float:
    """Shared over joint area."""
    low, high = torch.maximum(first[:2], second[:2]), torch.minimum(first[2:], second[2:])
    shared = box_areas(torch.cat((low, high)))
    joint = box_areas(first) + box_areas(second) - shared
    return float(shared / joint.clamp_min(1e-6))


def likeness(trail: Trail, sight: Sight, seconds: float) -> float | None:
    """How well a face continues a trail; None where it cannot."""
    expected, box = trail.expected(seconds), sight.detection.box
    shared = overlap(expected, box)
    side = box_areas(expected).clamp_min(1.0).sqrt()
    growth = float(box_areas(box).clamp_min(1.0).sqrt() / side)
    if not 1 / LARGEST_GROWTH <= growth <= LARGEST_GROWTH:
        return None
    distance = float(((box[:2] + box[2:]) - (expected[:2] + expected[2:])).norm() / 2 / side)
    is_near = distance < NEAR + REACH * (seconds - trail.seconds)
    if trail.person is None or sight.person is None:
        return shared if shared >= LEAST_OVERLAP or distance < NEAR else None
    cosine = float(trail.person @ sight.person)
    if cosine < STRANGE and shared < 2 * LEAST_OVERLAP:
        return None
    if shared >= LEAST_OVERLAP or (is_near and cosine >= LIKE):
        return shared + cosine
    return None


def follow(
    frames: Iterable[tuple[float, list[Sight]]], cuts: Iterable[int]
) -> list[Track]:  # fmt: skip
    """All tracks of a film, given each frame's time in seconds and its faces."""
    tracks: list[Track] = []
    trails: list[Trail] = []
    beginnings, scene = set(cuts), -1
    for frame, (seconds, sights) in enumerate(frames):
        if frame in beginnings:
            scene, trails = scene + 1, []
        trails = [trail for trail in trails if seconds - trail.seconds <= LONGEST_LOSS]
        matched = pairs(trails, sights, seconds)
        following = [trail for index, trail in enumerate(trails) if index not in matched.values()]
        for index, sight in enumerate(sights):
            if index in matched:
                trail = trails[matched[index]].followed(seconds, sight)
            else:
                tracks.append(Track(len(tracks), scene))
                box = sight.detection.box
                trail = Trail(tracks[-1], seconds, box, torch.zeros(4), sight.person)
            trail.track.add(frame, sight.detection)
            following.append(trail)
        trails = following
    return tracks


def pairs(trails: list[Trail], sights: list[Sight], seconds: float) -> dict[int, int]:
    """Which trail each face continues, the best fit first."""
    fits = [
        (fit, index, number)
        for index, sight in enumerate(sights)
        for number, trail in enumerate(trails)
        if (fit := likeness(trail, sight, seconds)) is not None
    ]
    matched: dict[int, int] = {}
    for _, index, number in sorted(fits, key=lambda item: (-item[0], item[1], item[2])):
        if index not in matched and number not in matched.values():
            matched[index] = number
    return matched


def lasting(tracks: list[Track], cuts: list[int], num_frames: int) -> list[Track]:
    """Those that were seen often enough; in a scene of few frames, in all of them."""
    ends = [*cuts[1:], num_frames]
    lengths = [end - start for start, end in zip(cuts, ends, strict=True)]
    return [track for track in tracks if len(track.frames) >= min(LEAST_SIGHTS, lengths[track.scene])]


def largest_of_scenes(tracks: list[Track]) -> list[Track]:
    """Of each scene the face that fills most of it, over time."""
    best: dict[int, tuple[float, Track]] = {}
    for track in tracks:
        area = float(box_areas(track.table[:, :4]).sum())
        if track.scene not in best or area > best[track.scene][0]:
            best[track.scene] = (area, track)
    return [track for _, track in best.values()]
