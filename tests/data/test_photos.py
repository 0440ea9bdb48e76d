from pathlib import Path

import numpy as np
import pytest
import torch

from mien.data.photos import PackedPhotos, find_photos, pack_photos, square, to_unit_range
from mien.image.io import write_image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in" / "deeper").mkdir(parents=True)
    generator = torch.Generator().manual_seed(0)
    for name, size in (("b.png", (40, 40)), ("deeper/a.png", (50, 40)), ("small.png", (20, 60))):
        write_image(tmp_path / "in" / name, torch.rand(3, *size, generator=generator))
    (tmp_path / "in" / "broken.png").write_bytes(b"no picture")
    (tmp_path / "in" / "notes.txt").write_text("not a picture either")
    return tmp_path


def test_pictures_are_found_in_order_whatever_the_file_system(folder: Path) -> None:
    found = [path.name for path in find_photos((folder / "in",))]
    assert found == ["b.png", "broken.png", "a.png", "small.png"]
    with pytest.raises(FileNotFoundError, match="no pictures"):
        find_photos((folder / "nowhere",))


def test_packing_keeps_what_is_large_enough_and_whole(folder: Path) -> None:
    target = folder / "packed" / "photos.npy"
    assert pack_photos((folder / "in",), 40, target, smallest=40) == 2
    assert np.load(target).shape == (2, 3, 40, 40)


def test_the_middle_square() -> None:
    image = torch.rand(3, 10, 16)
    assert torch.equal(square(image, 10), image[:, :, 3:13])
    assert square(image, 5).shape == (3, 5, 5)


def test_split_and_batch() -> None:
    pixels = np.arange(7, dtype=np.uint8)[:, None, None, None].repeat(3, axis=1)
    training, held_out = PackedPhotos(pixels).split(every=3)
    assert training.pixels[:, 0, 0, 0].tolist() == [0, 1, 3, 4, 6]
    assert held_out.pixels[:, 0, 0, 0].tolist() == [2, 5]
    batch = training.batch([4, 0])
    assert batch[:, 0, 0, 0].tolist() == [6, 0]
    torch.testing.assert_close(to_unit_range(batch)[0, 0, 0, 0], torch.tensor(6 / 255))
