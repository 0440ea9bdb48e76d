import math

import pytest
import torch
from scipy.stats import bootstrap

from mien.evaluate.compare import bootstrap_interval, differences
from mien.evaluate.sheets import EvaluationError, Sheet


def sheet(who, *values, names=("a", "b", "c", "d"), condition="mixed"):
    return Sheet(condition, who, names, {"psnr": values})


def test_the_interval_is_scipy_s():
    values = torch.randn(40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    low, high = bootstrap_interval(values, torch.Generator().manual_seed(1))
    expected = bootstrap((values.numpy(),), lambda sample, axis: sample.mean(axis), method="percentile")
    width = high - low
    assert low == pytest.approx(expected.confidence_interval.low, abs=0.04 * width)
    assert high == pytest.approx(expected.confidence_interval.high, abs=0.04 * width)


def test_pictures_are_paired():
    steady = differences([sheet("one", 1.0, 20.0, 3.0, 7.0), sheet("two", 2.0, 21.0, 4.0, 8.0)])
    assert [(one.value, one.low, one.high, one.count) for one in steady] == [(1.0, 1.0, 1.0, 4)]
    assert steady[0].is_clear
    (mixed,) = differences([sheet("one", 1.0, 1.0, 1.0, 1.0), sheet("two", 2.0, 0.0, 2.0, 0.0)])
    assert mixed.value == 0
    assert not mixed.is_clear


def test_missing_numbers_leave_both_out():
    (one,) = differences([sheet("one", math.nan, 1.0, 2.0, 3.0), sheet("two", 9.0, 2.0, math.inf, 4.0)])
    assert one.count == 2
    assert one.value == 1
    assert not differences(
        [sheet("one", math.nan, 1.0, 2.0, 3.0), sheet("two", 9.0, 2.0, math.nan, math.nan)]
    )


def test_only_the_same_pictures_under_the_same_condition():
    assert not differences(
        [sheet("one", 1.0, 2.0, 3.0, 4.0), sheet("two", 1.0, 2.0, 3.0, 4.0, condition="8x")]
    )
    with pytest.raises(EvaluationError, match="same pictures"):
        differences([sheet("one", 1.0, 2.0, 3.0, 4.0), sheet("two", 1.0, 2.0, names=("a", "b"))])


def test_a_sheet_says_what_is_missing():
    row = sheet("one", math.nan, 1.0, 2.0, 3.0).row("the truth", {"psnr": "by hand"})
    (score,) = row.scores
    assert (score.value, score.count, score.backend) == (2.0, 3, "by hand")
    assert score.note == "1 of 4 pictures have no such number"
    assert sheet("one", 1.0, math.inf, 2.0, 3.0).mean("psnr").value == math.inf
    with pytest.raises(EvaluationError, match="no picture was left"):
        sheet("one", names=())
    with pytest.raises(EvaluationError, match="2 values of psnr for 4"):
        sheet("one", 1.0, 2.0)
