from dataclasses import replace

import pytest
import torch

from mien.geometry.camera import Perspective, WeakPerspective, fit_weak_perspective
from mien.geometry.fit import Fit
from mien.geometry.mesh import close_openings
from mien.geometry.pose import angles_from_rotation, rotation_from_angles, turn, turned_to_yaw
from mien.geometry.rasterize import rasterize
from mien.geometry.rasterize_numba import rasterize_compiled
from mien.geometry.rotate import (
    YAWS,
    FittedFace,
    RotationSettings,
    fitted_face,
    random_angles,
    rotate,
    rotate_twice,
    training_views,
)
from mien.geometry.texture import paint, sample

SIZE, SIDE = 96, 31
BLACK = RotationSettings(background="black")
EVERY = pytest.mark.parametrize("background", ["black", "kept", "warped"])


def angle(yaw, pitch=0.0, roll=0.0):
    return rotation_from_angles(torch.tensor([[yaw, pitch, roll]]))


def fitted(shapes, yaw=0.0, batch=1):
    """A made face with a mouth, and a smooth picture of it."""
    mesh = shapes.made_face(SIDE, batch)
    mouth = [row * SIDE + column for row in (20, 21) for column in range(12, 19)]
    closure = close_openings(shapes.opened(mesh.triangles, *mouth), SIDE * SIDE)
    camera = WeakPerspective(torch.full((batch,), 34.0), torch.tensor([[48.0, 46.0]]).expand(batch, 2))
    face = FittedFace(mesh.vertices, closure, angle(yaw, 4.0, -3.0).expand(batch, 3, 3), camera)
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(batch, 3, 12, 12, generator=generator)
    return torch.nn.functional.interpolate(coarse, (SIZE, SIZE), mode="bicubic").clamp(0, 1), face


MIRROR = torch.arange(SIDE * SIDE).view(SIDE, SIDE).flip(1).flatten()


def test_openings_are_closed(shapes):
    pictures, face = fitted(shapes)
    assert len(face.closure.openings) == 1
    view = rotate(pictures, face, face.rotation, BLACK)
    x, y = face.points[0, -1, :2].round().long().tolist()
    assert view.covered[0, 0, y, x] == 1


@EVERY
@pytest.mark.parametrize("yaw", [0.0, -25.0])
def test_unturned_the_view_is_the_picture_where_it_is_seen(shapes, background, yaw):
    pictures, face = fitted(shapes, yaw)
    view = rotate(pictures, face, face.rotation, RotationSettings(background=background))
    is_known = (view.seen > 0.99) if background == "black" else torch.ones_like(view.seen) > 0
    assert is_known.float().mean() > 0.2
    torch.testing.assert_close(view.pixels * is_known, pictures * is_known, atol=2e-3, rtol=0)


def test_twice_by_nothing_is_the_picture_where_it_is_seen(shapes):
    pictures, face = fitted(shapes, 10.0)
    view = rotate_twice(pictures, face, face.rotation)
    is_known = view.seen > 0.99
    assert is_known.float().mean() > 0.2
    torch.testing.assert_close(view.pixels * is_known, pictures * is_known, atol=4e-3, rtol=0)


def test_twice_comes_back_where_both_poses_show_it_and_leaves_an_afterimage_elsewhere(shapes):
    pictures, face = fitted(shapes)
    view = rotate_twice(pictures, face, angle(55.0))
    error = (view.pixels - pictures).abs().mean(1, keepdim=True)
    assert error[view.seen > 0.95].mean() < 0.04
    hidden = (view.covered > 0.99) & (view.seen < 0.05)
    assert hidden.float().mean() > 0.05
    assert error[hidden].mean() > 3 * error[view.seen > 0.95].mean()


def test_a_view_shows_each_piece_where_it_has_turned_to(shapes):
    pictures, face = fitted(shapes)
    rotation = angle(30.0)
    view = rotate(pictures, face, rotation, BLACK)
    before = face.points
    after = face.camera.project(turn(face.closure.add_to(face.vertices), rotation))
    tip = int(face.vertices[0, :, 2].argmax())
    assert after[0, tip, 0] < before[0, tip, 0] - 10  # positive yaw: to the picture's left
    there, here = (
        sample(p, q[:, tip, :2, None, None]) for p, q in ((pictures, before), (view.pixels, after))
    )
    torch.testing.assert_close(here, there, atol=0.05, rtol=0)


