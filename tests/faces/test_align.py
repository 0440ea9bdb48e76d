"""Alignment against numpy's least squares, hand numbers and a head turned in space."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mien.faces import align
from mien.image.warp import compose, invert, similarity, transform_points
from mien.types import Detection

FITTED = ["ffhq", "gpen", "arcface"]


def turned_face(yaw=0.0, pitch=0.0, roll=0.0, scale=100.0, centre=(200.0, 180.0)):
    """The average head, turned by degrees and seen from far away; scale in pixels per decimetre."""
    y, p, r = (math.radians(v) for v in (yaw, pitch, roll))
    about_y = torch.tensor([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
    about_x = torch.tensor([[1, 0, 0], [0, math.cos(p), -math.sin(p)], [0, math.sin(p), math.cos(p)]])
    about_z = torch.tensor([[math.cos(r), -math.sin(r), 0], [math.sin(r), math.cos(r), 0], [0, 0, 1]])
    rotation = (about_z @ about_x @ about_y).double()
    points = (align.FACE_3D @ rotation.T)[:, :2] * scale + torch.tensor(centre)
    half = 0.69 * align.BOX_PER_EYES_TO_MOUTH * scale / 2
    middle = torch.tensor(centre)
    return Detection(torch.cat((middle - half, middle + half)).float(), points.float(), 0.9)


def scale_of(affine):
    return float(torch.linalg.det(affine[:, :2]).sqrt())


def angle_of(affine):
    return math.degrees(math.atan2(float(affine[1, 0]), float(affine[0, 0])))


@given(st.integers(0, 10**6), st.integers(2, 7))
def test_fit_is_the_least_squares_one(seed, num_points):
    generator = torch.Generator().manual_seed(seed)
    source, target = torch.rand(2, num_points, 2, generator=generator, dtype=torch.float64) * 100
    # u = a x - b y + c, v = b x + a y + d
    x, y, one, none = *source.T.numpy(), np.ones(num_points), np.zeros(num_points)
    equations = np.concatenate((np.stack((x, -y, one, none), 1), np.stack((y, x, none, one), 1)))
    a, b, c, d = np.linalg.lstsq(equations, target.T.reshape(-1).numpy(), rcond=None)[0]
    expected = torch.tensor([[a, -b, c], [b, a, d]])
    torch.testing.assert_close(align.fit_similarity(source, target), expected, rtol=1e-7, atol=1e-7)


def test_fit_equals_opposite_corners_by_hand():
    # a unit square onto one twice as large, turned by a quarter
    square = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    target = torch.tensor([[5.0, 5.0], [5.0, 7.0], [3.0, 7.0], [3.0, 5.0]])
    torch.testing.assert_close(align.fit_similarity(square, target), similarity(2, 90, (5.0, 5.0)))


@given(st.floats(0.01, 100), st.floats(-179, 179), st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
def test_fit_finds_a_similarity_again(scale, degrees, x, y):
    truth = similarity(scale, degrees, (x, y))
    source = align.TEMPLATES["ffhq"].points
    found = align.fit_similarity(source, transform_points(truth, source))
    torch.testing.assert_close(found, truth, rtol=1e-7, atol=1e-6)


def test_mirrored_points_give_no_reflection():
    points = align.TEMPLATES["ffhq"].points
    mirrored = points * torch.tensor([-1.0, 1.0])
    assert torch.linalg.det(align.fit_similarity(points, mirrored)[:, :2]) > 0


@pytest.mark.parametrize("value", [3.0, 0.0, float("nan"), float("inf")])
def test_degenerate_points_are_refused(value):
    with pytest.raises(ValueError, match="similarity"):
        align.fit_similarity(torch.full((5, 2), value), align.TEMPLATES["ffhq"].points)


def test_too_few_points_are_refused():
    with pytest.raises(ValueError, match="two or more"):
        align.fit_similarity(torch.zeros(1, 2), torch.zeros(1, 2))


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize("size", [64, 112, 256, 512])
def test_template_points_land_where_they_belong(name, size):
    """A face that lies on the template, at the template's size, in a photo with an offset."""
    template = align.TEMPLATES[name]
    points = template.points + torch.tensor([40.0, 30.0])
    middle = points.mean(dim=0)
    half = align._eyes_to_mouth(points) * align.BOX_PER_EYES_TO_MOUTH / 2
    detection = Detection(torch.cat((middle - half, middle + half)), points, 1.0)
    crop = align.align(torch.rand(3, 600, 600), detection, name, size)
    # resizing keeps the outer edges in place, not the centres of the corner pixels
    expected = (template.points + 0.5) * size / template.size - 0.5
    torch.testing.assert_close(crop.points, expected, atol=1e-6, rtol=0)
    corner = transform_points(crop.photo_from_crop, torch.tensor([[-0.5, -0.5]], dtype=torch.float64))
    torch.testing.assert_close(corner, torch.tensor([[39.5, 29.5]], dtype=torch.float64), atol=1e-6, rtol=0)
    assert crop.pixels.shape == (3, size, size)


def test_crop_shows_what_is_under_the_points():
    """A dot on each eye of a turned face is found at the template's eyes."""
    detection = turned_face(roll=140)
    y, x = torch.meshgrid(torch.arange(360.0), torch.arange(400.0), indexing="ij")
    photo = torch.zeros(3, 360, 400)
    for (px, py), channel in zip(detection.points.tolist()[:3], range(3), strict=True):
        photo[channel] = torch.exp(-((x - px) ** 2 + (y - py) ** 2) / 18)
    crop = align.align(photo, detection, "ffhq", 256)
    for channel in range(3):
        weights = crop.pixels[channel] / crop.pixels[channel].sum()
        grid = torch.arange(256.0)
        found = torch.stack(((weights.sum(0) * grid).sum(), (weights.sum(1) * grid).sum()))
        assert (found - crop.points[channel]).norm() < 0.05


