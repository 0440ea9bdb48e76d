import numpy as np
import pytest
import torch

from mien.metrics.kernel import kernel_distance, kernel_distance_over_subsets
from mien.metrics.samples import Samples


def samples(num, seed, offset=0.0):
    values = torch.randn(num, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Samples("test", values + offset)


def by_loops(a, b):
    """Every pair of pictures by itself."""

    def kernel(x, y):
        return (np.dot(x, y) / len(x) + 1) ** 3

    def apart(values):
        return np.mean([kernel(x, y) for i, x in enumerate(values) for j, y in enumerate(values) if i != j])

    return apart(a) + apart(b) - 2 * np.mean([kernel(x, y) for x in a for y in b])


def test_equals_the_plain_loops():
    first, second = samples(9, 0), samples(12, 1, offset=0.5)
    expected = by_loops(first.embeddings.numpy(), second.embeddings.numpy())
    assert kernel_distance(first, second) == pytest.approx(expected)


def test_equal_distributions_lie_at_nought_however_few():
    distances = [kernel_distance(samples(8, 2 * seed), samples(8, 2 * seed + 1)) for seed in range(400)]
    assert abs(np.mean(distances)) < 3 * np.std(distances) / 20
    assert min(distances) < 0 < max(distances)


def test_subsets_scatter_about_the_whole():
    first, second = samples(60, 0), samples(50, 1, offset=0.5)
    generator = torch.Generator().manual_seed(0)
    spread = kernel_distance_over_subsets(first, second, generator, subset_size=30, num_subsets=200)
    whole = kernel_distance(first, second)
    assert spread.mean == pytest.approx(whole, abs=4 * spread.deviation / 200**0.5)


def test_halves_make_the_whole():
    first, second = samples(20, 0), samples(20, 1)
    halves = Samples("test", first.embeddings[:7]) + Samples("test", first.embeddings[7:])
    assert kernel_distance(halves, second) == kernel_distance(first, second)


def test_one_picture_is_too_few():
    with pytest.raises(ValueError, match="at least 2 pictures in each set, here are 1"):
        kernel_distance(samples(5, 0), samples(1, 1))
    with pytest.raises(ValueError, match="here is 1"):
        kernel_distance_over_subsets(samples(5, 0), samples(1, 1), torch.Generator())


def test_pairs_are_not_compared_with_each_other():
    first, second = samples(9, 0), samples(9, 1, offset=0.5)
    assert kernel_distance(first, first, are_pairs=True) == pytest.approx(0, abs=1e-9)
    assert kernel_distance(first, first) < -0.1
    a, b = first.embeddings.numpy(), second.embeddings.numpy()
    kernel = (a @ b.T / 5 + 1) ** 3
    across = (kernel.sum() - kernel.trace()) / (9 * 8)
    expected = by_loops(a, b) + 2 * kernel.mean() - 2 * across
    assert kernel_distance(first, second, are_pairs=True) == pytest.approx(expected)
    generator = torch.Generator().manual_seed(0)
    spread = kernel_distance_over_subsets(first, first, generator, 4, 10, are_pairs=True)
    assert (spread.mean, spread.deviation) == pytest.approx((0, 0), abs=1e-9)
    with pytest.raises(ValueError, match="9 pictures cannot be pairs of 8"):
        kernel_distance(first, samples(8, 1), are_pairs=True)
