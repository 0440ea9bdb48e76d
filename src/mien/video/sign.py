"""What films say of how mien changed them, in their comment: they have no XMP that players keep."""

import re
from pathlib import Path

import av

from mien.image.mark import COMPOSITE, Mark
from mien.video.read import named_errors

SIGNATURE = re.compile(
    r"(?P<faces>\d{1,9}) faces? recovered by mien (?P<version>\S+), model (?P<model>.+) "
    + re.escape(f"({COMPOSITE})")
)


def signed(comment: str, mark: Mark) -> str:
    """What a film says of itself, and what mien did to it."""
    count = "1 face" if mark.num_faces == 1 else f"{mark.num_faces} faces"
    told = f"{count} recovered by mien {mark.version}, model {mark.model} ({COMPOSITE})"
    return f"{comment}\n{told}" if comment else told


def read_signatures(path: Path) -> tuple[Mark, ...]:
    """What earlier runs of mien did to a film, oldest first."""
    with named_errors(path), av.open(str(path)) as film:
        words = {name.lower(): value for name, value in film.metadata.items()}
    lines = map(SIGNATURE.fullmatch, words.get("comment", "").splitlines())
    return tuple(Mark(one["version"], one["model"], int(one["faces"]), ()) for one in lines if one)
