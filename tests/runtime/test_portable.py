import pytest
import torch

from mien.runtime.portable import Difference, Outlet, Portable, compared, differences

GRAY = Outlet("image", "grey levels", 127.5, 1.0)


def test_examples_are_the_same_pictures_each_time(tiny: Portable) -> None:
    one, other = tiny.examples(3)
    assert one.shape == other.shape == (3, 3, 8, 16)
    assert not torch.equal(one, other)
    assert torch.equal(one, tiny.examples(3)[0])
    assert -1 <= one.min() < -0.2
    assert 0.2 < one.max() <= 1


def test_differences_by_hand() -> None:
    truth, made = torch.zeros(1, 1, 2, 2), torch.tensor([[[[0.0, 2 / 255], [0.0, 2 / 255]]]])
    (found,) = differences((GRAY,), (truth,), (made,))
    assert (found.mean, found.most) == (pytest.approx(0.5), pytest.approx(1.0))
    assert found.is_within
    assert str(found) == "image 0.5000 grey levels on average, 1.000 at most"


def test_nothing_that_is_no_number_is_within() -> None:
    assert not Difference(GRAY, float("nan"), 0.0).is_within
    assert not Difference(GRAY, 1.01, 2.0).is_within


def test_another_shape_is_no_answer(tiny: Portable) -> None:
    with pytest.raises(ValueError, match="image: wanted"):
        compared(tiny, lambda *inputs: (torch.zeros(1, 3, 8, 8), torch.zeros(1)), batch=1)
