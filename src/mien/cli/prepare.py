"""`mien prepare`: photos in, faces ready for a recogniser out."""

import argparse
from pathlib import Path

from mien.cli.arguments import (
    UsageError,
    add_device,
    add_inputs,
    add_reading,
    make_parser,
    model_name,
    whole_number,
)
from mien.cli.inputs import collect
from mien.cli.outputs import plan
from mien.cli.progress import Show

NOTES = """
Of each photo the most prominent face (large, near the middle) is recovered, aligned and written as
PNG; OUT keeps the inputs' tree. What is there already is passed over, so that the same command goes
on where it was stopped. A photo without a face is named, and the exit status is then 1.

Recovering helps some recognisers and not others. Measure with yours, beside --model none, which aligns alone
(mien evaluate recognition does so with mien's own).

  mien prepare gallery probes -o ready --workers 4
  mien prepare gallery probes -o aligned --model none
  mien prepare gallery probes -o frontal --model frontal:FILE
"""
NO_MODEL = "none"
RECOGNISED = ("arcface", "ffhq", "gpen")
"""Alignments by the five points alone, which a recovered face has too."""


class PrepareArguments(argparse.Namespace):
    """What `mien prepare` was asked for."""

    inputs: list[str]
    out: Path
    model: str
    template: str
    size: int
    workers: int
    overwrite: bool
    device: str
    max_pixels: int
    tolerant: bool


def make_prepare_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = make_parser("prepare", "Write aligned faces for a recogniser.", NOTES)
    add_inputs(parser, standard_input=False)
    parser.add_argument(
        "-o", "--out", type=Path, metavar="OUT", required=True, help="folder, made if missing"
    )
    parser.add_argument(
        "--model",
        type=preparing_model,
        default="restore",
        metavar="NAME",
        help="what recovers the faces: restore (default), rotate, complete, a file of your own such as "
        f"frontal:FILE, or {NO_MODEL} to align them alone",
    )
    parser.add_argument(
        "--template",
        choices=RECOGNISED,
        default="arcface",
        help="where a picture has its face (default arcface)",
    )
    parser.add_argument(
        "--size", type=whole_number(16, 4096), default=112, metavar="N", help="side in pixels (default 112)"
    )
    parser.add_argument(
        "--workers",
        type=whole_number(1, 256),
        default=1,
        metavar="N",
        help="processes at work side by side, which share the processor's cores (default 1)",
    )
    parser.add_argument("--overwrite", action="store_true", help="do what is there already again")
    add_device(parser)
    add_reading(parser)
    return parser


def preparing_model(text: str) -> str:
    """What needs nothing but the photo itself."""
    if text.partition(":")[0] == "guided":
        raise argparse.ArgumentTypeError(
            "guided needs good photos of each person: use mien recover --reference, then prepare its results"
        )
    return text if text == NO_MODEL else model_name(text)


def run(words: list[str]) -> int:
    """Prepare the faces of what is named in the arguments."""
    asked = make_prepare_parser().parse_args(words, PrepareArguments())
    if asked.out.exists() and not asked.out.is_dir():
        raise UsageError(f"{asked.out} is a file, and the faces need a folder")
    found = collect(asked.inputs, asked.out)
    asked.out.mkdir(parents=True, exist_ok=True)
    jobs = plan(asked.inputs, found, str(asked.out), suffix=".png")
    due = [job for job in jobs if asked.overwrite or not any(path.exists() for path in job.written)]
    with Show(len(due)) as show:
        for problem in found.problems:
            show.fail(problem)
        if len(due) < len(jobs):
            show.say(f"{len(jobs) - len(due)} of {len(jobs)} are there already")
        if due:
            from mien.cli.prepare_photos import prepare_photos

            prepare_photos(asked, due, show)
    return show.status