def test_what_turns_into_sight_is_unseen(shapes):
    pictures, face = fitted(shapes)
    seen = [rotate(pictures, face, angle(yaw), BLACK) for yaw in (0.0, 30.0, 60.0, 90.0)]
    shares = [float(view.seen.sum() / view.covered.sum()) for view in seen]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.95
    # the picture's right cheek comes to the front: its edge was seen at a slant, if at all
    right = seen[2].covered[0, 0].nonzero()[:, 1].max()
    assert seen[2].seen[0, 0, 40:50, right - 1].mean() < 0.5


@EVERY
def test_backgrounds(shapes, background):
    pictures, face = fitted(shapes)
    view = rotate(pictures, face, angle(40.0), RotationSettings(background=background))
    outside = (1 - view.covered).bool().expand_as(pictures)
    assert view.pixels.isfinite().all()
    assert (view.seen[~view.covered.bool()] == 0).all()
    if background == "black":
        assert (view.pixels[outside] == 0).all()
    if background == "kept":
        torch.testing.assert_close(view.pixels[outside], pictures[outside])
    if background == "warped":
        corners = (..., slice(None, None, SIZE - 1), slice(None, None, SIZE - 1))
        torch.testing.assert_close(view.pixels[corners], pictures[corners], atol=1e-3, rtol=0)
        assert not torch.allclose(view.pixels[outside], pictures[outside], atol=0.05)


def test_what_is_unseen_can_be_left_black(shapes):
    pictures, face = fitted(shapes)
    pictures = pictures * 0.5 + 0.3
    view = rotate(pictures, face, angle(60.0), RotationSettings("black", "black"))
    unseen = ((view.seen < 0.5) & (view.covered > 0)).expand_as(pictures)
    assert unseen.any()
    assert (view.pixels[unseen] == 0).all()
    assert (view.pixels[(view.seen >= 0.5).expand_as(pictures)] > 0.2).all()


def test_what_is_unseen_can_be_taken_from_the_other_half(shapes):
    _, face = fitted(shapes, -35.0)
    # a face whose picture is symmetric: red by height, green by distance from the middle
    colors = torch.stack(
        (face.vertices[..., 1] / 4 + 0.5, face.vertices[..., 0].abs(), face.vertices[..., 0] * 0), -1
    )
    fragments = rasterize(face.points, face.closure.triangles, SIZE, SIZE)
    pictures, _ = paint(fragments, face.closure.triangles, face.closure.add_to(colors))
    target = rotate(pictures, face, angle(0.0), BLACK)
    mirrored = rotate(pictures, face, angle(0.0), RotationSettings("black", "mirrored"), MIRROR)
    front = replace(face, rotation=angle(0.0)).points
    truth, _ = paint(
        rasterize(front, face.closure.triangles, SIZE, SIZE),
        face.closure.triangles,
        face.closure.add_to(colors),
    )
    hidden = ((target.seen < 0.1) & (target.covered > 0)).expand_as(truth)
    assert hidden.float().mean() > 0.02
    smeared_error, mirrored_error = (
        (view.pixels - truth)[hidden].abs().mean() for view in (target, mirrored)
    )
    assert mirrored_error < 0.5 * smeared_error


def test_partners_go_with_mirroring_only(shapes):
    pictures, face = fitted(shapes)
    for settings, mirror in ((BLACK, MIRROR), (RotationSettings(unseen="mirrored"), None)):
        with pytest.raises(ValueError, match="partners"):
            rotate(pictures, face, angle(10.0), settings, mirror)


@EVERY
def test_compiled_drawing_gives_the_same_view(shapes, background):
    pictures, face = fitted(shapes)
    plain = rotate(pictures, face, angle(-50.0), RotationSettings(background=background))
    fast = rotate(
        pictures, face, angle(-50.0), RotationSettings(background=background, draw=rasterize_compiled)
    )
    for name in ("pixels", "seen", "covered"):
        assert torch.equal(getattr(plain, name), getattr(fast, name))


