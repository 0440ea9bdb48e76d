import math

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu

from mien.metrics.verification import (
    Comparisons,
    accuracy_at,
    contiguous_folds,
    flip_summed,
    fold_accuracy,
    fold_tar,
    roc_curve,
)


def comparisons(similarities, same, folds=None):
    return Comparisons(
        torch.tensor(similarities, dtype=torch.float64),
        torch.tensor(same, dtype=torch.bool),
        torch.zeros(len(same), dtype=torch.int64) if folds is None else torch.tensor(folds),
    )


@pytest.fixture
def drawn():
    """600 pairs in ten folds; similarities rounded so that some tie."""
    generator = torch.Generator().manual_seed(0)
    same = torch.arange(600) % 2 == 0
    similarities = 0.15 * torch.randn(600, generator=generator, dtype=torch.float64) + 0.4 * same
    return Comparisons((similarities * 100).round() / 100, same, contiguous_folds(600))


def published_accuracy(similarities, same, num_folds):
    """The protocol of the LFW scripts, one threshold and one fold at a time."""
    distances, grid = 2 - 2 * similarities, np.arange(0, 4, 0.01)
    folds = np.array_split(np.arange(len(same)), num_folds)
    accuracies = []
    for fold in folds:
        others = np.setdiff1d(np.arange(len(same)), fold)
        scores = [np.mean((distances[others] < threshold) == same[others]) for threshold in grid]
        accuracies.append(np.mean((distances[fold] < grid[np.argmax(scores)]) == same[fold]))
    return accuracies


def test_ten_fold_accuracy_equals_the_plain_loops(drawn):
    # the rounded similarities lie on the grid; moved off it, no threshold meets a distance exactly
    moved = Comparisons(drawn.similarities + 0.0013, drawn.same, drawn.folds)
    folded = fold_accuracy(moved)
    expected = published_accuracy(moved.similarities.numpy(), drawn.same.numpy(), 10)
    assert folded.values == pytest.approx(expected, abs=1e-12)
    assert folded.mean == pytest.approx(np.mean(expected))
    assert folded.deviation == pytest.approx(np.std(expected))


def test_a_fold_does_not_choose_its_own_threshold():
    # fold 0 would want a threshold below, fold 1 one above; each is judged by the other's
    parts = comparisons([0.898, 0.8, 0.498, 0.3], [True, False, True, False], [0, 0, 1, 1])
    folded = fold_accuracy(parts)
    assert folded.values == (0.5, 0.5)
    assert folded.thresholds == pytest.approx((1.01, 0.21))


def test_tar_of_a_fold_by_hand():
    # different pairs of the other fold: the closest is at distance 2 - 2 * 0.5 = 1, of two in all
    parts = comparisons(
        [0.9, 0.2, 0.6, 0.1, 0.7, 0.45, 0.5, 0.0],
        [True, True, False, False, True, True, False, False],
        [0] * 4 + [1] * 4,
    )
    folded = fold_tar(parts, far=0.1)
    assert folded.thresholds == pytest.approx((1.0, 0.8))
    assert folded.values == (0.5, 0.5)
    assert fold_tar(parts, far=0.5).values == (1.0, 1.0)


def test_area_equals_the_rank_test_of_scipy(drawn):
    same = drawn.same.numpy()
    scores = drawn.similarities.numpy()
    statistic = mannwhitneyu(scores[same], scores[~same]).statistic
    assert roc_curve(drawn).area == pytest.approx(statistic / same.sum() / (~same).sum(), abs=1e-12)


def test_a_curve_by_hand():
    curve = roc_curve(comparisons([0.9, 0.8, 0.8, 0.4, 0.3], [True, True, False, True, False]))
    assert curve.thresholds.tolist() == [math.inf, 0.9, 0.8, 0.4, 0.3]
    assert curve.true_accepts.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1, 1])
    assert curve.false_accepts.tolist() == [0, 0, 0.5, 0.5, 1]
    assert curve.area == pytest.approx(0.5 * 0.5 + 0.5)
    # from (0, 1/3) to (1/2, 2/3): FAR = 1 - TAR at 0.4
    assert curve.equal_error_rate == pytest.approx(0.4)


def test_tar_keeps_the_far():
    curve = roc_curve(comparisons([0.9, 0.8, 0.8, 0.4, 0.3], [True, True, False, True, False]))
    assert curve.tar_at(0.5) == 1
    assert curve.threshold_at(0.5) == 0.4
    assert curve.tar_at(0.9) == 1
    with pytest.raises(ValueError, match=r"0\.1 cannot be seen with 2 different pairs"):
        curve.tar_at(0.1)


def test_rates_equal_those_counted_at_the_threshold(drawn):
    curve = roc_curve(drawn)
    for far in (0.01, 0.1, 0.5):
        accepted = drawn.similarities >= curve.threshold_at(far)
        assert curve.tar_at(far) == pytest.approx(float(accepted[drawn.same].double().mean()))
        assert float(accepted[~drawn.same].double().mean()) <= far


def test_a_perfect_and_a_reversed_judge():
    good = roc_curve(comparisons([0.9, 0.8, 0.1, 0.0], [True, True, False, False]))
    assert (good.area, good.equal_error_rate) == (1, 0)
    bad = roc_curve(comparisons([0.9, 0.8, 0.1, 0.0], [False, False, True, True]))
    assert (bad.area, bad.equal_error_rate) == (0, 1)


def test_halves_make_the_whole_in_any_order(drawn):
    half = len(drawn) // 2
    first = Comparisons(drawn.similarities[:half], drawn.same[:half], drawn.folds[:half])
    second = Comparisons(drawn.similarities[half:], drawn.same[half:], drawn.folds[half:])
    assert fold_accuracy(second + first) == fold_accuracy(drawn)
    assert roc_curve(second + first).area == pytest.approx(roc_curve(drawn).area, abs=1e-12)


def test_similarities_are_cosines():
    first, second = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))
    found = Comparisons.of(3 * first, second, torch.ones(5, dtype=torch.bool))
    expected = torch.nn.functional.cosine_similarity(first.double(), second.double())
    torch.testing.assert_close(found.similarities, expected)


def test_flip_sum_by_hand():
    summed = flip_summed(torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 4.0]]))
    assert summed.tolist() == [pytest.approx([0.6, 0.8])]


def test_folds_are_those_of_a_split_in_order():
    assert contiguous_folds(7, 3).tolist() == [0, 0, 0, 1, 1, 2, 2]
    with pytest.raises(ValueError, match="3 pairs cannot make 10 folds"):
        contiguous_folds(3)


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(ValueError, match="there are 2 and 0"):
        roc_curve(comparisons([0.1, 0.2], [True, True]))
    with pytest.raises(ValueError, match=r"without gaps, these are \[0\]"):
        fold_accuracy(comparisons([0.1, 0.2], [True, False]))
    with pytest.raises(ValueError, match=r"without gaps, these are \[0, 2\]"):
        fold_accuracy(comparisons([0.1, 0.2], [True, False], [0, 2]))
    with pytest.raises(ValueError, match="every fold needs"):
        fold_tar(comparisons([0.1, 0.2, 0.3], [True, False, True], [0, 0, 1]), 0.1)
    with pytest.raises(ValueError, match="not a finite number"):
        comparisons([math.nan], [True])


def test_accuracy_at_a_threshold_chosen_elsewhere():
    pairs = comparisons([0.9, 0.6, 0.4, 0.1], [True, True, False, True])
    assert accuracy_at(pairs, 1.0) == 0.75
    assert accuracy_at(pairs, 0.5) == 0.5
