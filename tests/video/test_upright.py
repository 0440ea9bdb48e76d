import pytest
import torch

from mien.video.upright import Orientation, orientation_of, read_matrix

ONE = 65536


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30), [[1, 2, 3], [4, 5, 6]]),
        ((0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30), [[3, 6], [2, 5], [1, 4]]),
        ((0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30), [[4, 1], [5, 2], [6, 3]]),
        ((-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30), [[6, 5, 4], [3, 2, 1]]),
        ((-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30), [[3, 2, 1], [6, 5, 4]]),
        ((0, ONE, 0, ONE, 0, 0, 0, 0, 1 << 30), [[1, 4], [2, 5], [3, 6]]),
    ],
)
def test_pictures_stand_up_and_lie_down_again(matrix, shown):
    image = torch.tensor([[1.0, 2, 3], [4, 5, 6]]).expand(3, 2, 3)
    orientation = orientation_of(matrix)
    assert orientation.upright(image)[0].tolist() == shown
    assert torch.equal(orientation.as_stored(orientation.upright(image)), image)


def test_a_skewed_matrix_turns_nothing():
    assert orientation_of((ONE, 5, 0, 5, ONE, 0, 0, 0, 1 << 30)) == Orientation()


def test_a_matrix_as_it_is_stored():
    numbers = tuple(range(-4, 5))
    content = b"".join(number.to_bytes(4, "little", signed=True) for number in numbers)
    assert read_matrix(content) == numbers
