import builtins
import importlib.util

import numpy as np
import pytest
import torch
from scipy.io import savemat

from mien.image.filter import gaussian_blur
from mien.metrics.natural import natural_features
from mien.metrics.niqe import (
    NaturalFit,
    NaturalModelError,
    faces_model,
    niqe,
    read_model,
    read_published_model,
    write_model,
)


def pictures(num, seed=0, side=96):
    """Structure at every scale, as photos have."""
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(num, 3, side, side)
    for level in range(5):
        noise = torch.randn(num, 1, side >> level, side >> level, generator=generator)
        total += 2.0**level * torch.nn.functional.interpolate(noise, (side, side), mode="bilinear")
    return (0.5 + 0.02 * total).clamp(0, 1)


@pytest.fixture(scope="module")
def fit():
    return NaturalFit.of(pictures(12), 24)


@pytest.fixture(scope="module")
def model(fit):
    return fit.model("test")


def test_a_model_is_mean_and_covariance_of_the_sharp_blocks(model):
    blocks = natural_features(pictures(12), 24)
    sharp = blocks.sharpness > 0.75 * blocks.sharpness.max(1, keepdim=True).values
    rows = blocks.features[sharp].numpy()
    assert model.count == len(rows) < 12 * 16
    np.testing.assert_allclose(model.mean.numpy(), rows.mean(0))
    np.testing.assert_allclose(model.covariance.numpy(), np.cov(rows, rowvar=False), atol=1e-9)


def test_halves_make_the_whole(fit):
    images = pictures(12)
    parts = NaturalFit.nothing(24) + NaturalFit.of(images[:5], 24) + NaturalFit.of(images[5:], 24)
    assert parts.count == fit.count
    torch.testing.assert_close(parts.outer, fit.outer)


def test_the_distance_by_numpy(model):
    image = pictures(1, seed=1)
    rows = natural_features(image, 24).features[0].numpy()
    away = rows.mean(0) - model.mean.numpy()
    middle = (np.cov(rows, rowvar=False) + model.covariance.numpy()) / 2
    expected = np.sqrt(away @ np.linalg.pinv(middle) @ away)
    assert niqe(image, model).item() == pytest.approx(expected, rel=1e-6)


def test_damage_is_less_natural(model):
    images = pictures(4, seed=2)
    clean = niqe(images, model)
    blurred = gaussian_blur(images, torch.full((4,), 1.5))
    noisy = (images + 0.2 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    assert (niqe(blurred, model) > clean).all()
    assert (niqe(noisy, model) > clean).all()


def test_a_flat_picture_has_no_value(model):
    images = torch.cat((pictures(1), torch.full((1, 3, 96, 96), 0.5)))
    assert niqe(images, model).isnan().tolist() == [False, True]


def test_one_flat_block_does_not_matter_much(model):
    image = pictures(1, seed=3)
    image[..., :24, :24] = 0.5
    assert niqe(image, model).isfinite().all()


def test_a_model_survives_its_file(model, tmp_path):
    write_model(tmp_path / "model.safetensors", model)
    found = read_model(tmp_path / "model.safetensors")
    assert (found.name, found.block_size, found.count) == ("test", 24, model.count)
    assert torch.equal(found.covariance, model.covariance)


def test_the_packaged_model_is_named_as_ours():
    model = faces_model()
    assert model.name.startswith("mien")
    assert model.block_size == 64
    assert model.count > 1000
    assert torch.linalg.eigvalsh(model.covariance).min() > 0
    images = pictures(2, side=128)
    assert (niqe(gaussian_blur(images, torch.full((2,), 2.0)), model) > niqe(images, model)).all()


def test_published_parameters_are_read(model, tmp_path):
    savemat(
        tmp_path / "p.mat", {"mu_prisparam": model.mean.numpy(), "cov_prisparam": model.covariance.numpy()}
    )
    np.savez(
        tmp_path / "p.npz",
        mu_pris_param=model.mean.numpy()[None],
        cov_pris_param=model.covariance.numpy(),
        gaussian_window=np.ones((7, 7)),
    )
    for name in ("p.mat", "p.npz"):
        found = read_published_model(tmp_path / name)
        assert found.block_size == 96
        assert name in found.name
        torch.testing.assert_close(found.mean, model.mean)
        torch.testing.assert_close(found.covariance, model.covariance)


def test_broken_files_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(NaturalModelError, match="holds a; wanted mu_prisparam and cov_prisparam or"):
        read_published_model(tmp_path / "other.npz")
    np.savez(tmp_path / "small.npz", mu_pris_param=np.zeros(18), cov_pris_param=np.zeros((18, 18)))
    with pytest.raises(NaturalModelError, match=r"\(18,\) and \(18, 18\), wanted 36"):
        read_published_model(tmp_path / "small.npz")
    for name, read in (
        ("a.npz", read_published_model),
        ("a.mat", read_published_model),
        ("a.safetensors", read_model),
    ):
        (tmp_path / name).write_bytes(b"nothing of the kind" * 20)
        with pytest.raises(NaturalModelError, match=f"{name} is no"):
            read(tmp_path / name)


def test_without_scipy_a_mat_file_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NaturalModelError, match=r"pip install 'mien\[judge\]'"):
        read_published_model(tmp_path / "p.mat")


def test_scipy_is_imported_for_mat_files_alone(model, monkeypatch):
    true_import = builtins.__import__

    def watched(name, *arguments):
        assert not name.startswith("scipy")
        return true_import(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", watched)
    assert niqe(pictures(1), model).isfinite().all()


def test_what_is_too_little_is_refused():
    with pytest.raises(ValueError, match="more than 36 sharp blocks, here are"):
        NaturalFit.of(pictures(1), 48).model("few")
    with pytest.raises(ValueError, match="at least two blocks of 64"):
        niqe(torch.rand(1, 3, 64, 100), faces_model())
    with pytest.raises(ValueError, match="of 24 and of 48 do not add up"):
        NaturalFit.nothing(24) + NaturalFit.nothing(48)
