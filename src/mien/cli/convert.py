"""`mien convert`: other people's weights as files that mien reads."""

import argparse
from pathlib import Path

from mien.cli.arguments import EXIT_DONE, OutputError, UsageError, make_parser
from mien.cli.inputs import one_line

FORMS = ("gfpgan-generator", "gpen", "gpen-generator", "stylegan2", "stylegan2-critic")
NOTES = """
IN is a file of torch (.pt, .pth) or safetensors, of which only tensors are read:
  stylegan2         generator of rosinality's StyleGAN2, or a checkpoint of its training
  stylegan2-critic  discriminator of the same, or of GPEN
  gpen              GPEN whole
  gpen-generator    only what draws its faces
  gfpgan-generator  the StyleGAN2 inside GFPGAN's clean version (1.2 to 1.4)

A folder with generator.safetensors (of gpen-generator) and critic.safetensors is what
`mien train prior-paper --pretrained` starts from; `mien sample --weights FILE` draws what a generator knows.
"""


class ConvertArguments(argparse.Namespace):
    """What `mien convert` was asked for."""

    source: Path
    form: str
    out: Path
    overwrite: bool


def make_convert_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = make_parser("convert", "Convert weights of other projects.", NOTES)
    parser.add_argument("source", type=Path, metavar="IN", help="their file")
    parser.add_argument("--as", dest="form", choices=FORMS, required=True, help="what it holds")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="OUT", help=".safetensors")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it exists")
    return parser


def run(words: list[str]) -> int:
    """Convert one file."""
    asked = make_convert_parser().parse_args(words, ConvertArguments())
    name = one_line(str(asked.out))
    if not asked.source.is_file():
        raise UsageError(f"no such file: {one_line(str(asked.source))}")
    if asked.out.suffix != ".safetensors":
        raise UsageError(f"{name} must end in .safetensors")
    if asked.out.exists() and not asked.overwrite:
        raise UsageError(f"{name} exists already: name another file or say --overwrite")
    from safetensors.torch import save_file

    from mien.zoo.convert import convert, read_foreign
    from mien.zoo.files import WeightsError

    try:
        tensors = convert(read_foreign(asked.source, asked.form), asked.form, asked.source)
    except WeightsError as error:
        raise UsageError(str(error)) from error
    try:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, asked.out)
    except OSError as error:
        raise OutputError(f"{name}: {error.strerror}") from error
    num = sum(tensor.numel() for tensor in tensors.values())
    print(f"{num:,} parameters, written to {name}")
    return EXIT_DONE
