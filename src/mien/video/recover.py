"""A film with its faces recovered: looked at once from beginning to end, then recovered and written.

The first pass only notes where faces are, so that the second knows each face's whole way. The second takes
frames by eights, whose faces go through the model together; since the eights do not depend on where a run
began, a run that goes on makes what an undisturbed one makes.
"""

import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import torch

from mien.faces.align import cut
from mien.faces.identify import Identify, kept_identity
from mien.faces.paste import paste_many, scale_photo
from mien.image.io import sync
from mien.image.mark import Mark
from mien.image.warp import invert, transform_points
from mien.pipeline import RecoverOptions
from mien.types import Crop, Face, FindFaces, Image, Recoverer, Recovery
from mien.video.blend import Hop, blended
from mien.video.film import Film, FilmError, Frame, Painted
from mien.video.flow import estimate_flow
from mien.video.journal import Journal, Sums
from mien.video.look import look_through, starting_at
from mien.video.plan import Plan, make_plan
from mien.video.smooth import Pose

BLOCK = 8
"""Frames whose faces go through the model together."""
IDENTITY_EVERY = 4
"""Frames from one comparison of faces with their recoveries to the next."""
SEGMENT_SECONDS = 2.0
"""Of film, which a kill may cost."""
EASE = 0.1
"""Cosine from where a face begins to be shown to where it is shown as a whole, around the least identity."""

Tell = Callable[[str, int, int], None]
"""A stage, how many of its frames are done, and about how many there are."""


@dataclass(frozen=True)
class FilmTools:
    """The networks."""

    model: Recoverer
    find: FindFaces
    identify: Identify


@dataclass(frozen=True)
class FilmFace:
    """What became of one face, from when on it is seen."""

    number: int
    first: float
    last: float
    """Seconds from the film's beginning."""
    num_frames: int
    identity: float | None
    """Mean cosine between whom the film shows and whom the recovery does."""


@dataclass(frozen=True)
class FilmResult:
    """What was done."""

    num_frames: int
    seconds: float
    """That it lasts."""
    faces: tuple[FilmFace, ...]
    is_copy: bool
    """No face was found, and the file was copied as it is."""


@dataclass(frozen=True)
class Seen:
    """A face in one frame."""

    pose: Pose
    crop: Crop
    pixels: Image
    """The recovery."""
    cosine: float | None
    back: Hop | None = None
    """From the frame after to this one."""
    ahead: Hop | None = None
    """From the frame before to this one."""


@dataclass(frozen=True)
class Step:
    """A frame on its way, with its faces by the number of their track."""

    index: int
    frame: Frame
    faces: dict[int, Seen]


def recover_film(
    film: Film,
    target: Path,
    tools: FilmTools,
    options: RecoverOptions,
    journal: Journal,
    tell: Tell = lambda stage, done, total: None,
    sign: Callable[[int], Mark | None] = lambda num_faces: None,
) -> FilmResult:
    """From what the film is to a file, signed for its faces; the journal goes when that is there.

    Both have to be on one disk.
    """
    if options.only_face:
        raise FilmError(
            "faces alone cannot be pasted into a film: where they end would change from frame to frame"
        )
    look_through(film, tools.find, tools.identify, journal, tell)
    plan = make_plan(journal, film.tick, tools.model.template, tools.model.crop_size, options.only_largest)
    is_copy = not plan.ways and options.scale == 1 and film.unchanged is not None
    finished = journal.folder / f"whole{target.suffix}"
    if is_copy and film.unchanged is not None:
        shutil.copyfile(film.unchanged, finished)
    else:
        write_segments(film, plan, tools, options, journal, tell)
        count = len(plan.segments(SEGMENT_SECONDS, BLOCK))
        segments = [journal.segment(number, film.segment_suffix) for number in range(count)]
        film.join(finished, segments, plan.frames, sign(len(plan.ways)) if plan.ways else None)
    sync(finished)
    finished.replace(os.path.realpath(target))  # what a link points to is replaced, not the link
    result = summed(plan, journal.sums(), is_copy)
    journal.remove()
    return result


