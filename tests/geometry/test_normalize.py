import pytest
import torch

from mien.geometry.camera import WeakPerspective
from mien.geometry.fit import Fit
from mien.geometry.landmarks import key_points
from mien.geometry.morphable import LinearMorphable
from mien.geometry.normalize import (
    NormalizationSettings,
    normalize_pose,
    pose_heatmaps,
    to_uniform_scale,
)
from mien.geometry.pose import rotation_from_angles

SETTINGS = NormalizationSettings()


def posed(angles: list[float], scale: float = 60.0, seed: int = 0) -> Fit:
    generator = torch.Generator().manual_seed(seed)
    return Fit(
        torch.randn(1, 5, generator=generator),
        torch.randn(1, 4, generator=generator),
        rotation_from_angles(torch.tensor([angles])),
        WeakPerspective(torch.tensor([scale]), torch.tensor([[70.0, 50.0]])),
    )


def test_frontal_points_do_not_depend_on_pose_or_scale(morphable: LinearMorphable):
    reference = normalize_pose(morphable, posed([0.0, 0, 0]), SETTINGS).frontal
    for angles, scale in (([60.0, -10, 20], 60.0), ([-89.0, 30, -5], 20.0), ([10.0, 0, 0], 500.0)):
        frontal = normalize_pose(morphable, posed(angles, scale), SETTINGS).frontal
        torch.testing.assert_close(frontal, reference, atol=1e-3, rtol=0.0)


def test_they_are_the_shape_s_own_points_up_to_scale_and_place(morphable: LinearMorphable):
    fit = posed([45.0, 5, 5])
    shape = morphable.shape(fit.identity, fit.expression)
    own = key_points(morphable.landmark_points(shape))[..., :2] * torch.tensor([1.0, -1.0])
    frontal = normalize_pose(morphable, fit, SETTINGS).frontal
    ratios = torch.cdist(frontal, frontal)[0] / torch.cdist(own, own)[0]
    usable = ~torch.eye(18, dtype=torch.bool)
    assert ratios[usable].std() / ratios[usable].mean() < 1e-3


def test_every_face_gets_the_same_eye_distance_and_place(morphable: LinearMorphable):
    for seed in range(3):
        frontal = normalize_pose(morphable, posed([30.0, 0, 0], seed=seed), SETTINGS).frontal
        left, right = frontal[0, 6:9].mean(0), frontal[0, 9:12].mean(0)
        assert float((right - left).norm()) == pytest.approx(0.246 * 128, rel=1e-4)
        middle = (left + right) / 2
        assert middle.tolist() == pytest.approx([63.5, 0.4688 * 128 - 0.5], abs=1e-3)


def test_profile_points_are_where_the_picture_has_them(morphable: LinearMorphable):
    fit = posed([60.0, 0, 0])
    expected = key_points(fit.landmarks(morphable))[..., :2]
    torch.testing.assert_close(normalize_pose(morphable, fit, SETTINGS).profile, expected)


def test_heatmaps_of_both(morphable: LinearMorphable):
    pose = normalize_pose(morphable, posed([60.0, 0, 0], 30.0), SETTINGS)
    profile, frontal = pose_heatmaps(pose, SETTINGS)
    assert profile.shape == frontal.shape == (1, 18, 128, 128)
    for heatmaps, points in ((profile, pose.profile), (frontal, pose.frontal)):
        inside = ((points > 0) & (points < 127)).all(-1)[0]
        peak = heatmaps[0, inside].flatten(1).argmax(1)
        found = torch.stack((peak % 128, peak // 128), -1)
        assert (found - points[0, inside]).abs().max() <= 0.5 + 1e-3


def test_eyes_on_one_spot_stay_finite():
    assert to_uniform_scale(torch.zeros(1, 18, 2), SETTINGS).isfinite().all()
