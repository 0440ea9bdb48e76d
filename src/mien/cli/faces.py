"""`mien faces`: where the faces are, and their crops."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mien.cli.arguments import (
    TEMPLATES,
    add_device,
    add_inputs,
    add_reading,
    make_parser,
    refuse_terminals,
    whole_number,
)
from mien.cli.inputs import STANDARD, collect
from mien.cli.outputs import Job, TextOutput, refuse_clashes
from mien.cli.progress import Show

if TYPE_CHECKING:
    from mien.describe import Json

NOTES = """
The JSON is a list with an entry for each picture: input, size, and faces with box (x0, y0, x1, y1),
points (left eye, right eye, nose, left and right corner of the mouth; left is the picture's left),
score, and roll in degrees, the surest face first. The point (0, 0) is the centre of the first pixel.
Its reading is yaw (positive when the nose points to the picture's left), pitch (up) and roll (clockwise) in
degrees, the share of the face that something hides, how certain that is, and the 68 landmarks.
A picture that cannot be read has an entry with input and error.

Crops of DIR/photo.jpg are DIR/photo_00.png, DIR/photo_01.png, ...
"""
DEFAULT_SIZE = 512


class FacesArguments(argparse.Namespace):
    """What `mien faces` was asked for."""

    inputs: list[str]
    json: str | None
    save: Path | None
    template: str
    size: int
    overwrite: bool
    device: str
    max_pixels: int
    tolerant: bool


def make_faces_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = make_parser("faces", "Find the faces in photos.", NOTES)
    add_inputs(parser, standard_input=True)
    parser.add_argument("--json", metavar="FILE", help="write what is found there; - is standard output")
    parser.add_argument(
        "--save", type=Path, metavar="DIR", help="write a crop of each face there, turned upright"
    )
    parser.add_argument(
        "--template", choices=TEMPLATES, default="ffhq", help="where a crop has its face (default ffhq)"
    )
    parser.add_argument(
        "--size",
        type=whole_number(1, 4096),
        default=DEFAULT_SIZE,
        metavar="N",
        help=f"side of a crop (default {DEFAULT_SIZE})",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace crops that exist")
    add_device(parser)
    add_reading(parser)
    return parser


def run(words: list[str]) -> int:
    """Find the faces in what is named in the arguments."""
    asked = make_faces_parser().parse_args(words, FacesArguments())
    refuse_terminals(STANDARD in asked.inputs, False)
    found = collect(asked.inputs, asked.save)
    # a crop's name is its photo's place with a number
    jobs = [
        Job(source, None if asked.save is None else asked.save / source.place.with_suffix(""))
        for source in found.inputs
    ]
    refuse_clashes(jobs)
    speaks = asked.json is None and sys.stdout.isatty()  # the lines it prints then are the progress
    with TextOutput(asked.json, found) as output, Show(0 if speaks else len(jobs)) as show:
        entries: list[Json] = []
        for problem in found.problems:
            show.fail(problem)
            entries.append({**problem.as_json()})
        if jobs:
            from mien.cli.faces_photos import find_in_photos

            find_in_photos(asked, jobs, entries, show)
        output.write(entries, indent=2)
    return show.status
