import pytest

from mien.train.schedule import constant, halve_at, warmup_cosine


def test_warmup_cosine():
    factor = warmup_cosine(4, 104, floor=0.1)
    assert [factor(step) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert factor(4) == 1.0
    assert factor(54) == pytest.approx(0.55)  # half way between 1 and the floor
    assert factor(29) == pytest.approx(0.1 + 0.9 * (1 + 0.5**0.5) / 2)  # cos(pi / 4)
    assert factor(104) == factor(10_000) == pytest.approx(0.1)


def test_warmup_longer_than_the_training_is_an_error():
    with pytest.raises(ValueError, match="warm-up"):
        warmup_cosine(10, 10)


def test_halve_at():
    factor = halve_at(10, 20)
    assert [factor(step) for step in (0, 9, 10, 19, 20, 99)] == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_constant():
    assert constant(0) == constant(10**6) == 1.0
