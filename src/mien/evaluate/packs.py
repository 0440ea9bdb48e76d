"""Packs of aligned pictures and their pairs (`lfw.bin`, `cfp_fp.bin`, ...), which are Python pickles.

A pickle can run anything, so this reader knows bytes, lists and arrays of numbers and refuses all else.
"""

import codecs
import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from mien.evaluate.pairs import NUM_FOLDS, PairList
from mien.evaluate.portraits import Portrait
from mien.evaluate.sheets import EvaluationError
from mien.faces.align import template_points
from mien.faces.identify import FACE_SIZE, TEMPLATE
from mien.metrics.verification import contiguous_folds

KNOWN: Mapping[tuple[str, str], object] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    **{
        (f"numpy.{core}.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0]
        for core in ("core", "_core")
    },
    **{(f"numpy.{core}.multiarray", "scalar"): np.float64(0).__reduce__()[0] for core in ("core", "_core")},
    ("_codecs", "encode"): codecs.encode,
}
"""What a pickle of bytes, booleans and numpy's arrays is made of; numpy moved its own between versions."""
BROKEN = (pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError, OverflowError)


class PlainUnpickler(pickle.Unpickler):
    """Calls nothing but what makes arrays."""

    def find_class(self, module_name: str, global_name: str) -> object:
        if (module_name, global_name) not in KNOWN:
            raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}, which no pack needs")
        return KNOWN[module_name, global_name]


def read_pack(path: Path) -> PairList:
    """Pictures of 112 px in ArcFace's alignment, two and two, with whether each two are one person."""
    try:
        with path.open("rb") as file:
            content = PlainUnpickler(file, encoding="bytes").load()
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()})") from error
    except BROKEN as error:
        raise EvaluationError(f"{path}: is no pack of pictures ({error})") from error
    if not isinstance(content, tuple | list) or len(content) != 2:
        raise EvaluationError(f"{path}: wanted pictures and answers, got a {type(content).__name__}")
    pictures, answers = [as_bytes(one) for one in content[0]], [bool(one) for one in content[1]]
    if len(pictures) != 2 * len(answers) or len(answers) < NUM_FOLDS:
        raise EvaluationError(
            f"{path}: {len(pictures)} pictures and {len(answers)} answers; there must be two pictures to "
            f"each, and {NUM_FOLDS} folds of them"
        )
    points = template_points(TEMPLATE, FACE_SIZE).float()
    numbers = torch.arange(len(pictures)).reshape(-1, 2)
    return PairList(
        name=path.name,
        portraits=tuple(
            Portrait(f"{path.stem}/{number}", picture, points) for number, picture in enumerate(pictures)
        ),
        first=numbers[:, 0],
        second=numbers[:, 1],
        same=torch.tensor(answers),
        folds=contiguous_folds(len(answers), NUM_FOLDS),
    )


def as_bytes(picture: object) -> bytes:
    """A file's content, which some packs hold as an array."""
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, np.ndarray) and picture.dtype == np.uint8:
        return picture.tobytes()
    raise EvaluationError(f"a picture of a pack must be bytes, not {type(picture).__name__}")
