"""Films for `mien recover`: what makes a film of an input, and what may be asked for."""

import argparse
import glob
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mien.cli.archive_arguments import LOCAL
from mien.cli.arguments import Options, UsageError
from mien.cli.inputs import PICTURE, STANDARD, Found, Input, Kind, Word, one_line
from mien.cli.outputs import Job, TextOutput, allow, refuse_clashes
from mien.cli.progress import Show

if TYPE_CHECKING:
    from mien.cli.recover import RecoverArguments

FILMS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv",
         ".flv", ".3gp", ".ogv")  # fmt: skip
"""Suffixes of what is read as a film."""
FILM = Kind("film", FILMS)
FILM_TARGETS = (".mp4", ".m4v", ".mov", ".mkv", ".webm")
MOVING = (".gif", ".webp")
"""What moves if it was written so."""
TIME = re.compile(r"\d{1,9}(\.\d{0,9})?|\.\d{1,9}", re.ASCII)
"""Without an exponent: 1e999999999 is a number, too, and takes for ever."""
TURNED = "turned faces have no place in their film (see --paste)"
FILM_NOTES = f"""
Films ({" ".join(FILMS[:6])} ...) become films ({" ".join(FILM_TARGETS)}) with their sound as it is, and need
pip install 'mien[video]'. A GIF or animated WebP becomes one where OUT ends in .gif or .webp; into any other
OUT goes its first picture. Faces are followed through each scene, and steadied. A film that was stopped, even
by force, goes on where it was: what is done lies in OUT.part meanwhile. A folder, or a pattern like 'in/*',
stands for its films where it has no photos; else for its photos, and its films are named by 'in/*.mp4'.

  mien recover clip.mp4 -o clear.mp4 --from 1:30 --to 1:45
"""


class FilmArguments(argparse.Namespace):
    """Which part of a film is wanted."""

    first: Fraction | None
    last: Fraction | None

    @property
    def is_of_films(self) -> bool:
        """Whether a part was asked for: photos have none."""
        return self.first is not None or self.last is not None


@dataclass(frozen=True)
class FilmJob:
    """What is to be done, checked."""

    asked: "RecoverArguments"
    jobs: list[Job]
    moving: bool
    """GIF or WebP."""


def add_film(group: Options) -> None:
    """Options of films."""
    for name, place, what in (("--from", "first", "begin"), ("--to", "last", "end")):
        group.add_argument(
            name,
            dest=place,
            type=seconds,
            metavar="TIME",
            help=f"{what} there: seconds, or hh:mm:ss",
        )


def seconds(text: str) -> Fraction:
    """A time as people write it: 90, 90.5, 1:30, 0:01:30.5."""
    parts = text.split(":")
    numbers = [Fraction(part) for part in parts if TIME.fullmatch(part)]
    if not len(parts) == len(numbers) <= 3 or any(number >= 60 for number in numbers[1:]):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; 90.5 and 0:01:30.5 are")
    total = Fraction(0)
    for number in numbers:
        total = 60 * total + number
    return total


def are_films(words: list[Word], asked: FilmArguments, out: str) -> bool:
    """Whether the inputs are films; photos among them are refused."""
    kinds = [kind_of(word) for word in words]
    if FILM in kinds and PICTURE in kinds:
        film, photo = words[kinds.index(FILM)], words[kinds.index(PICTURE)]
        is_film = "stands for films" if film.is_search else "is a film"
        is_photo = "stands for photos" if photo.is_search else "is none"
        raise UsageError(
            f"{one_line(film.text)} {is_film} and {one_line(photo.text)} {is_photo}: "
            "recover films by themselves"
        )
    if PICTURE in kinds:
        return moves_on(words, out)
    return FILM in kinds or asked.is_of_films


def kind_of(word: Word) -> Kind | None:
    """A file or a pattern says by its suffix what is meant. A folder or another pattern stands for its
    photos, where it has none for its films, and where it has neither for nothing."""
    path = Path(word.text)
    if not word.is_search:
        return FILM if FILM.is_named(path) else PICTURE
    named = [] if path.is_dir() else [kind for kind in (FILM, PICTURE) if kind.is_named(path)]
    there = [kind for kind in (PICTURE, FILM) if word.files(kind)]
    return next(iter((*named, *there)), None)


