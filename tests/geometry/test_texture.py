import pytest
import torch
from scipy.ndimage import map_coordinates

from mien.geometry.rasterize import rasterize
from mien.geometry.texture import (
    complete,
    paint,
    sample,
    signed_areas,
    spread,
    unwrap,
    vertex_colors,
    visible_vertices,
)

SIZE = 80


def random_picture(size=SIZE):
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(5))


def visible_at(shapes, face, yaw):
    points = shapes.seen_at(face.vertices, yaw, SIZE)
    return points, visible_vertices(points, face.triangles, rasterize(points, face.triangles, SIZE, SIZE))


def test_samples_are_those_of_scipy():
    picture = random_picture(20)
    x, y = torch.rand(2, 30, generator=torch.Generator().manual_seed(1)) * 26 - 3
    found = sample(picture, torch.stack((x, y))[None, :, :, None])[0, :, :, 0]
    for plane, expected in zip(found, picture[0], strict=True):
        by_hand = map_coordinates(expected.numpy(), [y.numpy(), x.numpy()], order=1, mode="nearest")
        torch.testing.assert_close(plane, torch.from_numpy(by_hand), atol=1e-5, rtol=0)


def test_places_that_are_no_numbers_have_some_colour():
    places = torch.tensor([torch.nan, torch.inf, -torch.inf]).view(1, 1, 3, 1).expand(1, 2, 3, 1)
    assert sample(random_picture(), places).isfinite().all()


def test_vertices_take_their_colour_from_their_pixel():
    picture = random_picture(9)
    points = torch.tensor([[[2.0, 3.0, 0.0], [2.5, 3.0, 9.0]]])
    colors = vertex_colors(picture, points)
    torch.testing.assert_close(colors[0, 0], picture[0, :, 3, 2])
    torch.testing.assert_close(colors[0, 1], (picture[0, :, 3, 2] + picture[0, :, 3, 3]) / 2)


def test_from_the_front_nearly_all_is_visible(shapes):
    face = shapes.made_face(30)
    _, visible = visible_at(shapes, face, 0.0)
    assert visible.float().mean() > 0.97


@pytest.mark.parametrize("yaw", [-50.0, 70.0])
def test_what_a_ray_meets_first_is_visible(shapes, yaw):
    face = shapes.made_face(30)
    points, visible = visible_at(shapes, face, yaw)
    # by brute force: a vertex is hidden if some triangle that it is no corner of lies clearly before it
    corners = points[0, face.triangles].double()
    a, b, c = corners.unbind(1)
    here = points[0, :, None].double()
    area = _cross(b - a, c - a)
    first, second, third = (_cross(q - p, here - p) / area for p, q in ((b, c), (c, a), (a, b)))
    depth = first * a[:, 2] + second * b[:, 2] + third * c[:, 2]
    inside = (torch.stack((first, second, third)) > 0.001).all(0)
    spread = points[0, :, 2].max() - points[0, :, 2].min()
    clearly = (inside & (depth < here[..., 2] - 0.05 * spread)).any(1)
    # but for those less than a pixel behind a silhouette
    assert (visible[0] & clearly).float().mean() < 0.02
    outward = torch.zeros(900).index_add(
        0, face.triangles.flatten(), signed_areas(points, face.triangles)[0].repeat_interleave(3)
    )
    nothing_before = ~(inside & (depth < here[..., 2] - 1e-3)).any(1) & (outward > 0.5)
    assert visible[0][nothing_before].float().mean() > 0.95
    assert clearly.float().mean() > 0.1


def _cross(first, second):
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]


def test_what_is_outside_or_no_number_is_not_visible(shapes):
    face = shapes.made_face(20)
    points = shapes.seen_at(face.vertices, 0.0, SIZE)
    points[..., 0] += 60
    points[0, 200] = torch.nan
    visible = visible_vertices(points, face.triangles, rasterize(points, face.triangles, SIZE, SIZE))
    assert visible.any()
    assert not (visible & ~(points[..., 0] <= SIZE - 0.5)).any()


def test_areas_are_positive_from_outside():
    points = torch.tensor([[[0.0, 0.0, 1.0], [0.0, 4.0, 1.0], [2.0, 0.0, 1.0]]])
    assert signed_areas(points, torch.tensor([[0, 1, 2], [0, 2, 1]])).tolist() == [[8, -8]]


def test_an_unwrapped_picture_painted_back_is_the_picture(shapes):
    face = shapes.made_face(30)
    line = torch.linspace(0, 1, SIZE)
    picture = torch.stack(
        (line.expand(SIZE, SIZE), line[:, None].expand(SIZE, SIZE), torch.zeros(SIZE, SIZE))
    )[None]
    points = shapes.seen_at(face.vertices, 20.0, SIZE)
    texture, seen = unwrap(picture, points, face, 64)
    assert texture.shape == (1, 3, 64, 64)
    assert 0.6 < seen.mean() < 1
    # a vertex finds its own colour at its place in the texture
    places = torch.stack((face.uv[:, 0] * 64 - 0.5, (1 - face.uv[:, 1]) * 64 - 0.5))[None, :, :, None]
    from_texture = sample(texture, places)[0, :, :, 0].T
    expected = vertex_colors(picture, points)[0]
    inner = ((face.uv > 0.05) & (face.uv < 0.95)).all(1)
    torch.testing.assert_close(from_texture[inner], expected[inner], atol=0.04, rtol=0)


def test_painting_on_black_and_on_a_picture(shapes):
    face = shapes.made_face(10)
    points = shapes.seen_at(face.vertices, 0.0, SIZE)
    seen = rasterize(points, face.triangles, SIZE, SIZE)
    plain, covered = paint(seen, face.triangles, face.colors)
    over, _ = paint(seen, face.triangles, face.colors, random_picture())
    assert (plain * (1 - covered) == 0).all()
    torch.testing.assert_close(over * (1 - covered), random_picture() * (1 - covered))
    torch.testing.assert_close(over * covered, plain)


def test_unknown_places_get_what_is_around_them():
    planes = torch.cat((torch.full((1, 1, 9, 9), 0.25), torch.full((1, 1, 9, 9), 0.75)), 3)
    known = torch.ones(1, 1, 9, 18)
    known[..., 3:6, 2:6] = 0
    known[..., 3:6, 12:16] = 0
    filled = spread(planes.where(known > 0, torch.rand(1, 1, 9, 18)), known)
    torch.testing.assert_close(filled * known, planes * known)
    torch.testing.assert_close(filled[..., 2:5], planes[..., 2:5], atol=1e-5, rtol=0)
    assert (filled[..., 3:6, 12:16] > 0.6).all()


def test_nothing_known_stays_a_picture():
    assert spread(torch.rand(1, 3, 5, 7), torch.zeros(1, 1, 5, 7)).isfinite().all()


def test_a_texture_is_completed_from_its_other_half():
    texture = random_picture(8)
    whole = (texture + texture.flip(-1)) / 2
    seen = torch.ones(1, 1, 8, 8)
    seen[..., :3] = 0
    torch.testing.assert_close(complete(whole * seen, seen), whole)
