"""What is set for the whole process while pictures are read, from many threads at a time."""

import threading
import warnings
from pathlib import Path

import pytest
import torch
from PIL import Image as Pillow
from PIL import ImageFile

from mien.image.io import ImageError, count_pixels, read_photo, write_image
from mien.image.switches import Switches

BEFORE = (ImageFile.LOAD_TRUNCATED_IMAGES, Pillow.MAX_IMAGE_PIXELS)


def now() -> tuple[bool, int | None]:
    return ImageFile.LOAD_TRUNCATED_IMAGES, Pillow.MAX_IMAGE_PIXELS


def test_all_is_as_before_when_the_last_reader_is_done() -> None:
    switches = Switches()
    with switches.reading(tolerant=False):
        with switches.reading(tolerant=False):
            assert now() == (False, None)
        assert now() == (False, None)
        warnings.warn("nobody hears this", UserWarning, stacklevel=1)
    assert now() == BEFORE
    with pytest.warns(UserWarning, match="this is heard"):
        warnings.warn("this is heard", UserWarning, stacklevel=1)


def test_tolerant_readers_wait_for_the_others() -> None:
    switches, order = Switches(), []

    def read_tolerantly() -> None:
        with switches.reading(tolerant=True):
            order.append(now())

    with switches.reading(tolerant=False):
        thread = threading.Thread(target=read_tolerantly)
        thread.start()
        thread.join(timeout=0.05)
        assert thread.is_alive()
        order.append(now())
    thread.join(timeout=5)
    assert order == [(False, None), (True, None)]
    assert now() == BEFORE


def test_a_broken_file_stays_broken_while_others_are_tolerant(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", torch.rand(3, 64, 64))
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2])
    outcomes: list[tuple[bool, bool]] = []

    def read(tolerant: bool) -> None:
        for _ in range(20):
            try:
                read_photo(tmp_path / "cut.jpg", tolerant=tolerant)
            except ImageError:
                outcomes.append((tolerant, False))
            else:
                outcomes.append((tolerant, True))

    threads = [threading.Thread(target=read, args=(number % 2 == 0,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(outcomes) == {(False, False), (True, True)}
    assert len(outcomes) == 80


def test_pixels_are_counted_before_a_picture_is_read(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", torch.rand(3, 5, 7))
    (tmp_path / "b.png").write_bytes(b"no picture")
    assert [count_pixels(tmp_path / name) for name in ("a.png", "b.png", "c.png")] == [35, 0, 0]
