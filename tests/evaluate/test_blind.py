from pathlib import Path

import pytest
import torch

from mien.degrade.chain import PROFILES
from mien.evaluate.blind import CONDITIONS, at_scale, damaged_pairs, evaluate_blind, score
from mien.image.io import write_image
from mien.types import Crop, Recovery


class Unchanged:
    crop_size = 32
    template = "ffhq"

    def __call__(self, crops: list[Crop]) -> list[Recovery]:
        return [Recovery(crop.pixels, torch.ones(1, 32, 32)) for crop in crops]

    def with_fidelity(self, fidelity: float) -> "Unchanged":
        return self

    def with_batch_size(self, batch_size: int) -> "Unchanged":
        return self


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    generator = torch.Generator().manual_seed(0)
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for path in paths:
        coarse = torch.rand(1, 3, 6, 6, generator=generator)
        write_image(path, torch.nn.functional.interpolate(coarse, size=(32, 32), mode="bilinear")[0])
    return paths


def test_a_model_that_does_nothing_gains_nothing(photos: list[Path]) -> None:
    calls: list[int] = []
    report = evaluate_blind(Unchanged(), "unchanged", photos, advance=lambda: calls.append(1))
    assert set(report.scores) == set(CONDITIONS)
    for condition in CONDITIONS:
        assert report.gain(condition) == pytest.approx(0, abs=1e-6)
    assert len(calls) == len(CONDITIONS) * len(photos)
    written = report.as_json()
    assert written["num_photos"] == 3
    assert written["protocol"] == "blind"


def test_damage_depends_on_seed_and_name_alone(photos: list[Path]) -> None:
    profile = PROFILES["gfrnet"]
    first = [damaged for damaged, _ in damaged_pairs(photos, 32, profile, seed=0)]
    again = [damaged for damaged, _ in damaged_pairs(photos[::-1], 32, profile, seed=0)][::-1]
    other = [damaged for damaged, _ in damaged_pairs(photos, 32, profile, seed=1)]
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    assert not all(torch.equal(one, two) for one, two in zip(first, other, strict=True))


def test_eight_times_smaller_loses_more_than_four_times(photos: list[Path]) -> None:
    report = evaluate_blind(Unchanged(), "unchanged", photos)
    assert report.scores["8x"]["input"].psnr.value < report.scores["4x"]["input"].psnr.value


def test_scores_of_parts_add_up(photos: list[Path]) -> None:
    images = torch.rand(2, 3, 32, 32)
    truths = torch.rand(2, 3, 32, 32)
    total = score(images[0], truths[0]) + score(images[1], truths[1])
    assert total.psnr.count == 2
    both = [score(image, truth).psnr.value for image, truth in zip(images, truths, strict=True)]
    assert total.psnr.value == pytest.approx(sum(both) / 2)


def test_fixed_scale_leaves_the_rest_of_the_profile() -> None:
    fixed = at_scale(PROFILES["gfrnet"], 4.0)
    assert fixed.scales == (4.0,)
    assert fixed.qualities == PROFILES["gfrnet"].qualities
    assert at_scale(PROFILES["gfrnet"], None) is PROFILES["gfrnet"]


def test_unknown_profiles_are_refused(photos: list[Path]) -> None:
    with pytest.raises(ValueError, match="no profile 'dirt'"):
        evaluate_blind(Unchanged(), "unchanged", photos, profile="dirt")
