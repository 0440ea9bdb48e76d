"""Other answers to the same photo, for models that have some (`mien recover --variants`)."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from mien.cli.arguments import Options, UsageError, whole_number
from mien.cli.outputs import Job, beside

if TYPE_CHECKING:
    from mien.faces.identify import Identify
    from mien.image.mark import Mark
    from mien.pipeline import RecoverOptions
    from mien.types import Image, Recoverer, Result

MOST = 16

Variants = Callable[["Image", "Result"], "list[Result]"]
"""A photo and the usual answer to all other answers."""


class VariantArguments(argparse.Namespace):
    """How many answers are wanted."""

    variants: int
    variants_seed: int


def add_variants(group: Options) -> None:
    """Options on other answers."""
    group.add_argument(
        "--variants",
        type=whole_number(1, MOST),
        default=1,
        metavar="N",
        help="so many answers, which differ where the photo leaves room (with --model prior:FILE)",
    )
    group.add_argument(
        "--variants-seed", type=whole_number(0), default=0, metavar="N", help="which others (default 0)"
    )


def variant_endings(asked: VariantArguments) -> tuple[str, ...]:
    """What comes to lie beside a result."""
    return tuple(map(variant_ending, range(1, asked.variants)))


def variant_ending(number: int) -> str:
    """From 1, since the usual answer is the result itself."""
    return f"variant_{number}.png"


def bind_variants(
    model: "Recoverer",
    asked: VariantArguments,
    aligned: bool,
    options: "RecoverOptions",
    identify: "Identify | None",
) -> Variants:
    """Find nothing again: the faces are where they were."""
    if asked.variants == 1:
        return lambda photo, result: []
    from mien.models.prior.recover import PriorRestorer
    from mien.pipeline import recover, recover_aligned

    if not isinstance(model, PriorRestorer):
        raise UsageError("--variants: only the prior has more than one answer")
    others = [model.with_variant(number, asked.variants_seed) for number in range(1, asked.variants)]

    def answer(photo: "Image", result: "Result") -> "list[Result]":
        found = [face.detection for face in result.faces]
        if not found:
            return []
        if aligned:
            return [recover_aligned(photo, other, options, identify) for other in others]
        return [recover(photo, other, options, lambda photo: found, identify) for other in others]

    return answer


def write_variants(
    job: Job, results: "list[Result]", mark: "Callable[[Result], Mark | None]"
) -> tuple[str, ...]:
    """Put them beside the result; what a person should know of each."""
    if job.target is None:
        return ()
    from mien.cli.files import put_image

    notes = []
    for number, result in enumerate(results, start=1):
        put_image(beside(job.target, variant_ending(number)), result.photo, mark(result))
        cosines = [f"{face.identity:.2f}" for face in result.faces if face.identity is not None]
        if cosines:
            notes.append(f"variant {number}: identity {', '.join(cosines)}")
    return tuple(notes)
