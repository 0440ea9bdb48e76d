import torch
from scipy.ndimage import distance_transform_edt

from mien.geometry.camera import Perspective, WeakPerspective
from mien.geometry.mesh import rims
from mien.geometry.pose import rotation_from_angles, turn
from mien.geometry.rasterize import rasterize
from mien.geometry.surround import surroundings
from mien.geometry.texture import signed_areas

SIZE = 90


def setting(shapes, yaw=0.0, camera=None):
    face = shapes.made_face(24)
    rotation = rotation_from_angles(torch.tensor([[yaw, 5.0, -4.0]]))
    camera = camera or WeakPerspective(torch.tensor([30.0]), torch.tensor([[47.0, 41.0]]))
    turned = turn(face.vertices, rotation)
    outline = rims(face.triangles)[0]
    return face, rotation, camera, turned, surroundings(turned, rotation, camera, outline, SIZE, SIZE)


def test_unturned_they_lie_where_they_were(shapes):
    for camera in (None, Perspective(torch.tensor([[0.0, 0.0, 0.5]])).resized(SIZE / 224)):
        _, rotation, camera, turned, around = setting(shapes, 15.0, camera)
        points = around.project(rotation, camera, camera.project(turned))
        torch.testing.assert_close(points[..., :2], around.pixels, atol=1e-3, rtol=0)


def test_they_begin_at_the_outline_and_do_not_fold(shapes):
    face, _, camera, turned, around = setting(shapes)
    outline = rims(face.triangles)[0]
    start = camera.project(turned)[:, outline, :2]
    torch.testing.assert_close(around.pixels[:, : len(outline)], start)
    torch.testing.assert_close(around.vertices[:, : len(outline)], face.vertices[:, outline])
    assert (signed_areas(around.pixels, around.triangles) > -1e-3).all()


def test_whatever_the_pose_nothing_is_left_open(shapes):
    for yaw in (-90.0, -40.0, 0.0, 65.0):
        face, _, camera, _, around = setting(shapes)
        rotation = rotation_from_angles(torch.tensor([[yaw, 20.0, 10.0]]))
        points = camera.project(turn(face.vertices, rotation))
        scene = torch.cat((points, around.project(rotation, camera, points)), 1)
        triangles = torch.cat((face.triangles, around.triangles + points.shape[1]))
        assert rasterize(scene, triangles, SIZE, SIZE, cull=False).covered.all()


def test_they_lie_behind_the_face(shapes):
    face, _, camera, _, around = setting(shapes)
    rotation = rotation_from_angles(torch.tensor([[80.0, 0.0, 0.0]]))
    points = camera.project(turn(face.vertices, rotation))
    assert around.project(rotation, camera, points)[..., 2].min() > points[..., 2].max()


def test_the_border_holds_and_the_outline_moves(shapes):
    _, _, camera, turned, around = setting(shapes)
    rotation = rotation_from_angles(torch.tensor([[40.0, 0.0, 0.0]]))
    moved = around.project(rotation, camera, camera.project(turned))[..., :2]
    far = (around.pixels < -20) | (around.pixels > SIZE + 20)
    torch.testing.assert_close(moved[far], around.pixels[far])
    assert (moved - around.pixels)[around.hold[..., 0] == 0].abs().max() > 5


def test_a_face_beyond_the_border_or_of_no_numbers_is_finite(shapes):
    face = shapes.made_face(12)
    outline = rims(face.triangles)[0]
    camera = WeakPerspective(torch.tensor([300.0]), torch.tensor([[10.0, -200.0]]))
    around = surroundings(face.vertices, torch.eye(3)[None], camera, outline, SIZE, SIZE)
    assert around.pixels.isfinite().all()
    nothing = torch.full_like(face.vertices, torch.nan)
    around = surroundings(nothing, torch.eye(3)[None], camera, outline, SIZE, SIZE)
    assert around.pixels.isfinite().all()


def test_where_the_face_hides_its_outline_they_show_what_is_beyond_the_face(shapes):
    face, _, camera, turned, around = setting(shapes, 60.0)
    outline = rims(face.triangles)[0]
    points = camera.project(turned)
    covered = rasterize(points, face.triangles, SIZE, SIZE, cull=False).covered[0]
    inside = distance_transform_edt(covered.numpy())

    def depth_inside(pixels):
        x, y = pixels.round().long().clamp(0, SIZE - 1).unbind(-1)
        return torch.from_numpy(inside)[y, x]

    hidden = depth_inside(points[0, outline, :2]) > 5
    assert hidden.sum() > 3
    assert depth_inside(around.pixels[0, : len(outline)])[hidden].max() <= 2
    # but they are still sewn to it
    torch.testing.assert_close(around.vertices[:, : len(outline)], face.vertices[:, outline])
