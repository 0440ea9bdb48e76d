"""Films that were taken with the camera on its side: turned for the eye, and back for the file."""

import struct
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from mien.types import Image


@dataclass(frozen=True)
class Orientation:
    """First rows and columns change places, then each is perhaps read backwards."""

    swapped: bool = False
    flipped: tuple[int, ...] = ()
    """-1 is from right to left, -2 from bottom to top."""

    def upright(self, image: Image) -> Float[Tensor, "3 _ _"]:
        turned = image.mT if self.swapped else image
        return turned.flip(self.flipped)

    def as_stored(self, image: Image) -> Float[Tensor, "3 _ _"]:
        flipped = image.flip(self.flipped)
        return flipped.mT if self.swapped else flipped


def orientation_of(matrix: tuple[int, ...]) -> Orientation:
    """Of the nine numbers that a file gives; one that turns by no multiple of 90 degrees counts as none.

    A stored (x, y) is shown at (a x + c y, b x + d y), of which only signs matter here.
    """
    a, b, _, c, d, *_ = matrix
    if a == d == 0 and b != 0 and c != 0:
        return Orientation(True, _flips(c, b))
    if b == c == 0 and a != 0 and d != 0:
        return Orientation(False, _flips(a, d))
    return Orientation()


def read_matrix(content: bytes) -> tuple[int, ...]:
    """As FFmpeg hands it over: nine numbers of the machine's own byte order."""
    return struct.unpack("=9i", content)


def _flips(across: int, down: int) -> tuple[int, ...]:
    return tuple(axis for axis, sign in ((-1, across), (-2, down)) if sign < 0)
