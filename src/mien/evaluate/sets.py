"""Which folders of a report's pictures serve which protocol: by their names, as the docs list them."""

from pathlib import Path

from mien.data.photos import SUFFIXES
from mien.evaluate.sheets import EvaluationError
from mien.evaluate.trial import PhotoSet

ROLES: dict[str, tuple[str, ...]] = {
    "aligned": ("aligned", "ffhq", "celebamask"),
    "people": ("people", "lfw"),
    "wild": ("wild", "real_low_quality"),
    "pose": ("pose", "aflw2000"),
    "references": ("references", "webmorph"),
}
"""Role to how the name of its folders begins."""
COMPANIONS = ("_parsing", "_labels")
"""A folder that ends so belongs to another one."""


def role_of(name: str) -> str | None:
    """None where no protocol wants it."""
    if name.endswith(COMPANIONS):
        return None
    return next((role for role, starts in ROLES.items() if name.startswith(starts)), None)


def rank_of(name: str) -> int:
    """The order of the names in `ROLES`, so that what comes first there is what protocols take first."""
    starts = [start for names in ROLES.values() for start in names]
    return next(rank for rank, start in enumerate(starts) if name.startswith(start))


def find_sets(folder: Path) -> tuple[tuple[PhotoSet, ...], tuple[str, ...]]:
    """The sets below a folder, in the order of the roles; and the names of folders that are none."""
    if not folder.is_dir():
        raise EvaluationError(f"{folder}: no such folder")
    inner = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    sets = [photo_set(path, role) for path in inner if (role := role_of(path.name)) is not None]
    if not sets:
        wanted = "; ".join(f"{role}: {', '.join(starts)}" for role, starts in ROLES.items())
        raise EvaluationError(f"{folder} has no folder whose name says what it is for ({wanted})")
    sets.sort(key=lambda one: rank_of(one.name))
    others = [path.name for path in inner if role_of(path.name) is None]
    return tuple(sets), tuple(others)


def photo_set(folder: Path, role: str) -> PhotoSet:
    photos = tuple(sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES))
    if not photos:
        raise EvaluationError(f"{folder}: there are no pictures in this folder")
    return PhotoSet(folder.name, role, folder, photos)
