import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mien.metrics.mean import Mean


def test_the_value_is_the_mean():
    assert Mean.of(torch.tensor([1.0, 2.0, 6.0])).value == 3.0


@given(st.lists(st.lists(st.floats(-100, 100, width=32), max_size=5), min_size=1, max_size=4))
def test_parts_add_up_to_the_whole(parts):
    whole = Mean.of(torch.tensor([value for part in parts for value in part]))
    added = sum((Mean.of(torch.tensor(part)) for part in parts), start=Mean())
    assert added.count == whole.count
    assert added.sum == pytest.approx(whole.sum, abs=1e-9)


def test_many_small_values_do_not_vanish():
    values = torch.full((1_000_000,), 0.1)
    assert Mean.of(values).value == pytest.approx(float(values[0]), rel=1e-12)


def test_no_values_have_no_mean():
    with pytest.raises(ValueError, match="nothing was measured"):
        _ = Mean().value
