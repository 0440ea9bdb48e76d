import numpy as np

from mien.geometry.build.bases import (
    identity_components,
    principal_components,
    sample_activations,
    vertex_areas,
    without_similarity,
)


def test_areas_are_shares_of_the_surface():
    square = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]])
    areas = vertex_areas(square, np.array([[0, 1, 2], [1, 3, 2]]))
    np.testing.assert_allclose(areas, [1 / 6, 1 / 3, 1 / 3, 1 / 6])


def test_components_have_the_covariance_of_the_shapes():
    generator = np.random.default_rng(0)
    factors = generator.normal(size=(4, 10, 3))
    basis = principal_components(factors, np.full(10, 0.1), 4)
    flat, components = factors.reshape(4, -1), basis.reshape(4, -1)
    np.testing.assert_allclose(components.T @ components, flat.T @ flat, atol=1e-9)
    assert (np.diff(np.linalg.norm(components, axis=1)) <= 0).all()
    dots = components @ components.T
    np.testing.assert_allclose(dots - np.diag(np.diag(dots)), 0, atol=1e-9)


def test_moving_turning_and_growing_are_no_identity():
    generator = np.random.default_rng(1)
    mean, areas = generator.normal(size=(12, 3)), np.full(12, 1 / 12)
    moved = np.broadcast_to([1.0, 2.0, 3.0], mean.shape)
    turned = np.cross([0.1, 0.2, 0.3], mean)
    left = without_similarity(np.stack((moved, turned, 0.1 * mean)), mean, areas)
    np.testing.assert_allclose(left, 0, atol=1e-12)


def test_a_head_is_as_likely_as_its_mirror_image():
    generator = np.random.default_rng(2)
    mean = generator.normal(size=(6, 3))
    mean[3:] = mean[:3] * [-1, 1, 1]
    mirror = np.array([3, 4, 5, 0, 1, 2])
    areas = np.full(6, 1 / 6)
    basis = identity_components(generator.normal(size=(2, 6, 3)), mean, mirror, areas, 4)
    mirrored = basis[:, mirror] * [-1, 1, 1]
    flat, other = basis.reshape(4, -1), mirrored.reshape(4, -1)
    np.testing.assert_allclose(flat.T @ flat, other.T @ other, atol=1e-9)


def test_left_and_right_mostly_go_together():
    activations = sample_activations(("smile_L", "smile_R", "jaw"), np.random.default_rng(3))
    assert activations.min() >= 0
    assert activations.max() <= 1
    correlation = np.corrcoef(activations.T)
    assert correlation[0, 1] > 0.6
    assert abs(correlation[0, 2]) < 0.05
