"""`mien compare`: how likely two photos show the same person."""

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from mien.cli.arguments import UsageError, add_device, add_reading, make_parser
from mien.cli.inputs import STANDARD, Input, collect
from mien.cli.outputs import Job, TextOutput
from mien.cli.progress import Show

if TYPE_CHECKING:
    from mien.describe import Json

NOTES = """
The cosine is 1 for the same direction and near 0 for strangers; degrees are its angle. The probability
is calibrated on clean photos, as many pairs of one person as of two: where you expect fewer of one
person, trust it less, and less for damaged photos and for relatives.

Of several faces in a photo the most prominent counts, the large one near the middle; --all takes each.
A photo without a face is an error. Nothing here is proof of who somebody is.

The JSON is a list with an entry for each pair: first, second, first_box, second_box, cosine, degrees,
probability. A picture that cannot be compared has an entry with input and error.
"""


class CompareArguments(argparse.Namespace):
    """What `mien compare` was asked for."""

    first: str
    others: list[str]
    all: bool
    json: str | None
    device: str
    max_pixels: int
    tolerant: bool


def make_compare_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = make_parser("compare", "Say how likely photos show the same person.", NOTES)
    parser.add_argument("first", metavar="A", help="a picture")
    parser.add_argument(
        "others", nargs="+", metavar="B", help="what to compare it with: pictures, folders, patterns"
    )
    parser.add_argument("--all", action="store_true", help="compare each face of A with each of B")
    parser.add_argument("--json", metavar="FILE", help="write the result there; - is standard output")
    add_device(parser)
    add_reading(parser)
    return parser


def run(words: list[str]) -> int:
    """Compare the first picture with the others."""
    asked = make_compare_parser().parse_args(words, CompareArguments())
    first = the_one(asked.first)
    found = collect(asked.others)
    jobs = [Job(source, None) for source in found.inputs]
    everything = replace(found, inputs=(first, *found.inputs))
    speaks = asked.json is None and sys.stdout.isatty()  # the lines it prints then are the progress
    with TextOutput(asked.json, everything) as output, Show(0 if speaks else len(jobs)) as show:
        entries: list[Json] = []
        for problem in found.problems:
            show.fail(problem)
            entries.append({**problem.as_json()})
        if jobs:
            from mien.cli.compare_photos import compare_photos

            compare_photos(asked, first, jobs, entries, show)
        output.write(entries, indent=2)
    return show.status


def the_one(word: str) -> Input:
    """The picture that all others are compared with."""
    if STANDARD in word.split():
        raise UsageError("pictures to compare are files, not standard input")
    found = collect([word])
    if found.problems:
        raise UsageError(f"{found.problems[0].name}: {found.problems[0].reason}")
    if len(found.inputs) != 1:
        raise UsageError(f"A is one picture, and {word} are {len(found.inputs)}")
    return found.inputs[0]
