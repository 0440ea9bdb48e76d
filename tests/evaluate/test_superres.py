import pytest
import torch
from PIL import Image as Pillow

from mien.evaluate.strength import FACTORS, charts_of, evaluate_strength
from mien.evaluate.superres import evaluate_superres, shrink_and_enlarge


def test_bicubic_is_pillow_s(picture):
    truth = (picture(3, 64) * 255).round() / 255
    levels = (truth * 255).to(torch.uint8).permute(1, 2, 0).numpy()
    small = Pillow.fromarray(levels).resize((16, 16), Pillow.Resampling.BICUBIC)
    large = torch.tensor(list(small.resize((64, 64), Pillow.Resampling.BICUBIC).getdata()))
    expected = large.reshape(64, 64, 3).permute(2, 0, 1) / 255
    assert (shrink_and_enlarge(truth, 4) - expected).abs().max() <= 2.01 / 255


def test_superres_tells_both_factors(trial, photos):
    found = evaluate_superres(trial(photos))
    assert found.conditions == ("4x", "8x")
    better, worse = (found.row(condition, "input").score("ssim").value for condition in ("4x", "8x"))
    assert better > worse
    assert "bicubic" in found.settings["damage"]


def test_strength_draws_a_curve_for_each_measure(trial, photos):
    found = evaluate_strength(trial(photos[:2]), factors=(1.0, 4.0))
    assert [chart.title for chart in found.charts] == [
        "PSNR against damage",
        "SSIM against damage",
        "identity against damage",
    ]
    chart = found.charts[0]
    assert [line.name for line in chart.lines] == ["input", "still"]
    assert [x for x, _ in chart.lines[0].points] == [1.0, 4.0]
    assert chart.lines[0].points[1][1] == pytest.approx(found.row("4x", "input").score("psnr").value)
    assert charts_of((), FACTORS) == ()
