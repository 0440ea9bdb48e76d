"""`mien turntable`: a face seen from one side to the other, as a moving picture or a strip."""

import argparse
from importlib.util import find_spec
from pathlib import Path

from mien.cli.arguments import (
    DEFAULT_QUALITY,
    UsageError,
    add_device,
    add_inputs,
    add_reading,
    make_parser,
    model_name,
    number_between,
    whole_number,
)
from mien.cli.film import FILM_TARGETS, MOVING
from mien.cli.inputs import collect, one_line
from mien.cli.outputs import Job
from mien.cli.progress import Show

NOTES = """
The largest face of the photo is uncovered and turned, once for each frame. OUT.gif and OUT.webp move there
and back for ever, OUT.mp4 once (pip install 'mien[video]'); OUT.png and OUT.jpg have all frames side by side.

  mien turntable photo.jpg -o head.gif
  mien turntable photo.jpg -o head.mp4 --frames 61 --seconds 3
  mien turntable photo.jpg -o head.png --frames 5 --from -45 --to 45
"""
STILL = (".png", ".jpg", ".jpeg")
SUFFIXES = (*MOVING, *FILM_TARGETS, *STILL)
LARGEST_YAW = 90


class TurntableArguments(argparse.Namespace):
    """What `mien turntable` was asked for."""

    inputs: list[str]
    out: Path
    model: str
    aligned: bool
    first: float
    last: float
    frames: int
    seconds: float
    device: str
    overwrite: bool
    quality: int
    max_pixels: int
    tolerant: bool


def make_turntable_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = make_parser("turntable", "See a face from one side to the other.", NOTES)
    add_inputs(parser, standard_input=False)
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="OUT", help=", ".join(SUFFIXES))
    parser.add_argument(
        "--model",
        type=model_name,
        default="rotate",
        metavar="NAME",
        help="what turns the face: rotate (default), complete, which restores first, or your own rotate:FILE",
    )
    parser.add_argument("--aligned", action="store_true", help="the photo is a face crop already")
    angle = number_between(-LARGEST_YAW, LARGEST_YAW)
    for name, place, default in (("--from", "first", -60.0), ("--to", "last", 60.0)):
        parser.add_argument(
            name, dest=place, type=angle, default=default, metavar="DEGREES", help=f"default {default:.0f}"
        )
    parser.add_argument(
        "--frames", type=whole_number(2, 181), default=25, metavar="N", help="from side to side (default 25)"
    )
    parser.add_argument(
        "--seconds",
        type=number_between(0, 60),
        default=2.0,
        metavar="S",
        help="from side to side (default 2)",
    )
    add_device(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace what exists")
    parser.add_argument(
        "--quality",
        type=whole_number(1, 100),
        default=DEFAULT_QUALITY,
        metavar="1..100",
        help="of JPEG and WebP",
    )
    add_reading(parser)
    return parser


def run(words: list[str]) -> int:
    """Turn the face of one photo."""
    asked = make_turntable_parser().parse_args(words, TurntableArguments())
    check(asked)
    found = collect(asked.inputs)
    if len(found.inputs) > 1:
        raise UsageError(f"a turntable shows one photo, not {len(found.inputs)}")
    with Show(len(found.inputs)) as show:
        for problem in found.problems:
            show.fail(problem)
        if found.inputs:
            from mien.cli.turntable_photo import turn_photo

            turn_photo(asked, Job(found.inputs[0], asked.out), show)
    return show.status


def check(asked: TurntableArguments) -> None:
    """Refuse what cannot be written."""
    out = asked.out
    if out.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{one_line(str(out))} should end in {', '.join(SUFFIXES)}")
    if out.suffix.lower() in FILM_TARGETS:
        if find_spec("av") is None:
            raise UsageError("films need a further package: pip install 'mien[video]'")
        if not asked.seconds:
            raise UsageError("--seconds 0 is no film")
    if not out.parent.is_dir():
        raise UsageError(f"no such folder: {one_line(str(out.parent))}")
    if out.exists() and not asked.overwrite:
        raise UsageError(f"{one_line(str(out))} exists already; --overwrite replaces it")
