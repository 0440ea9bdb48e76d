"""Films at work: each from file to file, with a bar that says how long it still takes."""

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import torch

from mien.archive.journal import lock
from mien.cli.archive_settings import settings_of
from mien.cli.arguments import UsageError
from mien.cli.film import MOVING, TURNED, FilmJob
from mien.cli.inputs import Problem, one_line
from mien.cli.outputs import Job, TextOutput
from mien.cli.progress import Show, make_bar
from mien.cli.recover import RecoverArguments
from mien.cli.recover_photos import Bound, bound_recover, refuse_too_large
from mien.cli.tools import load_finder, load_judge
from mien.cli.work import FAILURES, explain
from mien.describe import Json, describe_likeness, label_of, mark_by
from mien.evaluate.trial import keeps_pose
from mien.image.mark import Mark
from mien.types import Guidable
from mien.video.animation import Animation
from mien.video.film import Film, FilmError
from mien.video.journal import Journal
from mien.video.recover import FilmResult, FilmTools, Tell, recover_film

PART = ".part"
"""Ending of the folder beside a result in which its parts lie until it is whole."""
ENDS = 1 << 20
"""Bytes from either end of a file by which it is known again."""
SECONDS_BETWEEN_LINES = 15.0
"""Where there is no bar."""
STAGES = {"find": "looking for faces", "recover": "recovering"}


def work_on_films(films: FilmJob, report: TextOutput, show: Show) -> None:
    """Load the model once, then do each."""
    asked = films.asked
    bound = bound_recover(asked, show.say)
    if not isinstance(bound.model, Guidable) and not keeps_pose(bound.model):
        raise UsageError(TURNED)  # before the whole film is looked at
    for job in films.jobs:
        began = time.perf_counter()
        try:
            with torch.no_grad():
                result, notes = work_on_film(job, films, bound, show)
        except BrokenPipeError:
            raise
        except (FilmError, *FAILURES) as error:
            reason = explain(error, str(job.source.path))
            show.fail(Problem(job.name, reason))
            report.write(Problem(job.name, reason).as_json())
            continue
        seconds = time.perf_counter() - began
        for note in notes:
            show.say(f"{job.name}: {note}")
        report.write(describe(job, result, notes, seconds, asked.model))
        show.done(summary(job, result, seconds))


def work_on_film(job: Job, films: FilmJob, bound: Bound, show: Show) -> tuple[FilmResult, tuple[str, ...]]:
    """From file to file; what a person should know of it."""
    asked, source, target = films.asked, job.source.path, job.target
    if source is None or target is None:
        raise FilmError("a film is read from a file and written to one")
    film, notes = open_film(source, target, films)
    refuse_too_large(job.name, film.height, film.width, asked)
    film.refuse_size(asked.scale)
    identify = bound.identify or load_judge(asked.device)
    tools = FilmTools(bound.model, bound.find or load_finder(asked.device), identify)
    place = Path(os.path.realpath(target))  # of a link, where it points
    part = place.with_name(place.name + PART)

    def sign(num_faces: int) -> Mark | None:
        return None if asked.no_mark else mark_by(label_of(asked.model), num_faces)

    with alone(part), telling(job.name) as tell:
        journal = Journal(part, key_of(source, asked))
        if journal.goes_on:
            show.say(f"{job.name}: goes on where an earlier run stopped")
        result = recover_film(film, target, tools, bound.options, journal, tell, sign)
    if result.is_copy:
        notes = (*notes, "no face found: copied unchanged")
    elif not result.faces:
        notes = (*notes, "no face found")
    return result, notes


def open_film(source: Path, target: Path, films: FilmJob) -> tuple[Film, tuple[str, ...]]:
    """The film, and what a person should know of it."""
    asked = films.asked
    if films.moving:
        if asked.first is not None or asked.last is not None:
            raise FilmError("--from and --to are for films with a clock, not for moving pictures")
        return Animation(source, target.suffix.lower(), asked.quality, asked.max_pixels), ()
    from mien.video.clip import Clip
    from mien.video.read import Window

    window = Window(asked.first, asked.last)
    clip = Clip(source, target.suffix.lower(), asked.quality, window, asked.max_pixels, asked.tolerant)
    return clip, clip.notes


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Of two runs on one film the second is refused."""
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":  # where folders cannot be opened
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if not lock(descriptor):
            raise FilmError("another run is at work on it")
        yield
    finally:
        os.close(descriptor)


def key_of(source: Path, asked: RecoverArguments) -> str:
    """All that a film's result depends on; parts that were made of anything else are not used."""
    packages = {name: version(name) for name in ("torch", "pillow")}
    if source.suffix.lower() not in MOVING:
        packages["av"] = version("av")
    told = {"packages": packages, "film": fingerprint(source), "device": asked.device, **settings_of(asked)}
    return json.dumps(told, sort_keys=True)


def fingerprint(path: Path) -> list[object]:
    """Size, time and both ends: films are long."""
    about = path.stat()
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(ENDS))
        file.seek(max(0, about.st_size - ENDS))
        digest.update(file.read(ENDS))
    return [about.st_size, about.st_mtime_ns, digest.hexdigest()]


@contextmanager
def telling(name: str) -> Iterator[Tell]:
    """A bar on a terminal; elsewhere a line now and then."""
    if not sys.stderr.isatty():
        yield tell_in_lines(name)
        return
    with make_bar() as bar:
        tasks = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(STAGES[stage], total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield tell


def tell_in_lines(name: str) -> Tell:
    """With the time left, from how long it took since this run began on a stage."""
    begun: dict[str, tuple[float, int]] = {}
    last = time.monotonic()

    def tell(stage: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        since, first = begun.setdefault(stage, (now, done))
        if now - last < SECONDS_BETWEEN_LINES or done == first:
            return
        last = now
        left = (now - since) / (done - first) * max(total - done, 0)
        print(f"{name}: {STAGES[stage]}, frame {done} of {total}, {clock(left)} left", file=sys.stderr)

    return tell


def clock(seconds: float) -> str:
    """1:02:03 or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def summary(job: Job, result: FilmResult, seconds: float) -> str:
    """The line for a person."""
    count = "1 face" if len(result.faces) == 1 else f"{len(result.faces)} faces"
    cosines = sorted(face.identity for face in result.faces if face.identity is not None)
    alike = ""
    if cosines:
        alike = f", identity {cosines[0]:.2f}" + (f" to {cosines[-1]:.2f}" if len(cosines) > 1 else "")
    return (
        f"{job.name}: {count} in {result.num_frames} frames ({clock(result.seconds)}){alike}, "
        f"{seconds:.1f} s, written to {job.target_name}"
    )


def describe(job: Job, result: FilmResult, notes: tuple[str, ...], seconds: float, model: str) -> Json:
    """The line of the report; times in seconds from the film's beginning."""
    faces: list[Json] = []
    for face in result.faces:
        told: Json = {
            "from": round(face.first, 3),
            "to": round(face.last, 3),
            "frames": face.num_frames,
        }
        if face.identity is not None:
            told["identity"] = describe_likeness(face.identity)
        faces.append(told)
    return {
        "input": job.name,
        "output": job.target_name,
        "frames": result.num_frames,
        "duration": round(result.seconds, 3),
        "model": label_of(model),
        "seconds": round(seconds, 2),
        "faces": faces,
        "notes": [one_line(note) for note in notes],
    }
