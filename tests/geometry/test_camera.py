import pytest
import torch

from mien.geometry.camera import Camera, Perspective, WeakPerspective, fit_weak_perspective
from mien.geometry.pose import rotation_from_angles, turn


def points(*rows):
    return torch.tensor([rows], dtype=torch.float64)


def cloud(batch, count=20):
    return torch.randn(batch, count, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def weak(batch=2):
    scale = torch.linspace(60, 80, batch, dtype=torch.float64)
    return WeakPerspective(scale, torch.tensor([[100.0, 90.0]], dtype=torch.float64).expand(batch, 2))


def strong(batch=2):
    return Perspective(torch.tensor([[0.1, -0.2, 0.3]], dtype=torch.float64).expand(batch, 3))


def test_weak_perspective_by_hand():
    camera = WeakPerspective(torch.tensor([10.0]).double(), torch.tensor([[50.0, 40.0]]).double())
    projected = camera.project(points((1, 2, 3), (0, 0, 0)))
    torch.testing.assert_close(projected, points((60, 20, -30), (50, 40, 0)))


def test_perspective_by_hand():
    camera = Perspective(torch.zeros(1, 3).double())
    # half the angle of view: 112 pixels at a focal length of 1015
    torch.testing.assert_close(
        camera.project(points((0, 0, 0), (1.12, -1.12, -0.15))),
        points((111.5, 111.5, -0.1), (223.5, 223.5, -1 / 10.15)),
    )


@pytest.mark.parametrize("camera", [weak(), strong()])
def test_pixels_with_depth_lead_back(camera: Camera):
    turned = cloud(2)
    torch.testing.assert_close(camera.unproject(camera.project(turned)), turned)


@pytest.mark.parametrize("camera", [weak(), strong()])
def test_nearer_means_less_depth(camera: Camera):
    depth = camera.project(points((0, 0, 1), (0, 0, 0), (0, 0, -1)).expand(2, -1, -1))[..., 2]
    assert (depth.diff(dim=1) > 0).all()


@pytest.mark.parametrize("camera", [weak(), strong()])
def test_another_size_and_another_cut(camera: Camera):
    before = camera.project(cloud(2))[..., :2]
    torch.testing.assert_close(camera.resized(0.5).project(cloud(2))[..., :2], (before + 0.5) * 0.5 - 0.5)
    moved = before + torch.tensor([7.0, -3.0])
    torch.testing.assert_close(camera.moved(7.0, -3.0).project(cloud(2))[..., :2], moved)


@pytest.mark.parametrize("camera", [weak(), strong()])
def test_cameras_are_repeated_next_to_one_another(camera: Camera):
    turned = cloud(2).repeat_interleave(3, dim=0)
    expected = camera.project(cloud(2)).repeat_interleave(3, dim=0)
    torch.testing.assert_close(camera.repeated(3).project(turned), expected)


def test_what_is_behind_the_camera_is_not_a_number_and_has_no_gradient():
    turned = points((0, 0, 11), (0, 0, 10), (0, 0, 9)).requires_grad_()
    projected = Perspective(torch.zeros(1, 3).double()).project(turned)
    assert projected.isnan().all(-1).tolist() == [[True, True, False]]
    projected[:, 2].sum().backward()
    assert turned.grad is not None
    assert turned.grad.isfinite().all()


def test_cameras_have_gradients():
    turned = cloud(2, 4).requires_grad_()
    assert torch.autograd.gradcheck(weak().project, turned)
    assert torch.autograd.gradcheck(strong().project, turned)


def test_a_fit_finds_pose_and_camera():
    rotation = rotation_from_angles(torch.tensor([[40.0, -10, 5], [-80, 20, -15]], dtype=torch.float64))
    pixels = weak().project(turn(cloud(2), rotation))[..., :2]
    pixels[1, 3] = torch.nan
    found, camera = fit_weak_perspective(cloud(2), pixels)
    torch.testing.assert_close(found, rotation)
    torch.testing.assert_close(camera.scale, weak().scale)
    torch.testing.assert_close(camera.shift, weak().shift)


def test_a_fit_heeds_weights():
    rotation = rotation_from_angles(torch.tensor([[40.0, -10, 5]], dtype=torch.float64))
    pixels = weak(1).project(turn(cloud(1), rotation))[..., :2]
    pixels[:, :3] += 500
    weights = torch.ones(1, 20, dtype=torch.float64)
    weights[:, :3] = 0
    found, _ = fit_weak_perspective(cloud(1), pixels, weights)
    torch.testing.assert_close(found, rotation)


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_too_few_points_fit_something_finite(kept):
    pixels = torch.rand(1, 20, 2, dtype=torch.float64)
    pixels[:, kept:] = torch.nan
    rotation, camera = fit_weak_perspective(cloud(1), pixels)
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3).double()[None])
    assert camera.scale.isfinite().all()
    assert (camera.scale > 0).all()
    assert camera.shift.isfinite().all()
