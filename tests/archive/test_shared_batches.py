"""Faces of different photos in one batch."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import torch
from hypothesis import given
from hypothesis import strategies as st

from mien.archive.shared_batches import Batching, Served, serve
from mien.archive.stages import Window
from mien.image.io import ImageError
from mien.types import Crop, Recovery

UNREADABLE = 99.0


@dataclass(frozen=True)
class Photo:
    """So many faces, whose pixels say whose they are."""

    number: int
    num_faces: int
    weight: int = 1

    @property
    def crops(self) -> tuple[Crop, ...]:
        return tuple(crop(100 * self.number + face) for face in range(self.num_faces))


def crop(value: float) -> Crop:
    return Crop(torch.full((3, 2, 2), float(value)), torch.eye(3)[:2], torch.zeros(5, 2))


@dataclass(frozen=True)
class Negative:
    """A model that turns numbers around, and remembers how many it was asked for at a time."""

    sizes: list[int] = field(default_factory=list)
    crop_size: int = 2
    template: str = "ffhq"

    def __call__(self, crops: list[Crop]) -> list[Recovery]:
        self.sizes.append(len(crops))
        if any(float(one.pixels[0, 0, 0]) == UNREADABLE for one in crops):
            raise ImageError("cannot be read")
        return [Recovery(-one.pixels, torch.ones(1, 2, 2)) for one in crops]

    def with_fidelity(self, fidelity: float) -> "Negative":
        return self

    def with_batch_size(self, batch_size: int) -> "Negative":
        return self


def values(served: Served[Photo]) -> list[float]:
    return [float(recovery.pixels[0, 0, 0]) for recovery in served.recoveries]


def run(photos: Sequence[Photo], batching: Batching, model: Negative) -> list[Served[Photo]]:
    with ThreadPoolExecutor(2) as pool:
        return [*serve(photos, model, batching, pool)]


@given(st.lists(st.integers(0, 7), max_size=12), st.integers(1, 5), st.integers(1, 3), st.booleans())
def test_every_photo_gets_its_own_faces_back_in_order(
    counts: list[int], size: int, num_at_once: int, pads: bool
) -> None:
    photos = [Photo(number, count) for number, count in enumerate(counts)]
    model = Negative()
    served = run(photos, Batching(size, num_at_once, pads), model)
    assert [one.photo for one in served] == photos
    for one in served:
        assert one.error is None
        assert values(one) == [-float(each.pixels[0, 0, 0]) for each in one.photo.crops]
    assert all(given == size if pads else given <= size for given in model.sizes)


def test_batches_are_full() -> None:
    model = Negative()
    run([Photo(number, 1) for number in range(7)] + [Photo(7, 9)], Batching(4), model)
    assert model.sizes == [4, 4, 4, 4]


def test_photos_without_faces_do_not_wait_for_others() -> None:
    seen: list[int] = []

    def photos():
        for number in range(100):
            seen.append(number)
            yield Photo(number, 0)

    with ThreadPoolExecutor(1) as pool:
        stream = serve(photos(), Negative(), Batching(8), pool)
        next(stream)
        assert len(seen) < 10


def test_a_batch_goes_early_when_too_much_waits() -> None:
    model = Negative()
    one_face = [Photo(0, 1), *(Photo(number, 0) for number in range(1, 10))]
    run(one_face, Batching(4, most_waiting=Window(3, 100)), model)
    assert model.sizes == [1]
    heavy = [Photo(number, 1, weight=60) for number in range(4)]
    run(heavy, Batching(4, most_waiting=Window(30, 100)), replace(model, sizes=(sizes := [])))
    assert max(sizes) <= 2


def test_only_the_guilty_fail() -> None:
    photos = [Photo(0, 1), Photo(0, 100), Photo(2, 1)]  # the second has the face nobody can read
    served = run(photos, Batching(200), Negative())
    assert [type(one.error) for one in served] == [type(None), ImageError, type(None)]
    assert values(served[0]) == [0]
    assert values(served[2]) == [-200]


def test_time_is_shared() -> None:
    served = run([Photo(0, 1), Photo(1, 3), Photo(2, 0)], Batching(4), Negative())
    first, second, third = (one.seconds for one in served)
    assert first > 0
    assert abs(second / first - 3) < 1e-6
    assert third == 0
