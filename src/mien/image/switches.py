"""How Pillow reads is set for the whole process: here once for all threads that read at a time."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from PIL import Image as Pillow
from PIL import ImageFile


class Switches:
    """Readers that take what is left of truncated files, and those that do not, wait for each other."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._num_readers = 0
        self._tolerant = False
        self._put_back = ExitStack()

    @contextmanager
    def reading(self, tolerant: bool) -> Iterator[None]:
        """No limit but ours on pixels, no warnings about odd metadata; all as before when nobody reads."""
        with self._turn:
            self._turn.wait_for(lambda: self._num_readers == 0 or self._tolerant == tolerant)
            if self._num_readers == 0:
                self._set(tolerant)
            self._num_readers += 1
        try:
            yield
        finally:
            with self._turn:
                self._num_readers -= 1
                if self._num_readers == 0:
                    self._put_back.close()
                    self._turn.notify_all()

    def _set(self, tolerant: bool) -> None:
        self._put_back.callback(setattr, ImageFile, "LOAD_TRUNCATED_IMAGES", ImageFile.LOAD_TRUNCATED_IMAGES)
        self._put_back.callback(setattr, Pillow, "MAX_IMAGE_PIXELS", Pillow.MAX_IMAGE_PIXELS)
        self._put_back.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        ImageFile.LOAD_TRUNCATED_IMAGES, Pillow.MAX_IMAGE_PIXELS = tolerant, None
        self._tolerant = tolerant


SWITCHES = Switches()
