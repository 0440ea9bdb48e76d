"""The same ids in torch, compiled, and in the plain reference written here with whole numbers."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from mien.geometry.camera import Perspective, WeakPerspective
from mien.geometry.rasterize import Fragments, Rasterizer, interpolate, rasterize
from mien.geometry.rasterize_numba import rasterize_compiled

HEIGHT, WIDTH = 9, 12
GRID = 1024
BOTH = pytest.mark.parametrize("draw", [rasterize, rasterize_compiled])


def reference(points, triangles, height, width, cull):
    """One face, pixel by pixel; edge functions in Python's whole numbers."""
    ids = np.full((height, width), -1)
    depths = np.full((height, width), np.inf, dtype=np.float32)
    weights = np.zeros((height, width, 3), dtype=np.float32)
    for number, triangle in enumerate(triangles.tolist()):
        corners = points[triangle].double()
        if not corners.isfinite().all() or (corners[:, :2] * GRID).round().abs().max() > 16384 * GRID:
            continue
        snapped = [(round(x * GRID), round(y * GRID)) for x, y, _ in corners.tolist()]
        area = cross(*snapped)
        if area == 0 or (cull and area > 0):
            continue
        for row, column in np.ndindex(height, width):
            here = (column * GRID, row * GRID)
            edges = [(snapped[1], snapped[2]), (snapped[2], snapped[0]), (snapped[0], snapped[1])]
            values = [cross(here, *edge) * int(math.copysign(1, area)) for edge in edges]
            if all(v > 0 or (v == 0 and owns(*edge, area)) for v, edge in zip(values, edges, strict=True)):
                a, b, c = (value / abs(area) for value in values)
                depth = np.float32(
                    a * float(corners[0, 2]) + b * float(corners[1, 2]) + c * float(corners[2, 2])
                )
                if ids[row, column] < 0 or depth < depths[row, column]:
                    ids[row, column], depths[row, column], weights[row, column] = number, depth, (a, b, c)
    return ids, weights, depths


