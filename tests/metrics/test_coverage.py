import numpy as np
import pytest
import torch
from scipy.spatial import KDTree

from mien.metrics.coverage import precision, recall
from mien.metrics.samples import Samples


def samples(num, seed, scale=1.0):
    values = torch.randn(num, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Samples("test", scale * values)


def share_inside(points, reach, neighbours):
    radii = KDTree(reach).query(reach, neighbours + 1)[0][:, -1]
    return np.mean([(np.linalg.norm(reach - point, axis=1) <= radii).any() for point in points])


def test_equals_the_trees_of_scipy():
    made, real = samples(80, 0, scale=2.0), samples(60, 1)
    expected = share_inside(made.embeddings.numpy(), real.embeddings.numpy(), 3)
    assert precision(made, real) == pytest.approx(expected)
    expected = share_inside(real.embeddings.numpy(), made.embeddings.numpy(), 5)
    assert recall(made, real, neighbours=5) == pytest.approx(expected)


def test_on_a_line_by_hand():
    real = Samples("test", torch.tensor([[0.0], [1.0], [2.0], [3.0]]))
    made = Samples("test", torch.tensor([[1.5], [1.6], [1.7], [9.0]]))
    assert precision(made, real, neighbours=1) == 0.75
    # balls of 0.1, 0.1, 0.1 and 7.3 (from 9 down to 1.7): they reach 2 and 3, not 0 and 1
    assert recall(made, real, neighbours=1) == 0.5


def test_a_set_covers_itself():
    real = samples(20, 0)
    assert precision(real, real) == recall(real, real) == 1


def test_too_few_are_refused():
    with pytest.raises(ValueError, match="neighbour 3 needs at least 4 pictures in each set, here are 3"):
        precision(samples(9, 0), samples(3, 1))
