"""`mien synthesize`: pairs to learn de-occlusion and rotation from, made of single photos."""

import argparse
from pathlib import Path

from mien.cli.arguments import UsageError, add_inputs, add_reading, make_parser, whole_number
from mien.cli.inputs import collect
from mien.cli.outputs import allow, plan
from mien.cli.progress import Show

NOTES = """
CFR-GAN's Swap-R&R: what differs between a photo and the face that was read from it changes places between
their renders, and the photo's is turned away and back. OUT/photo.png is the photo's largest face as it should
become again; beside it come to lie
  photo_damaged.png, photo_guide.png    what a network is given
  photo_mask.png                        what it is to find and fill in
and OUT/sheet.jpg shows all of them: damaged, guide, estimate, mask, truth.

  mien synthesize album/ -o triples
"""
SHEET = "sheet.jpg"
BESIDE = ("damaged.png", "guide.png", "mask.png")


class SynthesizeArguments(argparse.Namespace):
    """What `mien synthesize` was asked for."""

    inputs: list[str]
    out: Path
    aligned: bool
    size: int
    parser: Path | None
    seed: int
    overwrite: bool
    max_pixels: int
    tolerant: bool


def make_synthesize_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = make_parser("synthesize", "Make pairs to learn to uncover and turn faces from.", NOTES)
    add_inputs(parser, standard_input=False)
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="DIR", help="folder, made if missing"
    )
    parser.add_argument("--aligned", action="store_true", help="photos are face crops already")
    parser.add_argument(
        "--size", type=whole_number(64, 1024), default=256, metavar="N", help="side in pixels (default 256)"
    )
    parser.add_argument(
        "--parser", type=Path, metavar="FILE", help="weights of a face parser; then N must be 256"
    )
    parser.add_argument("--seed", type=whole_number(0), default=0, metavar="N", help="default 0")
    parser.add_argument("--overwrite", action="store_true", help="replace what exists")
    add_reading(parser)
    return parser


def run(words: list[str]) -> int:
    """Make a triple of each photo."""
    asked = make_synthesize_parser().parse_args(words, SynthesizeArguments())
    if asked.out.exists() and not asked.out.is_dir():
        raise UsageError(f"{asked.out} is a file, and the triples need a folder")
    if asked.parser is not None and asked.size != 256:
        raise UsageError(f"the parser takes faces of 256 pixels, not {asked.size}")
    found = collect(asked.inputs, asked.out)
    asked.out.mkdir(parents=True, exist_ok=True)
    jobs = plan(asked.inputs, found, str(asked.out), suffix=".png", beside=BESIDE)
    allowed, refusals = allow(jobs, asked.overwrite)
    with Show(len(allowed)) as show:
        for problem in (*found.problems, *refusals):
            show.fail(problem)
        if allowed:
            from mien.cli.synthesize_photos import synthesize_photos

            synthesize_photos(asked, allowed, show)
    return show.status
