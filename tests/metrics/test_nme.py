import pytest
import torch

from mien.metrics.nme import ErrorByYaw

ERRORS = torch.tensor([0.02, 0.04, 0.03, 0.07, 0.06])
YAWS = torch.tensor([0.0, -30.0, 45.0, -60.0, 88.0])


def test_by_hand():
    # bins 0.03, 0.05 and 0.06: mean 0.14 / 3, squared deviations (25 + 1 + 16) / 9 / 3 e-4
    by_yaw = ErrorByYaw.of(ERRORS, YAWS)
    assert [part.value for part in by_yaw.bins] == pytest.approx([0.03, 0.05, 0.06])
    assert [part.count for part in by_yaw.bins] == [2, 2, 1]
    assert by_yaw.mean == pytest.approx(0.14 / 3)
    assert by_yaw.deviation == pytest.approx((42 / 27 * 1e-4) ** 0.5)
    assert by_yaw.over_all.value == pytest.approx(0.22 / 5)


def test_beyond_a_right_angle_is_still_a_profile():
    assert ErrorByYaw.of(ERRORS[:1], torch.tensor([-97.0])).bins[2].count == 1


def test_halves_make_the_whole():
    parts = ErrorByYaw.of(ERRORS[:2], YAWS[:2]) + ErrorByYaw.of(ERRORS[2:], YAWS[2:])
    assert parts.mean == pytest.approx(ErrorByYaw.of(ERRORS, YAWS).mean, rel=1e-12)
    assert (ErrorByYaw() + parts).over_all.count == 5


def test_an_empty_bin_is_named():
    frontal = ErrorByYaw.of(ERRORS[:2], YAWS[:2])
    with pytest.raises(ValueError, match="yaw of 30-60, 60-90 degrees"):
        _ = frontal.mean


def test_broken_numbers_are_refused():
    with pytest.raises(ValueError, match="not a finite number"):
        ErrorByYaw.of(torch.tensor([0.1]), torch.tensor([float("nan")]))
