"""What is saved beside a result: before and after, each face, and what of it was seen."""

import re
from collections.abc import Callable, Container, Iterable
from contextlib import suppress
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from mien.cli.files import put_image
from mien.cli.outputs import Job, beside
from mien.cli.recover import EVERY_ENDING
from mien.image.blend import contact_sheet, side_by_side
from mien.image.evidence import overlay
from mien.image.io import Photo, write_image, write_photo
from mien.image.mark import Mark, read_marks
from mien.image.resize import resize
from mien.types import Face, Image

FACE_FILE = re.compile(r"(\d\d|[1-9]\d\d+)_(crop|recovery|evidence)\.png", re.ASCII)
"""What `save_faces` writes."""


def save_comparison(
    before: Float[Tensor, "3 old_height old_width"], after: Image, path: Path, mark: Mark | None
) -> None:
    """Before and after, both in the size of the result."""
    if before.shape != after.shape:
        before = resize(before[None], after.shape[1], after.shape[2])[0].clamp(0, 1)
    put_image(path, side_by_side([before, after]), mark)


def save_faces(
    faces: tuple[Face, ...], folder: Path, mark: Callable[[Face], Mark | None]
) -> tuple[Path, ...]:
    """Crop, recovery and evidence of each face; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for number, face in enumerate(faces):
        crop, recovery, evidence = (
            folder / f"{number:02d}_{kind}.png" for kind in ("crop", "recovery", "evidence")
        )
        write_image(crop, face.crop.pixels)
        put_image(recovery, face.recovery.pixels, mark(face))
        write_photo(evidence, Photo(face.recovery.evidence.expand(3, -1, -1), is_gray=True))
        written += (crop, recovery, evidence)
    return tuple(written)


def save_evidence(faces: tuple[Face, ...], path: Path, mark: Mark | None) -> None:
    """A row for each face: as it was, as it became, and what of that was seen."""
    pictures = [
        picture
        for face in faces
        for picture in (face.crop.pixels, face.recovery.pixels, overlay(face.recovery))
    ]
    put_image(path, contact_sheet(pictures, columns=3), mark)


def files_of(jobs: Iterable[Job]) -> frozenset[Path]:
    """What a run reads and what it writes, apart from what comes to lie beside its results."""
    sources = (job.source.path for job in jobs)
    targets = (job.target for job in jobs)
    return frozenset(path.resolve() for path in (*sources, *targets) if path is not None)


def drop_stale(
    target: Path, asked: tuple[str, ...], written: Container[Path], others: Container[Path]
) -> None:
    """What earlier runs saved beside a result, and this one did not: of a photo that now has fewer faces, or
    for options that are not asked for any more.

    What is not asked for has to say that it is mien's, since a person's own file may have such a name; in a
    folder only files with names of ours go, and the folder itself if nothing else is in it. `others` are
    files of this run, as `files_of` finds them: they may have such names too, and stay.
    """
    for ending in EVERY_ENDING:
        place = beside(target, ending)
        files = sorted(filter(is_of_faces, place.iterdir())) if place.is_dir() else [place]
        for file in files:
            if file in written or file.resolve() in others or not file.is_file():
                continue
            if ending in asked or file is not place or read_marks(file.read_bytes()):
                file.unlink()
        if place.is_dir():
            with suppress(OSError):
                place.rmdir()


def is_of_faces(file: Path) -> bool:
    """Whether `save_faces` calls its files so."""
    return FACE_FILE.fullmatch(file.name) is not None
