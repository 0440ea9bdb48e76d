from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.recipes.sources import MissingSourceError, Sources
from mien.recipes.wardrobe import open_wardrobe


def test_masks_and_glasses_come_together(tmp_path: Path) -> None:
    pixels = np.full((12, 16, 4), 255, np.uint8)
    Image.fromarray(pixels).save(tmp_path / "worn.png")
    assert open_wardrobe(Sources()) is None
    wardrobe = open_wardrobe(Sources(masks=tmp_path, glasses=tmp_path))
    assert wardrobe is not None
    assert len(wardrobe.masks) == len(wardrobe.glasses) == 1
    with pytest.raises(MissingSourceError, match="--glasses is missing"):
        open_wardrobe(Sources(masks=tmp_path))
    with pytest.raises(MissingSourceError, match="--masks is missing"):
        open_wardrobe(Sources(glasses=tmp_path))
