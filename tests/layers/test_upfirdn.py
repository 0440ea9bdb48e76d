import numpy as np
import pytest
import torch
from scipy.signal import upfirdn as scipy_upfirdn

from mien.layers.upfirdn import TAPS, Resample, doubling, upfirdn


def reference(
    planes: np.ndarray, taps: np.ndarray, up: int, down: int, padding: tuple[int, int]
) -> np.ndarray:
    """Zeros between and around, then scipy along both axes, then what is wholly covered by the filter."""
    for axis in (2, 3):
        spread = np.zeros([side * (up if place == axis else 1) for place, side in enumerate(planes.shape)])
        spread[(slice(None),) * axis + (slice(None, None, up),)] = planes
        before, after = padding
        margins = [(before, after) if place == axis else (0, 0) for place in range(4)]
        whole = scipy_upfirdn(taps, np.pad(spread, margins), axis=axis)
        covered = np.arange(len(taps) - 1, spread.shape[axis] + before + after)
        planes = np.take(whole, covered[::down], axis=axis)
    return planes


@pytest.mark.parametrize(
    ("up", "down", "padding"),
    [(1, 1, (1, 2)), (2, 1, (2, 1)), (1, 2, (1, 1)), (2, 1, (0, 3)), (3, 2, (1, 2))],
)
def test_agrees_with_scipy(up: int, down: int, padding: tuple[int, int]) -> None:
    chance = np.random.default_rng(0)
    planes, taps = chance.normal(size=(2, 3, 6, 5)), np.array([1.0, 2.0, -1.0, 0.5])
    found = upfirdn(torch.from_numpy(planes), torch.from_numpy(taps), up, down, padding)
    np.testing.assert_allclose(found.numpy(), reference(planes, taps, up, down, padding), atol=1e-12)


def test_doubling_keeps_what_is_even() -> None:
    doubled = doubling()(torch.ones(1, 2, 6, 6))
    assert doubled.shape == (1, 2, 12, 12)
    torch.testing.assert_close(doubled[..., 1:-1, 1:-1], torch.ones(1, 2, 10, 10))


def test_it_is_bilinear_away_from_the_border() -> None:
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.interpolate(image, scale_factor=2, mode="bilinear")
    torch.testing.assert_close(doubling()(image)[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1])


def test_gradients() -> None:
    features = torch.randn(1, 1, 2, 4, dtype=torch.float64, requires_grad=True)
    taps = torch.tensor(TAPS, dtype=torch.float64)
    for up, down, padding in ((2, 1, (2, 1)), (1, 2, (1, 1))):
        change = lambda x, up=up, down=down, padding=padding: upfirdn(x, taps, up, down, padding)  # noqa: E731
        assert torch.autograd.gradcheck(change, features)
        assert torch.autograd.gradgradcheck(change, features)


def test_its_filter_is_not_among_the_weights() -> None:
    assert not Resample(down=2, padding=(1, 1)).state_dict()
