import pytest
import torch

from mien.metrics.landmarks import box_size, eye_distance, landmark_distance, normalised_mean_error

FACE = torch.tensor([[[10.0, 10.0], [40.0, 50.0], [30.0, 60.0], [15.0, 90.0], [45.0, 85.0]]])


def test_eye_distance_by_hand():
    assert eye_distance(FACE).tolist() == [50.0]


def test_box_size_by_hand():
    # 35 wide, 80 high
    assert box_size(FACE).item() == pytest.approx((35 * 80) ** 0.5)


def test_an_error_by_hand():
    found = FACE.clone()
    found[0, 0] += torch.tensor([3.0, 4.0])  # one point of five, 5 pixels off
    assert normalised_mean_error(found, FACE, eye_distance).item() == pytest.approx(5 / 5 / 50)


def test_the_true_face_sets_the_size():
    found = FACE * 2
    distances = FACE.norm(dim=-1).mean()
    assert normalised_mean_error(found, FACE, eye_distance).item() == pytest.approx(float(distances) / 50)


@pytest.mark.parametrize("normaliser", [eye_distance, box_size])
def test_size_and_place_of_the_face_do_not_matter(normaliser):
    found = FACE + torch.randn(FACE.shape, generator=torch.Generator().manual_seed(0))
    moved = normalised_mean_error(found * 3 + 7, FACE * 3 + 7, normaliser)
    torch.testing.assert_close(moved, normalised_mean_error(found, FACE, normaliser), rtol=1e-5, atol=0)


def test_distance_is_told_in_pixels_of_the_large_crop():
    found = FACE + torch.tensor([3.0, 4.0])
    assert landmark_distance(found, FACE, 512).item() == pytest.approx(5)
    assert landmark_distance(found, FACE, 256).item() == pytest.approx(10)
