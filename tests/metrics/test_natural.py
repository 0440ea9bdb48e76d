import math

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve
from scipy.special import gamma
from scipy.stats import gennorm
from skimage.color import rgb2ycbcr

from mien.metrics.natural import asymmetric_gaussian, halve, natural_features, normalise


def smooth_noise(*shape, seed=0):
    noise = torch.rand(shape, generator=torch.Generator().manual_seed(seed))
    return (0.6 * noise + 0.4 * torch.nn.functional.avg_pool2d(noise, 5, 1, 2)).clamp(0, 1)


def window():
    offsets = np.arange(-3, 4)
    taps = np.exp(-(offsets**2) / (2 * (7 / 6) ** 2))
    taps = np.outer(taps, taps)
    return taps / taps.sum()


def plain_mscn(plane):
    mean = convolve(plane, window(), mode="nearest")
    deviation = np.sqrt(np.abs(convolve(plane**2, window(), mode="nearest") - mean**2))
    return (plane - mean) / (deviation + 1), deviation


def plain_aggd(samples):
    """One block, one shape after the other, with scipy's gamma."""
    shapes = np.arange(200, 10_001) / 1000
    ratios = gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))
    left = np.sqrt(np.mean(samples[samples < 0] ** 2))
    right = np.sqrt(np.mean(samples[samples > 0] ** 2))
    skew = left / right
    peak = np.mean(np.abs(samples)) ** 2 / np.mean(samples**2)
    peak *= (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shape = shapes[np.argmin((ratios - peak) ** 2)]
    stretch = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * stretch, right * stretch


def plain_block(block):
    shape, left, right = plain_aggd(block.ravel())
    features = [shape, (left + right) / 2]
    for offset in [(0, 1), (1, 0), (1, 1), (1, -1)]:
        shape, left, right = plain_aggd((block * np.roll(block, offset, axis=(0, 1))).ravel())
        features += [shape, (right - left) * gamma(2 / shape) / gamma(1 / shape), left, right]
    return features


def plain_halve(plane):
    """Keys' cubic of twice the width over a mirrored picture, sample by sample."""

    def cubic(x):
        x = abs(x)
        return 1.5 * x**3 - 2.5 * x**2 + 1 if x < 1 else -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2

    def along_rows(rows):
        padded = np.pad(rows, ((0, 0), (4, 4)), mode="symmetric")
        weights = np.array([cubic((k - 3.5) / 2) for k in range(8)]) / 2
        return np.stack([padded[:, 2 * i + 1 : 2 * i + 9] @ weights for i in range(rows.shape[1] // 2)], 1)

    return along_rows(along_rows(plane).T).T


def plain_features(image, block):
    plane = np.round(rgb2ycbcr(image.permute(1, 2, 0).double().numpy())[..., 0])
    rows, columns = (side // block for side in plane.shape)
    plane = plane[: rows * block, : columns * block]
    scales = [(plain_mscn(plane)[0], block), (plain_mscn(plain_halve(plane))[0], block // 2)]
    return [
        np.concatenate(
            [plain_block(part[r * size : (r + 1) * size, c * size : (c + 1) * size]) for part, size in scales]
        )
        for r in range(rows)
        for c in range(columns)
    ]


def test_equals_the_plain_loops():
    images = smooth_noise(2, 3, 70, 104)
    blocks = natural_features(images, 32)
    assert blocks.features.shape == (2, 6, 36)
    for found, image in zip(blocks.features, images, strict=True):
        np.testing.assert_allclose(found.numpy(), plain_features(image, 32), rtol=1e-7, atol=1e-9)


def test_sharpness_is_the_mean_deviation():
    image = smooth_noise(1, 3, 32, 64)
    plane = np.round(rgb2ycbcr(image[0].permute(1, 2, 0).double().numpy())[..., 0])
    _, deviation = plain_mscn(plane)
    expected = [deviation[:, :32].mean(), deviation[:, 32:].mean()]
    assert natural_features(image, 32).sharpness[0].tolist() == pytest.approx(expected)


def test_normalising_and_halving_by_scipy():
    plane = 255 * smooth_noise(1, 1, 18, 26).double()
    np.testing.assert_allclose(
        normalise(plane)[0][0, 0].numpy(), plain_mscn(plane[0, 0].numpy())[0], atol=1e-9
    )
    np.testing.assert_allclose(halve(plane)[0, 0].numpy(), plain_halve(plane[0, 0].numpy()), atol=1e-9)


@pytest.mark.parametrize("true_shape", [0.8, 2.0, 4.0])
def test_a_known_shape_is_found(true_shape):
    samples = gennorm(true_shape).rvs(size=(1, 200_000), random_state=np.random.default_rng(0))
    shape, left, right = asymmetric_gaussian(torch.from_numpy(samples))
    assert shape.item() == pytest.approx(true_shape, rel=0.03)
    assert left.item() == pytest.approx(1, rel=0.03)
    assert right.item() == pytest.approx(1, rel=0.03)


def test_flat_blocks_are_not_numbers():
    features = natural_features(torch.full((1, 3, 32, 32), 0.5), 32).features
    assert math.isnan(features[0, 0, 0])


def test_blocks_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="pictures of 30x64 pixels cannot be cut into even blocks of 32"):
        natural_features(torch.zeros(1, 3, 30, 64), 32)
