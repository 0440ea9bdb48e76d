from dataclasses import replace

import pytest
import torch
from torch import nn

from mien.evaluate.speed import SpeedReport, evaluate_speed, measure_speed, operations, peak
from mien.types import Crop, Detection, Image, Recovery


class Unchanged:
    crop_size = 32
    template = "ffhq"

    def __call__(self, crops: list[Crop]) -> list[Recovery]:
        return [Recovery(crop.pixels, torch.ones(1, 32, 32)) for crop in crops]

    def with_fidelity(self, fidelity: float) -> "Unchanged":
        return self

    def with_batch_size(self, batch_size: int) -> "Unchanged":
        return self


def one_face(photo: Image) -> list[Detection]:
    points = torch.tensor([[30.0, 30.0], [60.0, 30.0], [45.0, 48.0], [33.0, 62.0], [57.0, 62.0]])
    return [Detection(torch.tensor([20.0, 15.0, 70.0, 75.0]), points, 0.9)]


def test_operations_are_counted_by_hand() -> None:
    convolution = nn.Conv2d(3, 5, 3, padding=1)
    assert operations(convolution, torch.zeros(1, 3, 8, 8)) * 1e9 == 2 * 9 * 3 * 5 * 64


def test_a_report_adds_up() -> None:
    photo = torch.rand(3, 90, 100)
    report = measure_speed(Unchanged(), nn.Conv2d(3, 4, 3), photo, "none", one_face, repeats=2)
    assert report.num_faces == 1
    assert report.photo_size == (100, 90)
    assert report.per_photo == pytest.approx(sum(report.stages.values()))
    assert set(report.stages) == {"find", "align", "recover", "paste"}
    assert report.share_of_peak > 0
    assert report.as_json()["protocol"] == "speed"


def test_a_photo_without_a_face_cannot_be_timed() -> None:
    with pytest.raises(ValueError, match="no face"):
        measure_speed(
            Unchanged(), nn.Conv2d(3, 4, 3), torch.rand(3, 40, 40), "none", lambda photo: [], repeats=1
        )


def test_share_of_peak_by_hand() -> None:
    report = SpeedReport("m", "cpu", 2, (1, 1), 1, {"find": 1.0}, 1.0, 1.0, 10.0, 2.0, 400.0)
    assert report.share_of_peak == pytest.approx(0.5)  # 2 gigaflops in 10 ms are 200 a second


def test_the_peak_is_a_number() -> None:
    assert peak(torch.device("cpu"), torch.float32, repeats=1) > 0


def test_who_is_not_one_network_is_timed_stage_by_stage(trial, people, mixer) -> None:
    given = replace(
        trial(people[:2], {"still": mixer(), "other": mixer()}), networks={"still": nn.Conv2d(3, 4, 3)}
    )
    found = evaluate_speed(given)
    conditions = [row.condition for row in found.rows if row.who == "other"]
    assert conditions == ["find", "align", "recover", "paste", "per photo"]
    assert found.row("network alone", "still").score("peak_share") is not None
    assert found.notes == ("other has not one network to be timed alone",)
    assert found.settings["photo"] == "person_0_0001.png, 32 x 32, 1 face(s)"
