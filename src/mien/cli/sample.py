"""`mien sample`: faces of nobody, to see what the prior knows."""

import argparse
from pathlib import Path

from mien.cli.arguments import (
    EXIT_DONE,
    WRITABLE,
    OutputError,
    UsageError,
    add_device,
    make_parser,
    share,
    whole_number,
)
from mien.cli.inputs import one_line

NOTES = """
The same seed gives the same faces. With --between each face becomes the next one in so many steps, a row
for each. No generator comes with mien: train one (mien train prior-pretraining) or convert
one (mien convert).

  mien sample --weights FILE -n 16 -o sheet.png
  mien sample --weights FILE -n 4 --between 8 --seed 3 -o ways.png
  mien sample --weights FILE --truncation 1 -o sheet.png
"""
WEIGHTS = "prior.safetensors"
COLUMNS = 4


class SampleArguments(argparse.Namespace):
    """What `mien sample` was asked for."""

    num: int
    out: Path
    weights: Path | None
    seed: int
    truncation: float
    between: int | None
    columns: int
    overwrite: bool
    device: str


def make_sample_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = make_parser("sample", "Draw faces of nobody.", NOTES)
    parser.add_argument("-n", "--num", type=whole_number(1, 256), default=16, help="faces (default 16)")
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FILE", help=f"the sheet ({' '.join(WRITABLE)})"
    )
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help=f"of a generator or a prior; needed, unless the folder MIEN_WEIGHTS has {WEIGHTS}",
    )
    parser.add_argument("--seed", type=whole_number(0), default=0, metavar="N", help="default 0")
    parser.add_argument(
        "--truncation",
        type=share,
        default=0.7,
        metavar="0..1",
        help="1 draws all that was learned, less stays nearer to the average face (default 0.7)",
    )
    parser.add_argument(
        "--between", type=whole_number(2, 64), metavar="STEPS", help="show the way from each face to the next"
    )
    parser.add_argument(
        "--columns", type=whole_number(1), default=COLUMNS, metavar="N", help=f"default {COLUMNS}"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the sheet if it exists")
    add_device(parser)
    return parser


def run(words: list[str]) -> int:
    """Draw and write."""
    asked = make_sample_parser().parse_args(words, SampleArguments())
    if asked.out.suffix.lower() not in WRITABLE:
        raise UsageError(f"{one_line(str(asked.out))} cannot be written; {' '.join(WRITABLE)} can")
    if asked.out.exists() and not asked.overwrite:
        raise UsageError(f"{one_line(str(asked.out))} exists already: name another file or say --overwrite")
    if asked.weights is not None and not asked.weights.is_file():
        raise UsageError(f"no such file: {one_line(str(asked.weights))}")
    draw(asked)
    print(f"{asked.num} faces, written to {one_line(str(asked.out))}")
    return EXIT_DONE


def draw(asked: SampleArguments) -> None:
    """From weights to a sheet."""
    from mien.describe import label_of, mark_by
    from mien.image.blend import contact_sheet
    from mien.image.io import FORMATS, Photo, encode_photo, write_bytes
    from mien.image.mark import GENERATED, marked
    from mien.models.prior.sample import Sampler
    from mien.zoo.files import WeightsError, find_weights
    from mien.zoo.load import pick_device
    from mien.zoo.prior import load_generator

    try:
        path = asked.weights or find_weights(WEIGHTS)[0]
    except WeightsError as error:
        raise UsageError(f"{error}; name a file with --weights") from error
    try:
        sampler = Sampler(load_generator(path), pick_device(asked.device), asked.truncation)
    except ValueError as error:  # another network's weights, a device that is not there
        raise UsageError(str(error)) from error
    if asked.between is None:
        faces, columns = sampler.faces(asked.num, asked.seed), asked.columns
    else:
        faces, columns = sampler.between(asked.num, asked.between, asked.seed), asked.between
    sheet = Photo(contact_sheet(list(faces), columns, gap=2))
    content = encode_photo(sheet, FORMATS[asked.out.suffix.lower()])
    name = "prior" if asked.weights is None else f"prior:{asked.weights}"
    try:
        write_bytes(asked.out, marked(content, mark_by(label_of(name), len(faces)), kind=GENERATED))
    except OSError as error:
        raise OutputError(f"{one_line(str(asked.out))}: {error.strerror}") from error
