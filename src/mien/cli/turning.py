"""What may be asked of a model that takes covers off faces and turns heads."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mien.cli.arguments import Options, UsageError, degrees
from mien.cli.inputs import one_line

if TYPE_CHECKING:
    from mien.types import Image, Mask, Recoverer, Turnable

KEEP = "keep"
KEEPABLE = ("glasses", "hair", "hat")
"""What a user may leave on; a test compares it with the library's."""
LARGEST_YAW, LARGEST_PITCH = 90, 30


class TurningArguments(argparse.Namespace):
    """What was asked for."""

    yaw: float | None
    pitch: float | None
    mask: Path | None
    keep: list[str]
    paste: bool


def add_turning(group: Options) -> None:
    """Options of models that turn heads."""
    group.add_argument(
        "--yaw",
        type=angle_or_keep,
        metavar="DEGREES",
        help=f"turn the head so far to the picture's left, -{LARGEST_YAW} to {LARGEST_YAW}; "
        "keep (default) only takes off what is in front of the face",
    )
    group.add_argument("--pitch", type=degrees(LARGEST_PITCH), metavar="DEGREES", help="the same upwards")
    group.add_argument(
        "--mask", type=Path, metavar="FILE", help="a picture as large as the photo, white where to uncover"
    )
    group.add_argument(
        "--keep", nargs="+", choices=KEEPABLE, default=[], help="what is not taken off, beside hair and hats"
    )
    group.add_argument("--paste", action="store_true", help="put turned faces into their photo, too")


def angle_or_keep(text: str) -> float | None:
    """Degrees, or None for `keep`."""
    return None if text == KEEP else degrees(LARGEST_YAW)(text)


def asked_for(asked: TurningArguments) -> list[str]:
    """The options that need such a model, as they were named."""
    named = {
        "--yaw": asked.yaw is not None,
        "--pitch": asked.pitch is not None,
        "--mask": asked.mask is not None,
        "--keep": bool(asked.keep),
        "--paste": asked.paste,
    }
    return [name for name, is_asked in named.items() if is_asked]


def with_turning(model: "Recoverer", name: str, asked: TurningArguments) -> "Recoverer":
    """The model with what was asked for; one that cannot is refused."""
    from mien.types import Turnable

    wanted = asked_for(asked)
    if not wanted:
        return model
    if not isinstance(model, Turnable):
        raise UsageError(f"{', '.join(wanted)}: {name} leaves heads and what is in front of them as they are")
    try:
        return turned(model, asked)
    except ValueError as error:
        raise UsageError(str(error)) from error


def turned(model: "Turnable", asked: TurningArguments) -> "Turnable":
    """Everything bound."""
    model = model.to(asked.yaw, asked.pitch)
    if asked.keep:
        model = model.keeping(*asked.keep)
    if asked.mask is not None:
        model = model.with_mask(read_mask(asked.mask))
    return model.pasting() if asked.paste else model


def read_mask(path: Path) -> "Mask":
    """White is 1."""
    from mien.image.color import to_gray
    from mien.image.io import ImageError, read_image

    try:
        return to_gray(read_image(path)[None])[0]
    except ImageError as error:
        raise UsageError(f"--mask: {error}") from error


def of_the_masks_size(path: Path | None) -> Callable[["Image"], None]:
    """Refuses photos of another size than the mask's."""
    if path is None:
        return lambda photo: None
    from mien.image.io import ImageError

    height, width = read_mask(path).shape[1:]

    def check(photo: "Image") -> None:
        if photo.shape[1:] != (height, width):
            raise ImageError(
                f"the mask {one_line(str(path))} has {width} x {height} pixels, "
                f"the photo {photo.shape[2]} x {photo.shape[1]}"
            )

    return check
