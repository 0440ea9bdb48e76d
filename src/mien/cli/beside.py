"""What is saved beside a result: before and after, each face, and what of it was seen."""

from collections.abc import Callable
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from mien.cli.files import put_image
from mien.image.blend import contact_sheet, side_by_side
from mien.image.evidence import overlay
from mien.image.io import Photo, write_image, write_photo
from mien.image.mark import Mark
from mien.image.resize import resize
from mien.types import Face, Image


def save_comparison(
    before: Float[Tensor, "3 old_height old_width"], after: Image, path: Path, mark: Mark | None
) -> None:
    """Before and after, both in the size of the result."""
    if before.shape != after.shape:
        before = resize(before[None], after.shape[1], after.shape[2])[0].clamp(0, 1)
    put_image(path, side_by_side([before, after]), mark)


def save_faces(faces: tuple[Face, ...], folder: Path, mark: Callable[[Face], Mark | None]) -> None:
    """Crop, recovery and evidence of each face."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, face in enumerate(faces):
        write_image(folder / f"{number:02d}_crop.png", face.crop.pixels)
        put_image(folder / f"{number:02d}_recovery.png", face.recovery.pixels, mark(face))
        evidence = face.recovery.evidence.expand(3, -1, -1)
        write_photo(folder / f"{number:02d}_evidence.png", Photo(evidence, is_gray=True))


def save_evidence(faces: tuple[Face, ...], path: Path, mark: Mark | None) -> None:
    """A row for each face: as it was, as it became, and what of that was seen."""
    pictures = [
        picture
        for face in faces
        for picture in (face.crop.pixels, face.recovery.pixels, overlay(face.recovery))
    ]
    put_image(path, contact_sheet(pictures, columns=3), mark)