def write_segments(
    film: Film,
    plan: Plan,
    tools: FilmTools,
    options: RecoverOptions,
    journal: Journal,
    tell: Tell,
) -> None:
    """Those that are not there yet."""
    segments = plan.segments(SEGMENT_SECONDS, BLOCK)
    first = len(journal.sums())
    if first == len(segments):
        return
    pictures = painted(film, plan, tools, options, segments[first][0])
    for number in range(first, len(segments)):
        begin, end = segments[number]
        sums = Sums({}, {})
        frames = summing(
            islice(pictures, end - begin), sums, lambda done: tell("recover", done, plan.num_frames)
        )
        segment = journal.segment(number, film.segment_suffix)
        unfinished = segment.with_name(f"unfinished{segment.suffix}")
        film.write(unfinished, frames)
        journal.keep(unfinished, segment, sums)


def summing(
    pictures: Iterator[tuple[Step, Image]], sums: Sums, tell: Callable[[int], None]
) -> Iterator[Painted]:
    """What a segment is made of, counted on its way."""
    for step, image in pictures:
        for track, seen in step.faces.items():
            sums.shown[track] = sums.shown.get(track, 0) + 1
            if seen.cosine is not None:
                sums.cosines.setdefault(track, []).append(round(seen.cosine, 4))
        yield step.frame, image
        tell(step.index + 1)


def painted(
    film: Film, plan: Plan, tools: FilmTools, options: RecoverOptions, first: int
) -> Iterator[tuple[Step, Image]]:
    """Frames and what they become, from frame `first` on."""
    start = max(0, first - plan.reach) // BLOCK * BLOCK
    steps = linked(recovered(film, plan, tools, options, start))
    for window in surrounded(steps, plan.reach):
        step = window[0]
        if step.index >= first:
            yield step, paint(window, plan, options)


def recovered(
    film: Film, plan: Plan, tools: FilmTools, options: RecoverOptions, start: int
) -> Iterator[Step]:
    """Each frame with its faces, cut out where they are steadily and recovered."""
    frames = starting_at(film, plan.frames[start][0], plan.glimpses[start])
    size, index = tools.model.crop_size, start
    while block := list(islice(frames, BLOCK)):
        crops: list[Crop] = []
        found: list[dict[int, Pose]] = []
        for offset, frame in enumerate(block):
            found.append(plan.poses(index + offset))
            image = frame.image if found[-1] else None
            crops.extend(crop_at(image, pose, size) for pose in found[-1].values() if image is not None)
        recoveries = iter(zip(crops, tools.model(crops) if crops else [], strict=True))
        for offset, (frame, poses) in enumerate(zip(block, found, strict=True)):
            pairs = list(islice(recoveries, len(poses)))
            if any(not recovery.keeps_pose for _, recovery in pairs):
                raise FilmError("turned faces have no place in their film (see --paste)")
            cosines: list[float | None] = [None] * len(pairs)
            if options.asks_identity and (index + offset) % IDENTITY_EVERY == 0:
                both = [crop for crop, _ in pairs], [recovery for _, recovery in pairs]
                cosines = [*kept_identity(*both, tools.model.template, tools.identify)]
            told = zip(poses.items(), pairs, cosines, strict=True)
            faces = {
                number: Seen(pose, crop, recovery.pixels, cosine)
                for (number, pose), (crop, recovery), cosine in told
            }
            yield Step(index + offset, frame, faces)
        index += len(block)


def crop_at(image: Image, pose: Pose, size: int) -> Crop:
    points = transform_points(invert(pose.photo_from_crop), pose.detection.points)
    return Crop(cut(image, pose.photo_from_crop, size), pose.photo_from_crop, points)


