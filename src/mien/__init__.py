"""mien recovers faces: from damaged pictures to a clear face of the same person.

The names below are loaded when they are first used, so that `import mien` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mien.image.io import read_image, write_image
    from mien.pipeline import (
        RecoverOptions,
        detect_faces,
        find_faces,
        identity,
        read_face,
        recover,
        recover_aligned,
    )
    from mien.types import Crop, Detection, Face, Recovery, Result
    from mien.zoo.cards import ZOO
    from mien.zoo.load import load

__all__ = [
    "ZOO",
    "Crop",
    "Detection",
    "Face",
    "RecoverOptions",
    "Recovery",
    "Result",
    "detect_faces",
    "find_faces",
    "identity",
    "load",
    "read_face",
    "read_image",
    "recover",
    "recover_aligned",
    "write_image",
]

HOMES = {
    "image.io": ("read_image", "write_image"),
    "pipeline": (
        "RecoverOptions",
        "detect_faces",
        "find_faces",
        "identity",
        "read_face",
        "recover",
        "recover_aligned",
    ),
    "types": ("Crop", "Detection", "Face", "Recovery", "Result"),
    "zoo.cards": ("ZOO",),
    "zoo.load": ("load",),
}


def __getattr__(name: str) -> object:
    for home, names in HOMES.items():
        if name in names:
            return getattr(import_module(f"mien.{home}"), name)
    raise AttributeError(f"module 'mien' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
