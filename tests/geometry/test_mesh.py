import torch

from mien.geometry.mesh import close_openings, rims, triangle_normals, vertex_normals


def sphere(shapes, rings=12, around=24):
    """Vertices from pole to pole and triangles between them; the poles are rings of equal vertices."""
    height, angle = torch.meshgrid(
        torch.linspace(0, torch.pi, rings), torch.linspace(0, 2 * torch.pi, around), indexing="ij"
    )
    vertices = torch.stack((height.sin() * angle.sin(), height.cos(), height.sin() * angle.cos()), -1)
    return vertices.view(1, -1, 3), shapes.sheet(around, rings)


def test_a_triangle_points_to_where_it_runs_counter_clockwise():
    vertices = torch.tensor([[[0.0, 0, 0], [2, 0, 0], [0, 3, 0]]])
    normals = triangle_normals(vertices, torch.tensor([[0, 1, 2], [0, 2, 1]]))
    assert normals[0].tolist() == [[0, 0, 6], [0, 0, -6]]


def test_normals_of_a_sphere_are_its_vertices(shapes):
    vertices, triangles = sphere(shapes)
    normals = vertex_normals(vertices, triangles)
    inner = vertices[0, :, 1].abs() < 0.9
    # along the seam each vertex sees one side only
    away = inner & (vertices[0, :, 0].abs() + (vertices[0, :, 2] < 0) > 0.3)
    torch.testing.assert_close(normals[:, away], vertices[:, away], atol=0.04, rtol=0)


def test_a_vertex_without_area_has_no_direction():
    vertices = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [5, 5, 5]]])
    assert vertex_normals(vertices, torch.tensor([[0, 1, 2]])).tolist() == [[[0, 0, 0]] * 4]


def test_normals_have_gradients(shapes):
    vertices = shapes.made_face(4).vertices.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda moved: vertex_normals(moved, shapes.sheet(4, 4)), vertices)


def test_rims_of_a_sheet_with_two_holes(shapes):
    triangles = shapes.opened(shapes.sheet(12, 12), 3 * 12 + 3, 8 * 12 + 8)
    outline, *holes = rims(triangles)
    assert len(outline) == 4 * 11
    assert [len(hole) for hole in holes] == [6, 6]
    first, second = sorted(holes, key=min)
    assert set(first.tolist()) == {27, 28, 38, 40, 50, 51}
    # neighbours in the list share an edge
    for start, end in zip(second.tolist(), second.roll(-1).tolist(), strict=True):
        assert abs(start - end) in (1, 11, 12)


def test_rims_of_nothing():
    assert rims(torch.zeros(0, 3, dtype=torch.int64)) == []


def test_closed_openings_leave_one_rim_and_face_the_same_way(shapes):
    triangles = shapes.opened(shapes.sheet(12, 12), 3 * 12 + 3, 8 * 12 + 8)
    face = shapes.made_face(12)
    closure = close_openings(triangles, 144)
    vertices = closure.add_to(face.vertices)
    assert vertices.shape == (1, 146, 3)
    assert [len(rim) for rim in rims(closure.triangles)] == [44]
    assert (triangle_normals(vertices, closure.triangles)[0, len(triangles) :, 2] > 0).all()
    torch.testing.assert_close(vertices[0, 144], face.vertices[0, closure.openings[0]].mean(0))