def test_each_of_a_batch_is_as_alone(shapes):
    pictures, face = fitted(shapes, batch=2)
    rotations = torch.cat((angle(20.0), angle(-60.0)))
    together = rotate(pictures, face, rotations)
    for index in range(2):
        one = slice(index, index + 1)
        camera = WeakPerspective(face.camera.scale[one], face.camera.shift[one])
        single = FittedFace(face.vertices[one], face.closure, face.rotation[one], camera)
        alone = rotate(pictures[one], single, rotations[one])
        torch.testing.assert_close(together.pixels[one], alone.pixels, atol=1e-4, rtol=0)


def test_more_samples_make_smooth_silhouettes(shapes):
    pictures, face = fitted(shapes)
    view = rotate(pictures, face, angle(30.0), replace(BLACK, samples=3))
    assert view.pixels.shape == pictures.shape
    assert view.covered.unique().numel() == 10
    plain = rotate(pictures, face, angle(30.0), BLACK)
    inner = (view.seen == 1) & (plain.seen == 1)
    assert ((view.pixels - plain.pixels) * inner).abs().mean() < 0.002


def test_a_face_of_no_numbers_or_behind_the_camera_leaves_an_empty_view(shapes):
    pictures, face = fitted(shapes)
    behind = Perspective(torch.tensor([[0.0, 0.0, 20.0]])).resized(SIZE / 224)
    broken = torch.full_like(face.vertices, torch.nan)
    for lost in (replace(face, vertices=broken), replace(face, camera=behind)):
        for settings in (BLACK, RotationSettings()):
            view = rotate(pictures, lost, angle(30.0), settings)
            assert view.pixels.isfinite().all()
            assert (view.covered == 0).all()
            assert (view.seen == 0).all()


def test_training_views_know_their_pose_and_landmarks(shapes):
    pictures, face = fitted(shapes, 8.0)
    landmarks = face.vertices[:, ::14][:, :68]
    views = training_views(pictures, face, landmarks, (-45.0, 15.0, 75.0))
    assert [float(view.angles[0, 0]) for view in views] == pytest.approx([-45, 15, 75], abs=1e-3)
    for view in views:
        torch.testing.assert_close(view.truth, pictures)
        torch.testing.assert_close(view.truth_angles, torch.tensor([[8.0, 4.0, -3.0]]), atol=1e-3, rtol=0)
        torch.testing.assert_close(
            view.truth_landmarks, face.camera.project(turn(landmarks, face.rotation))[..., :2]
        )
        # the landmarks alone tell the pose
        found, _ = fit_weak_perspective(landmarks, view.landmarks)
        torch.testing.assert_close(rotation_from_angles(view.angles), found, atol=1e-3, rtol=0)
        torch.testing.assert_close(view.key_points[:, 6], view.landmarks[:, 36])
        torch.testing.assert_close(view.truth_key_points[:, 17], view.truth_landmarks[:, 54])
    torch.testing.assert_close(
        views[0].view.pixels, rotate(pictures, face, turned_to_yaw(face.rotation, -45.0)).pixels
    )


def test_training_views_reach_from_profile_to_profile():
    steps = (15.0, 30.0, 45.0, 60.0, 75.0, 90.0)
    assert list(YAWS) == [*(-step for step in reversed(steps)), *steps]


def test_a_fit_becomes_a_face(morphable):
    camera = WeakPerspective(torch.tensor([30.0, 20.0]), torch.zeros(2, 2))
    fit = Fit(torch.ones(2, 3), torch.zeros(2, 2), angle(5.0).expand(2, 3, 3), camera)
    face = fitted_face(morphable, fit)
    num_vertices = len(morphable.mean)
    torch.testing.assert_close(face.points[:, :num_vertices], fit.vertices(morphable))


def test_random_angles_stay_within_the_papers_limits():
    generator = torch.Generator().manual_seed(0)
    angles = random_angles(torch.tensor([[80.0, 28.0, -5.0]]).expand(500, 3), generator)
    assert angles[:, 0].max() == 90
    assert angles[:, 0].min() > -10.1
    assert angles[:, 1].max() == 30
    assert angles[:, 1].min() > 12.9
    assert angles[:, 2].min() > -20.1
    assert angles[:, 2].max() < 10.1
    again = random_angles(torch.zeros(3, 3), torch.Generator().manual_seed(0))
    assert torch.equal(again, random_angles(torch.zeros(3, 3), torch.Generator().manual_seed(0)))
    assert angles_from_rotation(rotation_from_angles(again)).isfinite().all()