def cross(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def owns(start, end, area):
    """A left edge goes down and a top edge to the left, for who runs counter-clockwise to the eye."""
    if area > 0:
        start, end = end, start
    return end[1] > start[1] or (end[1] == start[1] and end[0] < start[0])


def assert_same(found: Fragments, ids, weights, depths):
    np.testing.assert_array_equal(found.triangles[0], ids)
    np.testing.assert_array_equal(found.weights[0], weights)
    np.testing.assert_array_equal(found.depth[0], depths)


PLACES = st.one_of(
    st.integers(-3, 14).map(float),
    st.integers(-30, 140).map(lambda tenths: tenths / 10),
    st.floats(-4, 15, width=32),
    st.sampled_from([math.nan, math.inf, -math.inf, 16384.0, -16384.0, 16385.0, 1e30, -0.0]),
)
DEPTHS = st.one_of(st.integers(-2, 2).map(float), st.floats(-5, 5, width=32), st.just(math.nan))
VERTICES = st.lists(st.tuples(PLACES, PLACES, DEPTHS), min_size=3, max_size=12)


@st.composite
def meshes(draw):
    vertices = draw(VERTICES)
    corner = st.integers(0, len(vertices) - 1)
    triangles = draw(st.lists(st.tuples(corner, corner, corner), max_size=14))
    return torch.tensor(vertices), torch.tensor(triangles, dtype=torch.int64).view(-1, 3)


@given(meshes(), st.booleans())
@settings(max_examples=60)
def test_all_three_see_the_same(mesh, cull):
    points, triangles = mesh
    expected = reference(points, triangles, HEIGHT, WIDTH, cull)
    for draw in (rasterize, rasterize_compiled):
        assert_same(draw(points[None], triangles, HEIGHT, WIDTH, cull), *expected)


@pytest.mark.parametrize("yaw", [0.0, 40.0, -75.0])
def test_a_turned_face_is_the_same_for_both(shapes, yaw):
    face = shapes.made_face(60)
    points = shapes.seen_at(face.vertices, yaw, 100)
    one = rasterize(points, face.triangles, 100, 100)
    other = rasterize_compiled(points, face.triangles, 100, 100)
    assert one.covered.float().mean() > 0.2
    for name in ("triangles", "weights", "depth"):
        assert torch.equal(getattr(one, name), getattr(other, name))


@BOTH
def test_each_face_of_a_batch_is_drawn_by_itself(shapes, draw: Rasterizer):
    face = shapes.made_face(20)
    points = torch.cat([shapes.seen_at(face.vertices, yaw, 40) for yaw in (0.0, 30.0, 60.0)])
    together = draw(points, face.triangles, 40, 50)
    for index in range(3):
        alone = draw(points[index : index + 1], face.triangles, 40, 50)
        assert torch.equal(together.triangles[index], alone.triangles[0])
        assert torch.equal(together.weights[index], alone.weights[0])


@BOTH
def test_neighbours_leave_no_gap_and_do_not_overlap(shapes, draw: Rasterizer):
    generator = torch.Generator().manual_seed(0)
    # a sheet of random cells over the whole picture and beyond, many corners exactly on pixel centres
    line = torch.linspace(-2, 22, 9)
    y, x = torch.meshgrid(line, line, indexing="ij")
    jitter = torch.randint(-2, 3, (2, 9, 9), generator=generator) / 4
    points = torch.stack((x + jitter[0], y + jitter[1], torch.zeros_like(x)), -1).view(1, -1, 3)
    triangles = shapes.sheet(9, 9)
    counts = sum(draw(points, triangle[None], 20, 20).covered.long() for triangle in triangles)
    assert (counts == 1).all()


@BOTH
def test_large_triangles_and_thin_ones(draw: Rasterizer):
    points = torch.tensor(
        [[[-500.0, -300, 1], [-500, 900, 1], [900, -300, 1], [0, 0.2, 0], [300, 2.2, 0], [300, 1.4, 0]]]
    )
    triangles = torch.tensor([[0, 1, 2], [3, 4, 5]])
    seen = draw(points, triangles, 150, 200)
    assert seen.covered.all()
    ids, _, _ = reference(points[0], triangles[1:], 4, 200, True)
    np.testing.assert_array_equal(seen.triangles[0, :4] == 1, ids == 0)
    assert not (seen.triangles[0, 4:] == 1).any()


@BOTH
def test_one_triangle_by_hand(draw: Rasterizer):
    # counter-clockwise to the eye, with its right angle at the top left
    points = torch.tensor([[[0.0, 0, 1], [0, 4, 2], [4, 0, 3]]])
    seen = draw(points, torch.tensor([[0, 1, 2]]), 5, 5)
    # the top and the left edge belong to it, the slanted one does not
    expected = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 1, 0, 0], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0], [0] * 5])
    assert torch.equal(seen.covered[0].long(), expected)
    assert seen.weights[0, 1, 2].tolist() == [0.25, 0.25, 0.5]
    assert float(seen.depth[0, 1, 2]) == 0.25 * 1 + 0.25 * 2 + 0.5 * 3


@BOTH
def test_nothing_to_see(draw: Rasterizer):
    behind = Perspective(torch.zeros(1, 3)).project(torch.tensor([[[0.0, 0, 12], [1, 0, 12], [0, 1, 12]]]))
    for points, triangles in (
        (behind, torch.tensor([[0, 1, 2]])),
        (torch.full((1, 3, 3), torch.nan), torch.tensor([[0, 1, 2]])),
        (torch.rand(1, 3, 3) * 50, torch.zeros(0, 3, dtype=torch.int64)),
        (torch.rand(1, 3, 3) * 50, torch.tensor([[1, 1, 2]])),
        (torch.rand(1, 3, 3) * 5 + 100, torch.tensor([[0, 1, 2], [0, 2, 1]])),
    ):
        seen = draw(points, triangles, 8, 8, False)
        assert not seen.covered.any()
        assert (seen.depth == torch.inf).all()
        assert (seen.weights == 0).all()


