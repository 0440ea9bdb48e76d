import pytest
import torch

from mien.image.evidence import GUESSED, LENT, MIRRORED, SEEN, overlay, overlay_photo, share_of_face
from mien.image.warp import similarity
from mien.types import Crop, Detection, Face, Guidance, Recovery, Result

BLACK, PLANE = torch.zeros(3, 32, 32), torch.ones(1, 32, 32)


def lent(share):
    return Guidance(BLACK, share * PLANE, torch.zeros(2, 32, 32), 0, 0.5)


@pytest.mark.parametrize(
    ("recovery", "color"),
    [
        (Recovery(BLACK, PLANE), SEEN),
        (Recovery(BLACK, 0 * PLANE, mirrored=PLANE), MIRRORED),
        (Recovery(BLACK, 0 * PLANE, guidance=lent(1)), LENT),
        (Recovery(BLACK, 0 * PLANE), GUESSED),
    ],
)
def test_each_kind_of_evidence_has_its_colour(recovery, color):
    painted = overlay(recovery)
    torch.testing.assert_close(painted[:, 0, 0] / painted.max(), torch.tensor(color) / max(color))


LEFT = torch.cat((torch.ones(1, 32, 16), torch.zeros(1, 32, 16)), 2)
"""The left half of a crop."""


def face(pasted=True, x=10.0, scale=1.0, area=None):
    crop = Crop(BLACK, similarity(scale, 0.0, (x, 6.0)), torch.zeros(5, 2))
    detection = Detection(torch.tensor([x, 6.0, x + 32, 38.0]), torch.zeros(5, 2), 0.9)
    return Face(detection, crop, Recovery(BLACK, PLANE), pasted, area=area)


@pytest.mark.parametrize("scale", [1, 2])
def test_a_photo_shows_the_evidence_where_its_faces_are(scale):
    result = Result(torch.full((3, 48 * scale, 60 * scale), 0.5), (face(),))
    painted = overlay_photo(result, scale)
    middle = painted[:, 22 * scale, 26 * scale]
    torch.testing.assert_close(middle, overlay(face().recovery)[:, 16, 16])
    assert torch.equal(painted[:, :, 46 * scale :], result.photo[:, :, 46 * scale :])
    assert torch.equal(result.photo, torch.full_like(result.photo, 0.5)), "the result itself stays"


@pytest.mark.parametrize("x", [-20.0, 45.0, -200.0, 200.0])
def test_faces_may_reach_out_of_the_photo(x):
    painted = overlay_photo(Result(torch.full((3, 48, 60), 0.5), (face(x=x),)))
    assert painted.isfinite().all()
    assert bool((painted != 0.5).any()) == (abs(x) < 100)


def test_what_was_not_pasted_is_not_painted():
    photo = torch.full((3, 48, 60), 0.5)
    assert torch.equal(overlay_photo(Result(photo, (face(pasted=False),))), photo)


@pytest.mark.parametrize("scale", [1, 2])
def test_what_is_not_face_is_not_painted_where_faces_are_pasted_alone(scale):
    photo = torch.full((3, 48 * scale, 60 * scale), 0.5)
    painted = overlay_photo(Result(photo, (face(area=LEFT),)), scale)
    whole = overlay_photo(Result(photo, (face(),)), scale)
    middle = 26 * scale
    assert torch.equal(painted[:, :, : middle - 2 * scale], whole[:, :, : middle - 2 * scale])
    assert torch.equal(painted[:, :, middle + 2 * scale :], photo[:, :, middle + 2 * scale :])


def test_a_share_is_of_the_face_alone():
    assert share_of_face(LEFT) == pytest.approx(0.5)
    assert share_of_face(LEFT, LEFT) == 1
    assert share_of_face(LEFT, 1 - LEFT) == 0
    corners = PLANE.clone()
    corners[:, 8:24, :] = 0
    assert 0 < share_of_face(corners) < 0.5
