"""Every recipe by its name."""

from collections.abc import Callable

from mien.recipes.detector import DetectorRecipe, detector
from mien.recipes.quality import QualityRecipe, quality
from mien.recipes.restore import (
    RestoreRecipe,
    restore,
    restore_identity,
    restore_paper,
    restore_sharp,
)

Recipe = RestoreRecipe | DetectorRecipe | QualityRecipe

RECIPES: dict[str, Callable[[], Recipe]] = {
    "detector": detector,
    "quality": quality,
    "restore": restore,
    "restore-identity": restore_identity,
    "restore-sharp": restore_sharp,
    "restore-paper": restore_paper,
}
