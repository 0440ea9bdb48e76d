"""Masks and layouts by hand numbers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mien.faces.align import template_points
from mien.image import blend


def picture(height, width, value):
    return torch.full((3, height, width), value)


@pytest.mark.parametrize("size", [32, 64, 256])
def test_ellipse_is_one_inside_and_zero_at_the_border(size):
    mask = blend.ellipse_mask(size)
    assert mask.shape == (1, size, size)
    assert mask[0, size // 2, size // 2] == 1
    border = torch.cat((mask[0, 0], mask[0, -1], mask[0, :, 0], mask[0, :, -1]))
    assert border.max() == 0
    torch.testing.assert_close(mask, mask.flip(-1))
    # a soft rim: no step between neighbours larger than the rim allows
    if size == 256:
        assert mask.diff(dim=-1).abs().max() < 0.1


@pytest.mark.parametrize("template", ["ffhq", "gpen"])
def test_ellipse_holds_eyes_nose_and_mouth(template):
    mask = blend.ellipse_mask(256)[0]
    for x, y in template_points(template, 256).round().long().tolist():
        assert mask[y, x] == 1


def test_feather_stays_inside():
    mask = torch.zeros(1, 40, 40)
    mask[:, 10:40, 10:30] = 1
    soft = blend.feather(mask, 6)
    assert torch.all(soft[mask == 0] == 0)
    assert soft[0, 24, 20] == 1
    assert soft[0, -1].max() < 0.5  # also at the picture's own border
    rows = soft[0, 10:24, 20]
    assert torch.all(rows.diff() >= -1e-6)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_compose_is_the_weighted_mean(under, over, share):
    result = blend.compose(picture(2, 2, under), picture(2, 2, over), torch.full((1, 2, 2), share))
    torch.testing.assert_close(result, picture(2, 2, under * (1 - share) + over * share), atol=1e-6, rtol=0)


def test_compose_is_exact_at_both_ends():
    under, over = torch.rand(2, 3, 5, 5)
    assert torch.equal(blend.compose(under, over, torch.zeros(1, 5, 5)), under)
    assert torch.equal(blend.compose(under, over, torch.ones(1, 5, 5)), over)


def test_side_by_side_centres_and_leaves_a_gap():
    row = blend.side_by_side([picture(4, 3, 0.1), picture(2, 5, 0.2)], gap=2)
    assert row.shape == (3, 4, 10)
    assert torch.all(row[:, :, :3] == 0.1)
    assert torch.all(row[:, :, 3:5] == 1)
    assert torch.all(row[:, 1:3, 5:] == 0.2)
    assert torch.all(row[:, [0, 3], 5:] == 1)


def test_contact_sheet_fills_rows():
    sheet = blend.contact_sheet([picture(2, 2, 0.1 * k) for k in range(5)], columns=3, gap=1, background=0.9)
    assert sheet.shape == (3, 5, 8)
    torch.testing.assert_close(sheet[0, 0], torch.tensor([0, 0, 0.9, 0.1, 0.1, 0.9, 0.2, 0.2]))
    torch.testing.assert_close(sheet[0, 3], torch.tensor([0.3, 0.3, 0.9, 0.4, 0.4, 0.9, 0.9, 0.9]))


def test_nothing_to_lay_out():
    with pytest.raises(ValueError, match="no picture"):
        blend.side_by_side([])
    with pytest.raises(ValueError, match="pictures and columns"):
        blend.contact_sheet([picture(1, 1, 0.0)], 0)
