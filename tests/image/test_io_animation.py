from pathlib import Path

import pytest
import torch
from PIL import Image as Pillow

from mien.image.io import encode_animation

FRAMES = [torch.full((3, 6, 8), shade) for shade in (0.0, 0.5, 1.0)]


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_every_frame_is_shown_as_long_and_for_ever(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"turn{suffix}"
    path.write_bytes(encode_animation(FRAMES, suffix[1:].upper(), 0.1))
    with Pillow.open(path) as picture:
        assert picture.size == (8, 6)
        assert picture.n_frames == 3
        assert picture.info["loop"] == 0
        for index, shade in enumerate((0, 128, 255)):
            picture.seek(index)
            picture.load()
            assert picture.info["duration"] == 100
            assert picture.convert("L").getpixel((3, 3)) == pytest.approx(shade, abs=2)
