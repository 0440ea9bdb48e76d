import torch

from mien.geometry.camera import WeakPerspective
from mien.geometry.mesh import close_openings
from mien.geometry.pose import rotation_from_angles
from mien.geometry.rotate import FittedFace
from mien.geometry.show import draw_points, draw_surface, textured_mesh

SIZE = 48


def fitted(shapes, yaw=0.0):
    mesh = shapes.made_face(21)
    closure = close_openings(mesh.triangles, 21 * 21)
    rotation = rotation_from_angles(torch.tensor([[yaw, 0.0, 0.0]]))
    camera = WeakPerspective(torch.tensor([18.0]), torch.tensor([[23.5, 23.5]]))
    return mesh, FittedFace(mesh.vertices, closure, rotation, camera)


def test_a_surface_is_grey_and_lies_over_the_picture(shapes):
    _, face = fitted(shapes)
    picture = torch.zeros(1, 3, SIZE, SIZE)
    picture[:, 0] = 1
    drawn = draw_surface(picture, face, opacity=1.0)
    torch.testing.assert_close(drawn[..., 0, 0], picture[..., 0, 0])
    red, green, blue = drawn[0, :, 24, 24].tolist()
    assert red == green == blue > 0.3
    torch.testing.assert_close(draw_surface(picture, face, opacity=0.0), picture)


def test_points_are_spots_and_unknown_ones_leave_none():
    picture = torch.zeros(1, 3, SIZE, SIZE)
    points = torch.tensor([[[10.0, 20.0], [torch.nan, 3.0]]])
    drawn = draw_points(picture, points, (1.0, 0.5, 0.0))
    torch.testing.assert_close(drawn[0, :, 20, 10], torch.tensor([1.0, 0.5, 0.0]))
    assert drawn.isfinite().all()
    assert (drawn.sum(1) > 0.1).sum() < 20


def test_a_mesh_wears_the_picture(shapes):
    made, face = fitted(shapes, 30.0)
    picture = torch.full((3, SIZE, SIZE), 0.25)
    mesh, texture = textured_mesh(picture, face, made.uv, 32)
    assert texture.shape == (3, 32, 32)
    torch.testing.assert_close(texture, torch.full_like(texture, 0.25), atol=1e-4, rtol=0)
    torch.testing.assert_close(mesh.vertices[:, : 21 * 21], made.vertices)
    assert len(mesh.uv) == mesh.vertices.shape[1] == mesh.colors.shape[1]
