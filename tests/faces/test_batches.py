import pytest
import torch

from mien.faces.batches import in_batches, stacked
from mien.image.warp import identity
from mien.types import Crop, Recovery


def crop(number: int, side: int = 4) -> Crop:
    return Crop(torch.full((3, side, side), number / 10), identity(), torch.zeros(5, 2))


def test_all_are_recovered_in_their_order_some_at_a_time():
    sizes = []

    def recover(some):
        sizes.append(len(some))
        return [Recovery(one.pixels, one.pixels[:1]) for one in some]

    found = in_batches([crop(number) for number in range(5)], 2, recover)
    assert [round(float(recovery.pixels[0, 0, 0]) * 10) for recovery in found] == [0, 1, 2, 3, 4]
    assert sizes == [2, 2, 1]
    assert in_batches([], 2, recover) == []


def test_a_crop_of_another_size_is_named():
    assert stacked([crop(1), crop(2)], 4, "restore").shape == (2, 3, 4, 4)
    with pytest.raises(ValueError, match="restore takes crops of 4 x 4 pixels, got 5 x 5"):
        stacked([crop(1), crop(2, 5)], 4, "restore")
