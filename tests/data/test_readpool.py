"""Packed faces: fits, mirror images and cuts all say the same of a face."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from mien.data.readcolors import color_reads, fit_albedo, likely_light
from mien.data.readpool import (
    MADE_SHARE,
    POINTS,
    SHARES,
    SIDE,
    STORED_FACE,
    Fitted,
    ReadPool,
    ReadVariety,
    fit_reads,
    in_plane,
    is_of_turned,
    mirror_points,
    pack_reads,
    sample,
    save_fits,
)
from mien.geometry.camera import WeakPerspective
from mien.geometry.landmarks import MIRROR_68
from mien.geometry.morphable import LinearMorphable
from mien.geometry.pose import rotation_from_angles, turn
from mien.geometry.shade import even_light, harmonics
from mien.image.io import write_image
from mien.image.warp import identity, invert, similarity, transform_points


@pytest.fixture
def shape():
    return torch.randn(68, 3, generator=torch.Generator().manual_seed(0)) * 0.5


def rotations(yaws):
    return rotation_from_angles(torch.tensor([[yaw, 3.0, 0.0] for yaw in yaws]))


def pool_of(shape, yaws, made=None):
    """Faces of one shape at these yaws, and their mirror images (of a shape that is not symmetric)."""
    num = len(yaws)
    rotation = rotations(yaws)
    scale, shift = torch.full((num,), 40.0), torch.full((num, 2), 95.0)
    points = WeakPerspective(scale, shift).project(turn(shape.expand(num, -1, -1), rotation))[..., :2]
    axes = torch.tensor([-1.0, 1.0, 1.0])
    both = torch.stack((rotation, rotation * axes * axes[:, None]), 1)
    fitted = Fitted(
        identity=torch.zeros(num, 2, 3),
        expression=torch.zeros(num, 2, 2),
        rotation=both,
        scale=scale[:, None].expand(-1, 2),
        shift=torch.stack((shift, torch.tensor([SIDE - 1.0, 0.0]) + shift * torch.tensor([-1.0, 1.0])), 1),
        albedo=torch.zeros(num, 2, 4),
        light=torch.zeros(num, 2, 9, 3),
    )
    squares = np.random.default_rng(0).integers(0, 255, (num, 3, SIDE, SIDE), dtype=np.uint8)
    kinds = torch.zeros(num, dtype=torch.bool) if made is None else torch.tensor(made)
    return ReadPool(squares, points, kinds, fitted)


@pytest.mark.parametrize("mirrored", [0, 1])
def test_what_is_known_moves_with_the_cut(shape, mirrored):
    pool = pool_of(shape, [0.0, 40.0, -70.0])
    stored = pool.batch(torch.arange(3), torch.full((3,), mirrored))
    cuts, known = ReadVariety()(stored, torch.Generator().manual_seed(0))
    assert cuts.shape == (3, 3, 112, 112)
    # the shape, seen by the camera that is said to have taken the cut, falls on the landmarks
    axes = torch.tensor([-1.0, 1.0, 1.0]) if mirrored else torch.ones(3)
    own = (shape * axes).expand(3, -1, -1)
    seen = WeakPerspective(known.scale, known.shift).project(turn(own, known.rotation))[..., :2]
    if mirrored:
        seen = seen[:, MIRROR_68]
    torch.testing.assert_close(seen, known.points, atol=1e-3, rtol=0)


def test_rows_of_a_pool_on_disk(shape, tmp_path):
    pool = pool_of(shape, [0.0, 40.0, -70.0])
    np.save(tmp_path / "squares.npy", pool.squares)
    np.savez(tmp_path / POINTS, points=pool.points.numpy(), made=pool.made.numpy())
    save_fits(tmp_path, pool.fitted)
    again = ReadPool.open(tmp_path)
    assert len(again) == 3
    torch.testing.assert_close(again.points, pool.points)
    for field in fields(Fitted):
        torch.testing.assert_close(getattr(again.fitted, field.name), getattr(pool.fitted, field.name))
    assert again.yaws.tolist() == pytest.approx([0, 40, 70], abs=1e-3)


def test_profiles_are_drawn_as_often_as_wanted(shape):
    yaws = [5.0] * 12 + [45.0] * 4 + [80.0] * 4
    pool = pool_of(shape, yaws, [False] * 12 + [False, False, True, True] * 2)
    weights = pool.weights()
    assert float(weights[:12].sum()) == pytest.approx(SHARES[0] * (1 - MADE_SHARE))
    assert float(weights[12:16].sum()) == pytest.approx(SHARES[1])
    assert float(weights[torch.tensor([18, 19])].sum()) == pytest.approx(SHARES[2] * MADE_SHARE)


def test_mirrored_twice_is_the_same(shape):
    points = pool_of(shape, [10.0, 50.0]).points
    torch.testing.assert_close(mirror_points(mirror_points(points)), points)


def test_a_turn_in_the_plane_is_one_of_the_picture():
    points = torch.tensor([[[1.0, 2.0, 3.0]]])
    camera = WeakPerspective(torch.ones(1), torch.zeros(1, 2))
    turned = camera.project(turn(points, in_plane(torch.deg2rad(torch.tensor([-30.0])))))[..., :2]
    flat = transform_points(similarity(1.0, 30.0, (0.0, 0.0))[None], camera.project(points)[..., :2])
    torch.testing.assert_close(turned, flat)


def test_sampling_without_a_move_is_the_square():
    square = torch.randint(0, 255, (1, 3, SIDE, SIDE), dtype=torch.uint8)
    torch.testing.assert_close(
        sample(square, identity()[None], SIDE), square.float() / 255, atol=1e-3, rtol=0
    )


@pytest.fixture
def morphable():
    """A cap of a sphere, of which 68 vertices are the landmarks."""
    generator = torch.Generator().manual_seed(1)
    plane = torch.rand(90, 2, generator=generator) * 2 - 1
    return LinearMorphable(
        mean=torch.cat((plane, 1 - plane.square().sum(1, keepdim=True) / 2), 1),
        identity_basis=0.02 * torch.randn(40, 90, 3, generator=generator),
        expression_basis=0.02 * torch.randn(10, 90, 3, generator=generator),
        mean_albedo=torch.full((90, 3), 0.5),
        albedo_basis=0.1 * torch.randn(3, 90, 3, generator=generator),
        triangles=torch.tensor([[0, 1, 2], [2, 1, 3]]),
        uv=plane / 2 + 0.5,
        landmarks=torch.arange(68),
        mirror=torch.arange(90),
        landmark_offsets=torch.zeros(68, 3),
    )


@pytest.fixture
def labels(tmp_path):
    """A photo with a large and a tiny face."""
    write_image(tmp_path / "photo.png", torch.rand(3, 200, 300, generator=torch.Generator().manual_seed(0)))
    own = torch.rand(2, 68, 2, generator=torch.Generator().manual_seed(1)).numpy()
    own = own * np.array([90.0, 12.0])[:, None, None] + np.array([80.0, 20.0])[:, None, None]
    np.savez(
        tmp_path / "labels.npz",
        files=np.array([str(tmp_path / "photo.png")]),
        points=own.astype(np.float32),
        num_faces=np.array([2]),
        ignore=np.zeros((0, 4), dtype=np.float32),
        num_ignored=np.array([0]),
    )
    return tmp_path / "labels.npz"


def test_packing_leaves_tiny_faces_out(labels, tmp_path):
    assert not is_of_turned(labels)
    assert pack_reads((labels,), tmp_path / "pool") == 1
    with np.load(tmp_path / "pool" / POINTS) as file:
        points, made = torch.from_numpy(file["points"]), file["made"]
    assert made.tolist() == [False]
    low, high = points.amin(1), points.amax(1)
    assert float((high - low).mean()) == pytest.approx(STORED_FACE, rel=1e-3)
    torch.testing.assert_close((low + high) / 2, torch.full((1, 2), (SIDE - 1) / 2), atol=0.05, rtol=0)
    assert np.load(tmp_path / "pool" / "squares.npy").shape == (1, 3, SIDE, SIDE)


def test_colors_of_a_made_face_are_found_again():
    generator = torch.Generator().manual_seed(0)
    normals = torch.nn.functional.normalize(torch.randn(1, 600, 3, generator=generator), dim=-1)
    mean = 0.3 + 0.4 * torch.rand(600, 3, generator=generator)
    basis = 0.05 * torch.randn(5, 600, 3, generator=generator)
    truth = torch.tensor([[1.0, -1.0, 0.5, 0.0, 2.0]])
    light = even_light(1) + 0.3 * torch.randn(1, 9, 3, generator=generator)
    shading = harmonics(normals) @ light
    skin = mean + torch.einsum("fk,kvc->fvc", truth, basis)
    weights = torch.ones(1, 600)
    found = fit_albedo(skin * shading, shading, weights, mean, basis)
    torch.testing.assert_close(found, truth, atol=0.25, rtol=0)
    seen = likely_light(skin * shading, skin, normals, weights)
    assert float((harmonics(normals) @ seen - shading).abs().mean()) < 0.1
    nothing = torch.zeros(1, 600)
    torch.testing.assert_close(likely_light(skin, skin, normals, nothing), even_light(1))
    assert float(fit_albedo(skin, shading, nothing, mean, basis).abs().max()) == 0


def test_moves_are_inverted_where_pictures_are_sampled():
    _, angle, growth = ReadVariety(loose_share=1.0).moves(50, torch.Generator().manual_seed(0))
    matrix, *_ = ReadVariety(loose_share=1.0).moves(50, torch.Generator().manual_seed(0))
    torch.testing.assert_close(matrix[:, :, :2].det().float(), growth.square())
    torch.testing.assert_close(torch.atan2(matrix[:, 1, 0], matrix[:, 0, 0]), angle)
    assert bool(invert(matrix).isfinite().all())


def test_a_packed_face_is_fitted_and_colored(labels, tmp_path, morphable):
    pack_reads((labels,), tmp_path / "pool")
    fit_reads(tmp_path / "pool", morphable, (45, 12, 3))
    pool = ReadPool.open(tmp_path / "pool")
    assert pool.fitted.identity.shape == (1, 2, 45)
    assert bool(pool.fitted.albedo.isnan().all())
    assert color_reads(tmp_path / "pool", morphable) == 1
    pool = ReadPool.open(tmp_path / "pool")
    assert bool(pool.fitted.light.isfinite().all())
    torch.testing.assert_close(pool.fitted.albedo[:, 0], pool.fitted.albedo[:, 1])
