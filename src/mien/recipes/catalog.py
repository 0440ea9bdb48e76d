"""Every recipe by its name."""

from collections.abc import Callable

from mien.recipes.detector import DetectorRecipe, detector
from mien.recipes.restore import (
    RestoreRecipe,
    restore,
    restore_identity,
    restore_paper,
    restore_sharp,
)

RECIPES: dict[str, Callable[[], RestoreRecipe | DetectorRecipe]] = {
    "detector": detector,
    "restore": restore,
    "restore-identity": restore_identity,
    "restore-sharp": restore_sharp,
    "restore-paper": restore_paper,
}
