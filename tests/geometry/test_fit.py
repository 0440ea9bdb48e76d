from dataclasses import replace

import pytest
import torch

from mien.geometry.camera import WeakPerspective
from mien.geometry.fit import Fit, FitSettings, fit_landmarks, landmark_basis
from mien.geometry.morphable import LinearMorphable
from mien.geometry.pose import angle_between, rotation_from_angles

CLOSE = FitSettings(num_identity=5, num_expression=4, deviation=1e-4, num_steps=10)


def seen_faces(num_faces: int, seed: int) -> Fit:
    """Faces with known coefficients in known poses."""
    generator = torch.Generator().manual_seed(seed)
    angles = (torch.rand(num_faces, 3, generator=generator) * 2 - 1) * torch.tensor([80.0, 30.0, 40.0])
    return Fit(
        torch.randn(num_faces, 5, generator=generator),
        torch.randn(num_faces, 4, generator=generator),
        rotation_from_angles(angles),
        WeakPerspective(
            50 + 100 * torch.rand(num_faces, generator=generator),
            200 * torch.rand(num_faces, 2, generator=generator),
        ),
    )


@pytest.mark.parametrize("seed", range(5))
def test_faces_without_noise_are_found_again(morphable: LinearMorphable, seed: int):
    model = morphable
    truth = seen_faces(6, seed)
    found = fit_landmarks(model, truth.landmarks(model)[..., :2], CLOSE)
    assert angle_between(found.rotation, truth.rotation).max() < 0.5
    torch.testing.assert_close(found.camera.scale, truth.camera.scale, rtol=1e-2, atol=0.0)
    turned, expected = (fit.landmarks(model) for fit in (found, truth))
    assert ((turned - expected).norm(dim=-1).amax(1) / truth.camera.scale).max() < 0.02


def test_landmarks_in_the_picture_are_the_turned_and_projected_ones(morphable: LinearMorphable):
    fit = seen_faces(3, 1)
    shape = morphable.shape(fit.identity, fit.expression)
    points = morphable.landmark_points(shape) @ fit.rotation.mT
    expected = points[..., :2] * torch.tensor([1.0, -1.0]) * fit.camera.scale[:, None, None]
    torch.testing.assert_close(fit.landmarks(morphable)[..., :2], expected + fit.camera.shift[:, None])


def test_vertices_are_in_the_same_picture_as_landmarks(morphable: LinearMorphable):
    fit = seen_faces(2, 3)
    without_offsets = replace(morphable, landmark_offsets=torch.zeros(68, 3))
    vertices = fit.vertices(morphable)[:, morphable.landmarks]
    torch.testing.assert_close(vertices, fit.landmarks(without_offsets))


def test_more_doubt_keeps_nearer_to_the_mean(morphable: LinearMorphable):
    truth = seen_faces(8, 5)
    landmarks = truth.landmarks(morphable)[..., :2] + torch.randn(8, 68, 2)
    sizes = [
        fit_landmarks(morphable, landmarks, replace(CLOSE, deviation=deviation)).identity.square().mean()
        for deviation in (1e-3, 0.1, 10.0)
    ]
    assert sizes[0] > sizes[1] > sizes[2]
    assert sizes[2] < 1e-3


def test_missing_and_unweighted_landmarks_count_for_nothing(morphable: LinearMorphable):
    truth = seen_faces(4, 7)
    landmarks = truth.landmarks(morphable)[..., :2]
    weights = torch.ones(4, 68)
    weights[:, 10:25] = 0
    spoilt = landmarks.clone()
    spoilt[:, 10:25] = 1e4
    by_weight = fit_landmarks(morphable, spoilt, CLOSE, weights)
    spoilt[:, 10:25] = torch.nan
    by_absence = fit_landmarks(morphable, spoilt, CLOSE)
    torch.testing.assert_close(by_weight.rotation, by_absence.rotation)
    assert angle_between(by_absence.rotation, truth.rotation).max() < 0.5


@pytest.mark.parametrize(
    "landmarks",
    [
        torch.full((1, 68, 2), 7.0),
        torch.full((1, 68, 2), torch.nan),
        torch.stack((torch.arange(68.0), torch.arange(68.0)), -1)[None],
        1e6 * torch.randn(1, 68, 2, generator=torch.Generator().manual_seed(0)),
    ],
    ids=["one spot", "nothing", "a line", "chaos"],
)
def test_degenerate_landmarks_give_a_finite_face(morphable: LinearMorphable, landmarks: torch.Tensor):
    fit = fit_landmarks(morphable, landmarks, FitSettings(5, 4))
    for part in (fit.identity, fit.expression, fit.rotation, fit.camera.scale, fit.camera.shift):
        assert part.isfinite().all()
    torch.testing.assert_close(fit.rotation @ fit.rotation.mT, torch.eye(3)[None], atol=1e-4, rtol=0.0)


def test_no_faces_at_all(morphable: LinearMorphable):
    assert fit_landmarks(morphable, torch.zeros(0, 68, 2), FitSettings(5, 4)).identity.shape == (0, 5)


def test_the_basis_at_landmarks_is_the_model_s(morphable: LinearMorphable):
    basis = landmark_basis(morphable, 3, 2)
    coefficients = torch.randn(2, 5)
    shape = morphable.shape(coefficients[:, :3], coefficients[:, 3:])
    torch.testing.assert_close(basis.points(coefficients), morphable.landmark_points(shape))


def test_a_model_with_fewer_components_is_fitted_with_what_it_has(morphable: LinearMorphable):
    truth = seen_faces(3, 2)
    landmarks = truth.landmarks(morphable)[..., :2]
    found = fit_landmarks(morphable, landmarks, replace(CLOSE, num_identity=40, num_expression=10))
    assert found.identity.shape == (3, 5)
    assert found.expression.shape == (3, 4)
    torch.testing.assert_close(found.landmarks(morphable)[..., :2], landmarks, atol=2.0, rtol=0)
