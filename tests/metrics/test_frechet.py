import numpy as np
import pytest
import scipy.linalg
import torch

from mien.metrics.frechet import (
    Gaussian,
    Moments,
    distance_of_equals,
    extrapolated_frechet,
    frechet_distance,
    read_gaussian,
    write_gaussian,
)
from mien.metrics.samples import Samples


def samples(num, num_features=6, seed=0, scale=1.0, offset=0.0):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(
        num_features, num_features, generator=torch.Generator().manual_seed(9), dtype=torch.float64
    )
    values = torch.randn(num, num_features, generator=generator, dtype=torch.float64) @ mixing
    return Samples("test", scale * values + offset)


def gaussian(part):
    return Moments.of(part).gaussian


def by_scipy(first, second):
    """The formula with scipy's matrix square root."""
    a, b = first.embeddings.numpy(), second.embeddings.numpy()
    covariances = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    means = np.square(a.mean(0) - b.mean(0)).sum()
    return means + np.trace(covariances[0] + covariances[1] - 2 * np.real(root))


def test_equals_the_root_of_scipy():
    first, second = samples(50), samples(70, seed=1, scale=1.7, offset=0.3)
    assert frechet_distance(gaussian(first), gaussian(second)) == pytest.approx(by_scipy(first, second))


def test_gaussians_by_hand():
    def flat(mean, variances):
        tensors = torch.tensor(mean).double(), torch.tensor(variances).double().diag()
        return Gaussian("test", 10, *tensors)

    # 9 from the means; (2 - 1)^2 + (3 - 0)^2 from the deviations
    first, second = flat([3.0, 0.0], [4.0, 9.0]), flat([0.0, 0.0], [1.0, 0.0])
    assert frechet_distance(first, second) == pytest.approx(19)


def test_fewer_pictures_than_features_are_no_trouble():
    first, second = samples(5, num_features=20), samples(7, num_features=20, seed=1)
    distance = frechet_distance(gaussian(first), gaussian(second))
    assert np.isfinite(distance)
    # the nuclear norm does not depend on the order, unlike a root that went wrong
    assert distance == pytest.approx(frechet_distance(gaussian(second), gaussian(first)), rel=1e-9)
    assert frechet_distance(gaussian(first), gaussian(first)) == pytest.approx(0, abs=1e-7)


def test_halves_make_the_whole():
    whole = samples(40)
    parts = [Moments.of(Samples("test", part)) for part in whole.embeddings.split((13, 27))]
    added = (parts[0] + parts[1]).gaussian
    torch.testing.assert_close(added.covariance.numpy(), np.cov(whole.embeddings.numpy(), rowvar=False))
    torch.testing.assert_close(added.mean, gaussian(whole).mean)
    assert added.count == 40


def test_equal_sets_show_what_is_expected_of_them():
    true = gaussian(samples(200_000, num_features=4, seed=5))
    measured = [
        frechet_distance(
            gaussian(samples(200, 4, seed=2 * seed + 100)), gaussian(samples(300, 4, seed=2 * seed + 101))
        )
        for seed in range(200)
    ]
    assert np.mean(measured) == pytest.approx(distance_of_equals(true, 200, 300), rel=0.1)


def test_extrapolation_takes_the_bias_off():
    reference = gaussian(samples(100_000, num_features=4, seed=5, scale=1.2))
    truth = frechet_distance(gaussian(samples(100_000, num_features=4, seed=6)), reference)
    plain, straight = [], []
    for seed in range(40):
        few = samples(60, num_features=4, seed=seed + 10)
        plain.append(frechet_distance(gaussian(few), reference) - truth)
        straight.append(extrapolated_frechet(few, reference, torch.Generator().manual_seed(seed)) - truth)
    assert np.mean(plain) > 0
    assert abs(np.mean(straight)) < np.mean(plain) / 2


def test_statistics_survive_a_file(tmp_path):
    kept = gaussian(samples(20))
    write_gaussian(tmp_path / "set.npz", kept)
    found = read_gaussian(tmp_path / "set.npz")
    assert (found.embedder, found.count) == ("test", 20)
    assert frechet_distance(found, kept) == pytest.approx(0, abs=1e-9)


def test_published_statistics_need_a_name_and_a_count(tmp_path):
    path = tmp_path / "published.npz"
    np.savez(path, mu=np.zeros(3, np.float32), sigma=np.eye(3, dtype=np.float32))
    assert read_gaussian(path, "inception", 50_000).covariance.dtype == torch.float64
    with pytest.raises(ValueError, match="say both"):
        read_gaussian(path)
    np.savez(path, mean=np.zeros(3))
    with pytest.raises(ValueError, match="holds mean, not mu and sigma"):
        read_gaussian(path)
    np.savez(path, mu=np.zeros(3), sigma=np.eye(2))
    with pytest.raises(ValueError, match=r"covariance of \(2, 2\) for 3 features"):
        read_gaussian(path, "inception", 10)


def test_too_few_are_refused():
    with pytest.raises(ValueError, match="at least 2 pictures, here are 1"):
        _ = gaussian(samples(1))
    with pytest.raises(ValueError, match="at least 20 pictures"):
        extrapolated_frechet(samples(5), gaussian(samples(9)), torch.Generator())
    with pytest.raises(ValueError, match="cannot be compared"):
        frechet_distance(gaussian(samples(9)), gaussian(Samples("other", torch.randn(9, 6).double())))
