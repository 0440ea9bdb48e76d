import json
import math

import pytest
import torch

from mien.metrics.mean import Mean
from mien.metrics.score import MEASURES, Score


def test_a_number_says_all_that_it_depends_on():
    told = Score("psnr_y", 25.5, 55, "the same pictures undamaged", deviation=1.5).as_json()
    assert told == {
        "measure": "psnr_y",
        "title": "PSNR (Y)",
        "unit": "dB",
        "better": "higher",
        "color_space": "Y, BT.601, 16 to 235",
        "crop": "none",
        "settings": "mean of pictures' values",
        "value": 25.5,
        "deviation": 1.5,
        "count": 55,
        "reference": "the same pictures undamaged",
        "backend": "mien",
    }


@pytest.mark.parametrize("measure", MEASURES)
def test_every_measure_is_json(measure):
    told = json.dumps(Score(measure, math.inf, 1, "none", note="n").as_json(), allow_nan=False)
    assert json.loads(told)["value"] == "inf"


def test_a_mean_brings_its_count():
    score = Score.of_mean("ssim", Mean.of(torch.tensor([0.5, 0.7])), "truth")
    assert (score.value, score.count) == (pytest.approx(0.6), 2)


def test_what_says_nothing_is_refused():
    with pytest.raises(ValueError, match="no measure 'beauty'"):
        Score("beauty", 1.0, 1, "none")
    with pytest.raises(ValueError, match="at least one picture"):
        Score("psnr", 1.0, 0, "none")
