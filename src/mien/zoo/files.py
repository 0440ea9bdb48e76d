"""Where files of weights are, and whether they are what they should be, told without importing torch."""

import hashlib
import os
from functools import cache
from pathlib import Path

PACKAGED = Path(__file__).parent / "weights"
OWN_FOLDER_VARIABLE = "MIEN_WEIGHTS"


class WeightsError(ValueError):
    """A weight file that is missing, broken or not what was asked for."""


def find_weights(file_name: str) -> tuple[Path, bool]:
    """Where the file is, and whether it came with the package (then its checksum is known).

    A folder named by MIEN_WEIGHTS goes first; what it does not hold comes from the package.
    """
    own_folder = os.environ.get(OWN_FOLDER_VARIABLE)
    if own_folder:
        if not Path(own_folder).is_dir():
            raise WeightsError(f"{OWN_FOLDER_VARIABLE} is not a folder: {own_folder}")
        own = Path(own_folder) / file_name
        if own.is_file():
            return own, False
    packaged = PACKAGED / file_name
    if not packaged.is_file():
        raise WeightsError(
            f"{file_name} does not come with mien, and {OWN_FOLDER_VARIABLE} "
            + (f"({own_folder}) does not hold it" if own_folder else "names no folder that holds it")
        )
    return packaged, True


@cache
def checksum(path: Path) -> str:
    """SHA-256 of a file, read once per process."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked(file_name: str, sha256: str) -> Path:
    """The file in the user's folder or the package; of the package's the checksum is compared."""
    path, is_packaged = find_weights(file_name)
    if is_packaged and checksum(path) != sha256:
        raise WeightsError(
            f"{path} is damaged or was replaced: its SHA-256 is {checksum(path)}, not {sha256}. "
            f"Files of your own belong in a folder named by {OWN_FOLDER_VARIABLE}"
        )
    return path
