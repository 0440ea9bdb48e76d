import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.geometry.heatmap import gaussian_heatmaps


def test_a_spot_has_its_peak_at_the_point_and_falls_off_as_a_gaussian():
    (heatmap,) = gaussian_heatmaps(torch.tensor([[[5.0, 3.0]]]), 9, 12, 1.5)[0]
    assert heatmap[3, 5] == 1
    assert float(heatmap[3, 7]) == pytest.approx(math.exp(-(2**2) / (2 * 1.5**2)))
    assert float(heatmap[6, 4]) == pytest.approx(math.exp(-(1 + 9) / (2 * 1.5**2)))


@settings(max_examples=20, deadline=None)
@given(st.floats(6, 20), st.floats(6, 14))
def test_the_centre_of_mass_is_the_point(x: float, y: float):
    heatmap = gaussian_heatmaps(torch.tensor([[[x, y]]]), 21, 27, 1.2)[0, 0]
    rows, columns = torch.meshgrid(torch.arange(21.0), torch.arange(27.0), indexing="ij")
    assert float((heatmap * columns).sum() / heatmap.sum()) == pytest.approx(x, abs=1e-3)
    assert float((heatmap * rows).sum() / heatmap.sum()) == pytest.approx(y, abs=1e-3)


def test_points_that_are_not_known_or_outside():
    points = torch.tensor([[[float("nan"), 3.0], [float("inf"), 3.0], [-1.0, 3.0], [-500.0, 3.0]]])
    heatmaps = gaussian_heatmaps(points, 8, 8, 2.0)[0]
    assert heatmaps.isfinite().all()
    assert heatmaps[:2].sum() == 0
    assert float(heatmaps[2].max()) == pytest.approx(math.exp(-1 / 8))
    assert heatmaps[3].max() < 1e-6


def test_gradients_reach_the_points():
    points = torch.tensor([[[2.3, 3.1]]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p: gaussian_heatmaps(p, 6, 5, 1.5), (points,))


def test_a_spot_without_width_is_refused():
    with pytest.raises(ValueError, match="width above 0"):
        gaussian_heatmaps(torch.zeros(1, 1, 2), 4, 4, 0.0)