@BOTH
def test_a_picture_without_pixels_is_refused(draw: Rasterizer):
    with pytest.raises(ValueError, match="at least one pixel"):
        draw(torch.rand(1, 3, 3), torch.tensor([[0, 1, 2]]), 0, 5)


def on_the_grid(seed):
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(1, 9, 3, generator=generator, dtype=torch.float64) * 10
    return (points * GRID).round() / GRID, torch.tensor([[0, 1, 2], [3, 4, 5], [6, 7, 8]])


def test_gradients_are_those_of_finite_differences():
    points, triangles = on_the_grid(3)
    start = rasterize(points, triangles, 10, 10, cull=False)
    target = torch.randn(start.weights.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(4))

    def score(moved):
        seen = rasterize(moved, triangles, 10, 10, cull=False)
        return ((seen.weights * target).sum(-1) + torch.where(seen.covered, seen.depth, 0)), seen.triangles

    leaf = points.clone().requires_grad_()
    scores, ids = score(leaf)
    for index in np.ndindex(1, 9, 3):
        step = torch.zeros_like(points)
        step[index] = 1 / GRID  # the least that is seen
        after, after_ids = score(points + step)
        before, before_ids = score(points - step)
        # where the triangle changes there is no derivative
        same = (after_ids == ids) & (before_ids == ids)
        numeric = float(((after - before) * same).sum() * GRID / 2)
        (gradient,) = torch.autograd.grad((scores * same).sum(), leaf, retain_graph=True)
        assert float(gradient[index]) == pytest.approx(numeric, rel=1e-3, abs=1e-3)


def test_gradients_do_not_change_what_is_seen(shapes):
    face = shapes.made_face(30)
    points = shapes.seen_at(face.vertices, 20.0, 60)
    plain, learning = (
        rasterize(p, face.triangles, 60, 60) for p in (points, points.clone().requires_grad_())
    )
    assert torch.equal(plain.triangles, learning.triangles)
    assert torch.equal(plain.weights, learning.weights)
    torch.testing.assert_close(plain.depth, learning.depth)
    learning.weights.sum().backward()


def test_values_between_corners():
    points = torch.tensor([[[0.0, 0, 1], [0, 4, 1], [4, 0, 1]]])
    triangles = torch.tensor([[0, 1, 2]])
    seen = rasterize(points, triangles, 5, 5)
    places = interpolate(seen, triangles, points[..., :2])
    rows, columns = seen.covered[0].nonzero().unbind(1)
    torch.testing.assert_close(places[0, :, rows, columns], torch.stack((columns, rows)).float())
    assert (places[0, :, 4, 4] == 0).all()


def test_values_in_perspective():
    camera = Perspective(torch.zeros(1, 3))
    corners = torch.tensor([[[-1.0, -1, 5], [1, -1, 5], [0, 1, -5]]])
    points, triangles = camera.project(corners), torch.tensor([[0, 1, 2]])
    seen = rasterize(points, triangles, 224, 224)
    found = interpolate(seen, triangles, corners, points)
    rows, columns = seen.covered[0].nonzero().unbind(1)
    assert len(rows) > 1000
    # what is found in space falls back onto its pixel
    again = camera.project(found[0, :, rows, columns].T[None])[0, :, :2]
    torch.testing.assert_close(again, torch.stack((columns, rows), 1).float(), atol=2e-2, rtol=0)
    flat = interpolate(seen, triangles, corners)
    assert float((flat - found).abs().max()) > 0.5


def test_weak_perspective_needs_no_correction():
    camera = WeakPerspective(torch.tensor([30.0]), torch.tensor([[50.0, 50.0]]))
    corners = torch.tensor([[[-1.0, -1, 5], [1, -1, 5], [0, 1, -5]]])
    points, triangles = camera.project(corners), torch.tensor([[0, 1, 2]])
    seen = rasterize(points, triangles, 100, 100)
    found = interpolate(seen, triangles, corners)
    rows, columns = seen.covered[0].nonzero().unbind(1)
    again = camera.project(found[0, :, rows, columns].T[None])[0, :, :2]
    torch.testing.assert_close(again, torch.stack((columns, rows), 1).float(), atol=2e-2, rtol=0)
