"""What faces wear while a network learns, of the user's own cut-outs."""

from mien.data.worn import Wardrobe
from mien.recipes.sources import MissingSourceError, Sources


def open_wardrobe(sources: Sources) -> Wardrobe | None:
    """Masks and glasses, which come together; None without them, and then faces are behind other things."""
    if sources.masks is None and sources.glasses is None:
        return None
    if sources.masks is None or sources.glasses is None:
        missing = "masks" if sources.masks is None else "glasses"
        raise MissingSourceError(f"--masks and --glasses are given together: --{missing} is missing")
    return Wardrobe.open(sources.masks, sources.glasses)
