import pytest
import torch

from mien.faces.align import align, template_points
from mien.faces.identify import cut_face, face_of_crop, identity_of, kept_identity, most_prominent
from mien.types import Crop, Detection, Images, Recovery


def face(x: float, y: float, side: float, score: float = 0.9) -> Detection:
    template = torch.tensor([[0.34, 0.4], [0.66, 0.4], [0.5, 0.58], [0.37, 0.76], [0.63, 0.76]])
    return Detection(torch.tensor([x, y, x + side, y + side]), template * side + torch.tensor([x, y]), score)


def ramp(height: int, width: int) -> torch.Tensor:
    """x and y as colours, so that a pixel tells where it came from."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack((x / width, y / height, torch.zeros(height, width)))


def test_a_face_is_cut_where_its_points_are() -> None:
    photo = ramp(200, 240)
    points = 1.2 * template_points("arcface", 112).float() + torch.tensor([40.0, 20.0])
    low, high = points.amin(0), points.amax(0)
    found = Detection(torch.cat((low - 30, high + 30)), points, 0.9)
    pixels = cut_face(photo, found)
    assert pixels.shape == (3, 112, 112)
    expected = torch.tensor([(40 + 1.2 * 50) / 240, (20 + 1.2 * 60) / 200])
    torch.testing.assert_close(pixels[:2, 60, 50], expected, atol=2e-3, rtol=0)


def test_a_crop_of_another_alignment_shows_the_same_face() -> None:
    photo, found = ramp(200, 240), face(60.0, 40.0, 90.0)
    crop = align(photo, found, "ffhq", 256)
    direct, again = cut_face(photo, found), face_of_crop(crop)
    assert float((direct - again)[:, 10:-10, 10:-10].abs().max()) < 0.01


def test_who_identifies_is_given_by_the_caller() -> None:
    crop = align(ramp(200, 240), face(60.0, 40.0, 90.0), "ffhq", 128)
    seen = []

    def identify(faces: torch.Tensor) -> torch.Tensor:
        seen.append(faces.shape)
        return torch.tensor([[0.6, 0.8]])

    torch.testing.assert_close(identity_of(crop, identify), torch.tensor([0.6, 0.8]))
    assert seen == [(1, 3, 112, 112)]


def colours(faces: Images) -> torch.Tensor:
    """A person is a colour."""
    return torch.nn.functional.normalize(faces[:, :, 40:70, 40:70].mean((2, 3)))


def painted(*color: float) -> torch.Tensor:
    return torch.tensor(color)[:, None, None].expand(3, 64, 64)


def recovery_of(pixels: torch.Tensor, keeps_pose: bool = True) -> Recovery:
    return Recovery(pixels, torch.ones(1, 64, 64), keeps_pose)


def test_each_face_is_compared_with_its_own_recovery() -> None:
    places = template_points("ffhq", 64).float()
    shift = torch.eye(2, 3, dtype=torch.float64)
    crops = [Crop(painted(*color), shift, places) for color in ((0.6, 0.0, 0.8), (0.0, 0.5, 0.0))]
    recoveries = [recovery_of(painted(0.8, 0.0, 0.6)), recovery_of(painted(0.0, 0.9, 0.0))]
    assert kept_identity(crops, recoveries, "ffhq", colours) == pytest.approx([0.96, 1.0], abs=1e-4)
    assert kept_identity([], [], "ffhq", colours) == []


def test_a_turned_head_is_looked_at_where_the_template_has_it() -> None:
    aside = template_points("ffhq", 64).float() / 4  # the crop's face is small and in a corner
    red_in_the_middle = painted(0.0, 0.9, 0.0).clone()
    red_in_the_middle[:, 20:50, 20:50] = torch.tensor([0.9, 0.0, 0.0])[:, None, None]
    crop = Crop(painted(0.9, 0.0, 0.0), torch.eye(2, 3, dtype=torch.float64), aside)
    turned, kept = recovery_of(red_in_the_middle, keeps_pose=False), recovery_of(red_in_the_middle)
    (at_template,) = kept_identity([crop], [turned], "ffhq", colours)
    (at_crop,) = kept_identity([crop], [kept], "ffhq", colours)
    assert at_template > 0.99
    assert at_crop < 0.5


def test_the_most_prominent_is_large_and_near_the_middle() -> None:
    photo = torch.zeros(3, 200, 200)
    large, aside, small = face(50.0, 50.0, 100.0, 0.6), face(0.0, 0.0, 100.0), face(95.0, 95.0, 10.0)
    assert most_prominent(photo, [small, aside, large]) is large
    assert most_prominent(photo, [face(180.0, 180.0, 20.0), small]) is small
    with pytest.raises(ValueError, match="no face"):
        most_prominent(photo, [])