@pytest.mark.parametrize("name", align.TEMPLATES)
@pytest.mark.parametrize("roll", [0, 45, 90, 180, 250])
def test_a_lying_head_stands_up(name, roll):
    crop_transform = align.fit(turned_face(roll=roll), name, 256)
    expected = 0 if name == "box" else roll
    difference = (angle_of(crop_transform) - expected + 180) % 360 - 180
    assert abs(difference) < 1.5


@pytest.mark.parametrize("name", [*FITTED, "bfm"])
@pytest.mark.parametrize("yaw", [-90, -75, -60, -30, 30, 60, 75, 90])
@pytest.mark.parametrize("pitch", [-30, 0, 30])
@pytest.mark.parametrize("roll", [0, 90])
def test_profiles_keep_their_size(name, yaw, pitch, roll):
    frontal = align.fit(turned_face(), name, 256)
    detection = turned_face(yaw, pitch, roll)
    profile = align.fit(detection, name, 256)
    assert 0.75 < scale_of(profile) / scale_of(frontal) < 1.45
    # all of the points stay well inside the crop
    points = transform_points(invert(profile), detection.points)
    assert points.min() > 0.08 * 256
    assert points.max() < 0.92 * 256


@pytest.mark.parametrize("yaw", [-90, -45, 0, 45, 90])
def test_bfm_has_one_scale_for_all_yaws(yaw):
    found = align.fit(turned_face(yaw, 10, 30, scale=130), "bfm", 224)
    assert scale_of(found) == pytest.approx(130 / 102, rel=1e-4)
    middle = transform_points(found, torch.tensor([[111.5, 111.5]]))
    torch.testing.assert_close(middle, torch.tensor([[200.0, 180.0]]), atol=1e-2, rtol=0)


@pytest.mark.parametrize("name", [*FITTED, "bfm"])
def test_wrong_points_cannot_ask_for_a_wild_crop(name):
    good = turned_face()
    frontal = scale_of(align.fit(good, name, 256))
    middle = good.points.mean(dim=0)
    for factor in (0.02, 0.3, 4.0, 30.0):
        wrong = Detection(good.box, (good.points - middle) * factor + middle, 0.5)
        found = align.fit(wrong, name, 256)
        assert 1 / 1.7 < scale_of(found) / frontal < 1.7
        assert 0 < transform_points(invert(found), middle[None]).min() < 256


def test_box_is_the_square_around_the_box():
    detection = Detection(torch.tensor([10.0, 20.0, 50.0, 80.0]), turned_face().points, 1.0)
    found = align.fit(detection, "box", 60)
    torch.testing.assert_close(found, similarity(1, 0, (0.5, 20.5)), atol=1e-9, rtol=0)


@pytest.mark.parametrize("name", ["box", "ffhq", "bfm"])
def test_a_box_without_area_is_refused(name):
    detection = Detection(torch.tensor([10.0, 20.0, 10.0, 80.0]), turned_face().points, 1.0)
    with pytest.raises(ValueError, match="area"):
        align.fit(detection, name, 60)


def test_unknown_template():
    with pytest.raises(ValueError, match="there are ffhq, gpen"):
        align.fit(turned_face(), "dlib", 256)


def test_a_face_partly_outside_the_photo():
    crop = align.align(torch.rand(3, 40, 50), turned_face(centre=(0.0, 0.0)), "ffhq", 64)
    assert torch.isfinite(crop.pixels).all()
    assert crop.pixels.min() >= 0
    assert crop.pixels.max() <= 1


@pytest.mark.parametrize("size", [64, 128])
def test_whole_crop(size):
    picture = torch.rand(3, 128, 128)
    crop = align.whole_crop(picture, size)
    expected = picture if size == 128 else torch.nn.functional.avg_pool2d(picture, 2)
    torch.testing.assert_close(crop.pixels, expected, atol=2e-5, rtol=0)
    corners = transform_points(crop.photo_from_crop, torch.tensor([[-0.5, -0.5], [size - 0.5, size - 0.5]]))
    torch.testing.assert_close(corners, torch.tensor([[-0.5, -0.5], [127.5, 127.5]]))


def test_whole_crop_of_a_wide_picture_is_centred():
    crop = align.whole_crop(torch.rand(3, 50, 100), 100)
    torch.testing.assert_close(crop.photo_from_crop, similarity(1, 0, (0.0, -25.0)), atol=1e-9, rtol=0)


def test_align_many_aligns_each():
    photo = torch.rand(3, 300, 300)
    detections = [turned_face(), turned_face(roll=40, centre=(90.0, 100.0))]
    crops = align.align_many(photo, detections, "arcface", 112)
    assert torch.equal(crops[1].pixels, align.align(photo, detections[1], "arcface", 112).pixels)
    assert len(crops) == 2


def test_crop_transform_takes_points_to_the_photo():
    crop = align.align(torch.rand(3, 300, 300), turned_face(roll=20), "ffhq", 256)
    torch.testing.assert_close(
        transform_points(crop.photo_from_crop, crop.points), turned_face(roll=20).points, atol=1e-3, rtol=0
    )
    there_and_back = compose(crop.photo_from_crop, invert(crop.photo_from_crop))
    torch.testing.assert_close(there_and_back, similarity(1, 0, (0, 0)), atol=1e-9, rtol=0)
