"""The first pass over a film: where faces are, now and then who they are, and what each frame looks like."""

from collections.abc import Callable, Iterator
from itertools import chain

import torch

from mien.faces.identify import Identify, cut_face
from mien.types import Detection, FindFaces, Image
from mien.video.cuts import Glimpse, glimpse
from mien.video.film import Film, FilmError, Frame
from mien.video.journal import Journal, Look
from mien.video.track import Sight, overlap

WHO_EVERY = 8
"""Frames from one look at who somebody is to the next, while nothing happens."""
CLOSE = 0.05
"""Overlap from which two faces may be mistaken for each other."""


def look_through(
    film: Film,
    find: FindFaces,
    identify: Identify,
    journal: Journal,
    tell: Callable[[str, int, int], None],
) -> None:
    """Note what is in every frame that is not noted yet."""
    if journal.has_all_looks:
        return
    last, index = None, 0
    for look in journal.looks():
        last, index = look, index + 1
    frames = film.frames()
    if last is not None:
        frames = starting_at(film, last.time, last.glimpse)
        next(frames)
    for frame in frames:
        image = frame.image
        faces = find(image)
        before = [] if last is None else [sight.detection for sight in last.sights]
        asks = bool(faces) and (index % WHO_EVERY == 0 or is_eventful(before, faces))
        people = (
            identify(torch.stack([cut_face(image, face) for face in faces])) if asks else [None] * len(faces)
        )
        sights = [Sight(face, person) for face, person in zip(faces, people, strict=True)]
        last = Look(frame.time, frame.duration, glimpse(image), tuple(sights))
        journal.note(last)
        index += 1
        tell("find", index, max(film.num_expected, index))
    if index == 0:
        journal.remove()
        raise FilmError("there are no frames in this part of the film")
    journal.end_looks()


def is_eventful(before: list[Detection], faces: list[Detection]) -> bool:
    """Whether a place alone does not tell which face is which."""
    if len(before) != len(faces):
        return True
    pairs = ((one, other) for place, one in enumerate(faces) for other in faces[:place])
    if any(overlap(one.box, other.box) > CLOSE for one, other in pairs):
        return True
    return any(all(overlap(face.box, old.box) < 0.5 for old in before) for face in faces)


def starting_at(film: Film, time: int, seen: Glimpse) -> Iterator[Frame]:
    """The frames from one on; where a film cannot be entered in its middle, it is read from its beginning."""
    frames = film.frames(time)
    first = next(frames, None)
    if first is not None and is_frame(first, time, seen):
        return chain((first,), frames)
    return from_beginning(film, time, seen)


def from_beginning(film: Film, time: int, seen: Glimpse) -> Iterator[Frame]:
    frames = film.frames()
    for frame in frames:
        if frame.time == time and is_frame(frame, time, seen):
            return chain((frame,), frames)
    raise FilmError("the film is no longer what it was when work on it began")


def is_frame(frame: Frame, time: int, seen: Glimpse) -> bool:
    image: Image = frame.image
    return frame.time == time and torch.equal(glimpse(image), seen)
