"""Evidence for people to look at: what of a face was seen, what mirrored, what guessed."""

from pathlib import Path

import torch

from mien.image.blend import contact_sheet
from mien.image.color import to_gray
from mien.image.io import write_image
from mien.types import Face, Image, Recovery

SEEN, MIRRORED, GUESSED = (0.1, 0.75, 0.3), (1.0, 0.8, 0.1), (0.9, 0.15, 0.15)
"""Green, yellow, red."""
LENT = (0.15, 0.4, 1.0)
"""Blue."""
STRENGTH = 0.45
"""Of the colours over the picture in gray."""


def overlay(recovery: Recovery) -> Image:
    """The face in gray under green where it was seen, yellow where mirrored, blue where another photo showed
    it, red where guessed."""
    seen = recovery.evidence
    mirrored = torch.zeros_like(seen) if recovery.mirrored is None else recovery.mirrored
    lent = torch.zeros_like(seen) if recovery.guidance is None else recovery.guidance.lent
    guessed = (1 - seen - mirrored - lent).clamp(min=0)
    parts = ((seen, SEEN), (mirrored, MIRRORED), (lent, LENT), (guessed, GUESSED))
    colors = torch.stack([share * share.new_tensor(color)[:, None, None] for share, color in parts]).sum(0)
    gray = to_gray(recovery.pixels[None])[0].expand(3, -1, -1)
    return torch.lerp(gray, colors.clamp(0, 1), STRENGTH)


def save_evidence(faces: tuple[Face, ...], path: Path) -> None:
    """A row for each face: as it was, as it became, and what of that was seen."""
    pictures = [
        picture
        for face in faces
        for picture in (face.crop.pixels, face.recovery.pixels, overlay(face.recovery))
    ]
    write_image(path, contact_sheet(pictures, columns=3))
