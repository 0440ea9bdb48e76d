"""What the commands' arguments have in common: how they are read, and the names they may take.

The names and numbers are written out here, because asking the library for them would make
`mien recover --help` wait for torch; a test compares them with the library's.
"""

import argparse
import sys
from collections.abc import Callable
from typing import Literal, get_args

MODELS = ("restore", "guided", "rotate", "complete")
MODEL_FILES = ("complete", "frontal", "guided", "prior", "restore", "rotate", "spandrel")
"""Kinds of files that models can be loaded from."""
Runtime = Literal["auto", "torch", "onnx", "openvino"]
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)
PORTABLE_PARTS = ("detector", "look", "identity", "reader", "parser")
"""Networks behind the scenes that can be exported."""
TEMPLATES = ("ffhq", "gpen", "arcface", "bfm", "box")
PROFILES = ("gfrnet", "mmrb", "grain", "mdfr", "mdfr_literal")
RECIPES = (
    "detector",
    "expression",
    "expression-paper",
    "frontal",
    "frontal-concatenated",
    "frontal-paper",
    "frontal-without-person-critic",
    "frontal-without-pose",
    "frontal-without-pose-critic",
    "guided",
    "guided-paper",
    "guided-random",
    "guided-sharp",
    "guided-without-flow",
    "guided-without-guide",
    "guided-without-guide-wide",
    "guided-without-warp",
    "guided-without-warp-wide",
    "identity",
    "identity-paper",
    "integrated",
    "integrated-paper",
    "integrated-without-alignment",
    "look",
    "parser",
    "prior",
    "prior-256",
    "prior-paper",
    "prior-pretraining",
    "prior-pretraining-256",
    "prior-pretraining-paper",
    "prior-pretraining-without-penalty",
    "prior-without-face-loss",
    "prior-without-freezed",
    "prior-without-local-critics",
    "prior-without-mmrb",
    "prior-without-tuning",
    "quality",
    "reader",
    "reader-covered",
    "restore",
    "restore-identity",
    "restore-mmrb",
    "restore-sharp",
    "restore-wide",
    "restore-paper",
    "rotate",
    "rotate-and-render",
    "rotate-by-parser",
    "rotate-in-place",
    "rotate-paper",
    "rotate-without-identity",
    "rotate-without-parsing",
    "rotate-without-swap",
)
PROTOCOLS = (
    "blind",
    "superres",
    "strength",
    "single",
    "wild",
    "recognition",
    "pose",
    "turned",
    "domains",
    "occlusion",
    "rotation",
    "guided",
    "speed",
)
LIST_FORMATS = ("lfw", "cfp-fp", "cfp-ff", "labelled", "pack", "ijb-tables", "ijb-lists")
READABLE = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif")
"""Suffixes of the pictures that a folder is searched for."""
WRITABLE = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
MAX_PIXELS = 100_000_000
DEFAULT_QUALITY = 95
DEFAULT_BATCH_SIZE = 8

Options = argparse._ActionsContainer
"""A parser or a group of its options; argparse has no public name for both."""

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
"""128 + SIGINT, as a shell reports it."""
EXIT_BROKEN_PIPE = 141
"""128 + SIGPIPE."""
EXIT_STATUS = "Exit status: 0 all done, 1 some input failed (each is named), 2 wrong usage."


class UsageError(Exception):
    """The command was asked for something that cannot be meant."""


class OutputError(Exception):
    """What was to be written for the whole run cannot be written."""


def make_parser(command: str, description: str, notes: str = "") -> argparse.ArgumentParser:
    """A parser whose help keeps the line breaks of `notes`."""
    return argparse.ArgumentParser(
        prog=f"mien {command}",
        description=description,
        epilog=f"{notes.strip()}\n\n{EXIT_STATUS}".strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_inputs(options: Options, standard_input: bool) -> None:
    """The pictures to work on."""
    also = ", or - for standard input" if standard_input else ""
    options.add_argument(
        "inputs", nargs="+", metavar="INPUT", help=f"pictures, folders (searched below), patterns{also}"
    )


def add_reading(options: Options) -> None:
    """How pictures are read."""
    options.add_argument(
        "--max-pixels",
        type=whole_number(1),
        default=MAX_PIXELS,
        metavar="N",
        help=f"refuse larger pictures (default {MAX_PIXELS:,})",
    )
    options.add_argument(
        "--tolerant", action="store_true", help="take what can be read of truncated pictures"
    )


def add_device(options: Options) -> None:
    """What the networks run on."""
    options.add_argument(
        "--device",
        default="auto",
        help="cpu, cuda, cuda:1, ...; auto (default) takes a GPU if there is one",
    )


def add_runtime(options: Options) -> None:
    """What runs the networks."""
    options.add_argument(
        "--runtime",
        choices=RUNTIMES,
        default="auto",
        help="what runs the networks on a processor; auto (default) is the quickest that is installed and "
        "within a grey level of torch on average",
    )


def refuse_terminals(reads: bool, writes: bool) -> None:
    """Nobody types a picture or wants to see its bytes."""
    if reads and sys.stdin.isatty():
        raise UsageError("standard input is a terminal: pass a picture with < or |")
    if writes and sys.stdout.isatty():
        raise UsageError("standard output is a terminal: say with -o where the picture should go")


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """A reader of whole numbers within bounds."""
    wanted = f"{least} or more" if most is None else f"{least} to {most}"

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if number < least or (most is not None and number > most):
            raise argparse.ArgumentTypeError(f"must be {wanted}, got {text}")
        return number

    return read


def model_name(text: str) -> str:
    """A model of the zoo, or a kind of file and the file: `prior:FILE`."""
    kind, colon, file = text.partition(":")
    if text not in MODELS and not (colon and file and kind in MODEL_FILES):
        known = ", ".join((*MODELS, *(f"{kind}:FILE" for kind in MODEL_FILES)))
        raise argparse.ArgumentTypeError(f"invalid choice: {text!r} (choose from {known})")
    return text


def share(text: str) -> float:
    """A number from 0 to 1."""
    return number_between(0, 1)(text)


def cosine(text: str) -> float:
    """A number from -1 to 1."""
    return number_between(-1, 1)(text)


def number_between(least: int, most: int) -> Callable[[str], float]:
    """A reader of numbers within bounds."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
        if not least <= number <= most:  # false for NaN too
            raise argparse.ArgumentTypeError(f"must lie between {least} and {most}, got {text}")
        return number

    return read


def degrees(most: int) -> Callable[[str], float]:
    """A reader of angles to either side."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of degrees") from None
        if not -most <= number <= most:  # false for NaN too
            raise argparse.ArgumentTypeError(f"must lie between {-most} and {most}, got {text}")
        return number

    return read
