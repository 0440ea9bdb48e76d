"""Evidence for people to look at, as a file beside a result."""

from pathlib import Path

from mien.cli.files import put_image
from mien.image.blend import contact_sheet
from mien.image.evidence import overlay
from mien.image.mark import Mark
from mien.types import Face


def save_evidence(faces: tuple[Face, ...], path: Path, mark: Mark | None) -> None:
    """A row for each face: as it was, as it became, and what of that was seen."""
    pictures = [
        picture
        for face in faces
        for picture in (face.crop.pixels, face.recovery.pixels, overlay(face.recovery))
    ]
    put_image(path, contact_sheet(pictures, columns=3), mark)
