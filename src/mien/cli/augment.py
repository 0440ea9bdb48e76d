"""`mien augment`: more photos of the same people, turned and uncovered, to train a recogniser on."""

import argparse
from pathlib import Path

from mien.cli.arguments import (
    UsageError,
    add_device,
    add_inputs,
    add_reading,
    degrees,
    make_parser,
    model_name,
)
from mien.cli.inputs import collect
from mien.cli.outputs import plan
from mien.cli.progress import Show

NOTES = """
In recognition papers gain mostly by what their networks add to the training set (CFR-GAN, Tables 1 and 3).
OUT keeps the inputs' tree, a folder for each person say; of each photo's largest face come
  photo.png               uncovered, in its own pose
  photo_yaw-30.png, ...   uncovered and turned
aligned as restoration aligns faces. What is there already is passed over. A photo without a face that can be
read is named, and the exit status is then 1.

  mien augment people/ -o more --yaws 0 -40 40
"""
LARGEST_YAW = 90


class AugmentArguments(argparse.Namespace):
    """What `mien augment` was asked for."""

    inputs: list[str]
    out: Path
    model: str
    yaws: list[float]
    aligned: bool
    device: str
    overwrite: bool
    max_pixels: int
    tolerant: bool


def make_augment_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = make_parser("augment", "Write turned and uncovered copies of faces.", NOTES)
    add_inputs(parser, standard_input=False)
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="DIR", help="folder, made if missing"
    )
    parser.add_argument(
        "--model",
        type=model_name,
        default="rotate",
        metavar="NAME",
        help="what turns faces: rotate (default), complete, which restores first, or your own rotate:FILE",
    )
    parser.add_argument(
        "--yaws",
        nargs="*",
        type=degrees(LARGEST_YAW),
        default=[0.0],
        metavar="DEGREES",
        help="to turn to, beside the face's own pose (default 0)",
    )
    parser.add_argument("--aligned", action="store_true", help="photos are face crops already")
    add_device(parser)
    parser.add_argument("--overwrite", action="store_true", help="do what is there already again")
    add_reading(parser)
    return parser


def run(words: list[str]) -> int:
    """Augment what is named in the arguments."""
    asked = make_augment_parser().parse_args(words, AugmentArguments())
    if asked.out.exists() and not asked.out.is_dir():
        raise UsageError(f"{asked.out} is a file, and the copies need a folder")
    if len(set(map(ending, asked.yaws))) < len(asked.yaws):
        raise UsageError("each yaw can be had once, in whole degrees")
    found = collect(asked.inputs, asked.out)
    endings = tuple(ending(yaw) for yaw in asked.yaws)
    asked.out.mkdir(parents=True, exist_ok=True)
    jobs = plan(asked.inputs, found, str(asked.out), suffix=".png", beside=endings)
    due = [job for job in jobs if asked.overwrite or not all(path.exists() for path in job.written)]
    with Show(len(due)) as show:
        for problem in found.problems:
            show.fail(problem)
        if len(due) < len(jobs):
            show.say(f"{len(jobs) - len(due)} of {len(jobs)} are there already")
        if due:
            from mien.cli.augment_photos import augment_photos

            augment_photos(asked, due, show)
    return show.status


def ending(yaw: float) -> str:
    """Of the file with the face turned so far."""
    return f"yaw{round(yaw):+d}.png"
