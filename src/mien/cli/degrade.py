"""`mien degrade`: good pictures in, damaged ones out."""

import argparse
from pathlib import Path

from mien.cli.arguments import PROFILES, add_inputs, add_reading, make_parser, refuse_terminals, whole_number
from mien.cli.inputs import STANDARD, collect
from mien.cli.outputs import allow, plan
from mien.cli.progress import Show

NOTES = """
OUT is a file where one file goes in and OUT has the suffix of a picture; else it is a folder that
keeps the inputs' tree, all as PNG, so that nothing but the damage is lost. What becomes of a picture
depends on the profile, the seed and the picture's name, not on the other pictures.
"""


class DegradeArguments(argparse.Namespace):
    """What `mien degrade` was asked for."""

    inputs: list[str]
    out: str
    profile: str
    seed: int
    overwrite: bool
    max_pixels: int
    tolerant: bool


def make_degrade_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = make_parser("degrade", "Damage pictures: the same bytes for the same seed.", NOTES)
    add_inputs(parser, standard_input=True)
    parser.add_argument("-o", "--out", metavar="OUT", required=True, help="file or folder, or -")
    parser.add_argument(
        "--profile", choices=PROFILES, default="gfrnet", help="whose damage it is (default gfrnet)"
    )
    parser.add_argument("--seed", type=whole_number(0), default=0, metavar="N", help="default 0")
    parser.add_argument("--overwrite", action="store_true", help="replace what exists, inputs too")
    add_reading(parser)
    return parser


def run(words: list[str]) -> int:
    """Damage what is named in the arguments."""
    asked = make_degrade_parser().parse_args(words, DegradeArguments())
    refuse_terminals(STANDARD in asked.inputs, asked.out == STANDARD)
    found = collect(asked.inputs, None if asked.out == STANDARD else Path(asked.out))
    jobs = plan(asked.inputs, found, asked.out, suffix=".png")
    allowed, refusals = allow(jobs, asked.overwrite)
    with Show(len(allowed)) as show:
        for problem in (*found.problems, *refusals):
            show.fail(problem)
        if allowed:
            from mien.cli.degrade_photos import degrade_photos

            degrade_photos(asked, allowed, show)
    return show.status