def linked(steps: Iterator[Step]) -> Iterator[Step]:
    """With the motion from each face to the same one in the frames before and after."""
    last: Step | None = None
    for step in steps:
        if last is not None:
            both = [number for number in last.faces if number in step.faces]
            if both:
                before = torch.stack([last.faces[number].pixels for number in both])
                after = torch.stack([step.faces[number].pixels for number in both])
                flows = estimate_flow(torch.cat((before, after)), torch.cat((after, before)))
                ahead, back = flows.chunk(2)
                for place, number in enumerate(both):
                    old, new = last.faces[number], step.faces[number]
                    last.faces[number] = replace(old, back=Hop(old.pixels, back[place]))
                    step.faces[number] = replace(new, ahead=Hop(new.pixels, ahead[place]))
            yield last
        last = step
    if last is not None:
        yield last


def surrounded(steps: Iterator[Step], reach: int) -> Iterator[dict[int, Step]]:
    """Each frame as 0, with those around it by how much later they are."""
    ring: deque[Step] = deque(maxlen=2 * reach + 1)
    num_done = num_read = 0
    ended = False
    while not ended or num_done < num_read:
        step = None if ended else next(steps, None)
        ended = step is None
        if step is not None:
            ring.append(step)
            num_read += 1
        while num_done < num_read and (ended or num_read - num_done > reach):
            oldest = num_read - len(ring)
            yield {
                oldest + place - num_done: near
                for place, near in enumerate(ring)
                if abs(oldest + place - num_done) <= reach
            }
            num_done += 1


def paint(window: dict[int, Step], plan: Plan, options: RecoverOptions) -> Image:
    """The frame in the middle with its faces, each blended with itself in the frames around it."""
    step, faces = window[0], []
    for number, seen in step.faces.items():
        later = hops(window, number, 1)
        earlier = hops(window, number, -1)
        pixels = blended(seen.pixels, earlier, later, plan.reach)
        share = seen.pose.strength * identity_share(window, number, options)
        shown = torch.lerp(seen.crop.pixels, pixels, share)
        recovery = Recovery(shown, torch.zeros_like(shown[:1]))  # films keep no map of what was seen
        faces.append(Face(seen.pose.detection, seen.crop, recovery, share > 0))
    canvas = scale_photo(step.frame.image, options.scale)
    return paste_many(canvas, tuple(faces), options.scale, options.match_colors)


def hops(window: dict[int, Step], number: int, direction: int) -> list[Hop]:
    """The face in the frames to one side, the nearest first, as long as it is seen."""
    found: list[Hop] = []
    place = direction
    while place in window and number in window[place].faces:
        seen = window[place].faces[number]
        hop = seen.ahead if direction > 0 else seen.back
        if hop is None:
            break
        found.append(hop)
        place += direction
    return found


def identity_share(window: dict[int, Step], number: int, options: RecoverOptions) -> float:
    """How much of a face is shown where it has to be alike: it comes and goes with its mean cosine."""
    if options.min_identity is None:
        return 1.0
    around = [step.faces[number].cosine for step in window.values() if number in step.faces]
    cosines = [cosine for cosine in around if cosine is not None]
    if not cosines:
        return 0.0
    mean = sum(cosines) / len(cosines)
    return min(max((mean - options.min_identity) / EASE + 0.5, 0.0), 1.0)


def summed(plan: Plan, sums: list[Sums], is_copy: bool) -> FilmResult:
    """What all segments tell of each face."""
    faces = []
    for way in plan.ways:
        cosines = [cosine for part in sums for cosine in part.cosines.get(way.number, [])]
        first, last = float(way.times[0]), float(way.times[-1])
        shown = sum(part.shown.get(way.number, 0) for part in sums)
        faces.append(
            FilmFace(way.number, first, last, shown, sum(cosines) / len(cosines) if cosines else None)
        )
    return FilmResult(plan.num_frames, plan.seconds, tuple(faces), is_copy)
