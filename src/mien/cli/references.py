"""`mien recover --reference`: other photos of the people, read once and bound to the model."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mien.cli.arguments import Options, UsageError
from mien.cli.inputs import STANDARD, collect, one_line

if TYPE_CHECKING:
    from mien.image.mark import Mark
    from mien.types import Face, Recoverer

GUIDED = "guided"
WARP = "warp.png"
"""Written beside a result with --save-warp."""
REFERENCE_NOTES = """
With --reference faces are restored with the help of good photos of the same people: the best for each
face is chosen by who it shows, its pose and its sharpness. A reference without a face is passed over; of
several faces the one most alike is taken; one of another person is refused (--any-person takes it), and
a face that no reference shows is recovered without one. All of that is said.

  mien recover grandmother.jpg --reference album/ -o better.png
"""


class ReferenceArguments(argparse.Namespace):
    """What `mien recover` was asked for beside the rest."""

    reference: list[str] | None
    any_person: bool
    save_warp: bool


def add_references(options: Options) -> None:
    """Photos to look at, and what to do about them."""
    options.add_argument(
        "--reference",
        nargs="+",
        metavar="PHOTO",
        help="good photos of the same people, or folders of them; implies --model guided",
    )
    options.add_argument(
        "--any-person", action="store_true", help="take references of other people too, which changes faces"
    )
    options.add_argument(
        "--save-warp",
        action="store_true",
        help="each face, its reference brought to its pose, and the result",
    )


def is_guided(model: str) -> bool:
    """Whether it is that model, from the package or from a file."""
    return model.partition(":")[0] == GUIDED


def model_for(model: str, asked: ReferenceArguments) -> str:
    """The model that is meant; what contradicts itself is refused."""
    if asked.reference:
        if STANDARD in asked.reference:
            raise UsageError("a reference cannot come from standard input")
        if is_guided(model):
            return model
        if model != "restore":  # restore is what nobody asked for
            raise UsageError(f"--reference is for --model {GUIDED}, not {model}")
        return GUIDED
    for name, is_asked in (("--any-person", asked.any_person), ("--save-warp", asked.save_warp)):
        if is_asked:
            raise UsageError(f"{name} needs --reference")
    if is_guided(model):
        raise UsageError(f"--model {GUIDED} needs --reference: good photos of the person")
    return model


def bind_references(
    model: "Recoverer", asked: ReferenceArguments, max_pixels: int, say: Callable[[str], None]
) -> "Recoverer":
    """The model with the photos; a reference that cannot be read is an error, since results depend on it."""
    from mien.image.io import ImageError, read_photo
    from mien.types import Guidable

    if not asked.reference:
        return model
    if not isinstance(model, Guidable):
        raise UsageError("this model takes no references")
    found = collect(asked.reference)
    if found.problems:
        problem = found.problems[0]
        raise UsageError(f"reference {problem.name}: {problem.reason}")
    paths = [source.path for source in found.inputs if source.path is not None]
    try:
        album = [read_photo(path, max_pixels=max_pixels).image for path in paths]
        bound = model.with_references(album, asked.any_person)
    except (ImageError, ValueError) as error:
        raise UsageError(f"reference: {error}") from error
    for number, path in enumerate(paths):
        if number in bound.unused:
            say(f"reference {one_line(str(path))}: no face found, passed over")
        elif len(paths) > 1:
            say(f"reference {number + 1} is {one_line(str(path))}")
    return bound


def save_warps(faces: "tuple[Face, ...]", path: Path, mark: "Mark | None") -> bool:
    """A row for each face that had a guide: as it was, the guide in its pose, the result; whether any had."""
    from mien.cli.files import put_image
    from mien.image.blend import contact_sheet

    tiles = [
        picture
        for face in faces
        if face.recovery.guidance is not None
        for picture in (face.crop.pixels, face.recovery.guidance.pixels, face.recovery.pixels)
    ]
    if tiles:
        put_image(path, contact_sheet(tiles, columns=3), mark)
    return bool(tiles)