def left_out(words: list[Word]) -> Iterator[str]:
    """Which films lie among the photos that are recovered, and what to do about them."""
    for word in words:
        films = word.files(FILM) if word.is_search else []
        if films:
            count = "1 film is" if len(films) == 1 else f"{len(films)} films are"
            patterns = " ".join(one_line(shlex.quote(pattern)) for pattern in patterns_of(films))
            yield (
                f"{one_line(word.text)}: {count} left out: recover films by themselves, "
                f"as in mien recover {patterns} -o OUT"
            )


def patterns_of(films: list[Path]) -> list[str]:
    """What fits these films, and perhaps others below the folder that all of them are in."""
    folders = {film.parent for film in films}
    base = Path(glob.escape(os.path.commonpath(folders)), *["**"][: len(folders) - 1])
    return [str(base / f"*{suffix}") for suffix in sorted({film.suffix for film in films})]


def moves_on(words: list[Word], out: str) -> bool:
    """Whether a moving picture becomes one."""
    source = Path(words[0].text)
    if len(words) != 1 or Path(out).is_dir():
        return False
    if not {source.suffix.lower(), Path(out).suffix.lower()} <= set(MOVING) or not source.is_file():
        return False
    from mien.image.io import ImageError
    from mien.video.animation import count_frames

    try:
        return count_frames(source) > 1
    except ImageError:  # as a photo it is told of, and in the report
        return False


def refuse_film_options(asked: FilmArguments) -> None:
    """Of photos no part can be had."""
    if asked.is_of_films:
        raise UsageError("--from and --to are for films")


def recover_films(asked: "RecoverArguments", found: Found, out: str) -> int:
    """All of them, one after the other; the exit status."""
    check_films(asked, out)
    moving = Path(asked.inputs[0]).suffix.lower() in MOVING
    jobs = film_jobs(found, out, moving)
    allowed, refusals = allow(jobs, asked.overwrite)
    if not moving and find_spec("av") is None:
        raise UsageError("films need a further package: pip install 'mien[video]'")
    # a bar of its own counts each film's frames
    with TextOutput(asked.report, found) as report, Show(1) as show:
        for problem in (*found.problems, *refusals):
            show.fail(problem)
            report.write(problem.as_json())
        if allowed:
            from mien.cli.film_work import work_on_films

            work_on_films(FilmJob(asked, allowed, moving), report, show)
    return show.status


def check_films(asked: "RecoverArguments", out: str) -> None:
    """Refuse what films cannot have."""
    unwanted = {
        "--aligned": asked.aligned,
        "--save-faces": asked.save_faces,
        "--compare": asked.compare,
        "--evidence": asked.evidence,
        "--only-face": asked.only_face,
        "--save-warp": asked.save_warp,
        "--variants": asked.variants > 1,
        "--mask": asked.mask is not None,
        "--workers": asked.workers is not None,
        "--engine ray": asked.engine != LOCAL,
    }
    named = [name for name, is_asked in unwanted.items() if is_asked]
    if named:
        raise UsageError(f"{', '.join(named)} cannot be had of a film")
    if (asked.yaw is not None or asked.pitch is not None) and not asked.paste:
        raise UsageError(TURNED)
    if out == STANDARD:
        raise UsageError("a film needs a file: name it with -o")
    if asked.first is not None and asked.last is not None and asked.first >= asked.last:
        raise UsageError("--from has to be before --to")


def film_jobs(found: Found, out: str, moving: bool) -> list[Job]:
    """A target for each film."""
    folder, targets = Path(out), MOVING if moving else FILM_TARGETS
    suffix = folder.suffix.lower()
    if suffix and not folder.is_dir():
        if suffix not in targets:
            raise UsageError(f"{one_line(out)}: a film is written as {' '.join(targets)}")
        if len(found.inputs) > 1:
            raise UsageError(f"{one_line(out)} is one film, and several go in: name a folder")
        return [Job(source, folder) for source in found.inputs]
    jobs = [Job(source, folder / target_of(source)) for source in found.inputs]
    refuse_clashes(jobs)
    return jobs


def target_of(source: Input) -> Path:
    """The same name, with a suffix that can be written."""
    place = source.place
    return place if place.suffix.lower() in FILM_TARGETS else place.with_suffix(".mp4")
