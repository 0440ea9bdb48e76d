import math
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.evaluate.draw import Axis, legend_of, round_step, svg_of
from mien.evaluate.findings import Chart, Line


def chart(*points, is_log=False, name="still"):
    return Chart("a title", "x", "y", (Line(name, points),), is_log)


def test_points_go_where_the_axes_say():
    drawn = svg_of(chart((0.0, 0.0), (10.0, 1.0)), {"still": 1})
    places = re.findall(r'<circle class="line s2" cx="([\d.]+)" cy="([\d.]+)"', drawn)
    (x0, y0), (x1, y1) = ((float(x), float(y)) for x, y in places)
    assert x1 > x0
    assert y1 < y0  # up the page
    assert "still: 10, 1" in drawn


def test_a_logarithm_has_no_place_for_zero():
    drawn = svg_of(chart((0.0, 0.2), (0.001, 0.5), (1.0, 1.0), is_log=True), {})
    assert drawn.count("<circle") == 2
    assert ">0.001<" in drawn
    assert ">1<" in drawn
    assert svg_of(chart((0.0, 1.0), is_log=True), {}) == ""


def test_what_is_not_finite_is_left_out():
    assert svg_of(chart((1.0, math.nan), (2.0, math.inf)), {}) == ""
    assert svg_of(chart((1.0, 5.0)), {}).count("<circle") == 1


def test_names_are_escaped():
    assert "<script>" not in svg_of(chart((1.0, 2.0), name="<script>"), {})
    assert "<script>" not in legend_of(chart((1.0, 2.0), name="<script>"), {})


def test_what_came_in_is_gray():
    assert 'class="line input"' in svg_of(chart((1.0, 2.0), (2.0, 3.0), name="input"), {})
    assert 'class="line clean"' in legend_of(chart(name="undamaged"), {})


@settings(max_examples=30, deadline=None)
@given(low=st.floats(-1e4, 1e4), span=st.floats(1e-3, 1e4))
def test_ticks_are_round_and_within(low, span):
    axis = Axis(low, low + span, 0.0, 100.0)
    ticks = axis.ticks
    assert 2 <= len(ticks) <= 8
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in ticks)
    step = round_step(span)
    assert str(f"{step:e}")[0] in "125"


def test_every_decade_has_a_tick():
    assert Axis(1e-4, 1.0, 0.0, 100.0, True).ticks == pytest.approx([1e-4, 1e-3, 1e-2, 0.1, 1])
    assert Axis(1.0, 100.0, 0.0, 100.0, True)(10.0) == pytest.approx(50)


def test_what_nothing_connects_is_dots_around_a_ring():
    points = replace(chart((0.0, 0.0), (1.0, 1.0), (2.0, 0.5)), is_scatter=True)
    drawn = svg_of(points, {"still": 0})
    assert "<path" not in drawn
    assert drawn.count('class="dot line s1"') == 3
    assert "the middle: 1, 0.5" in drawn
    assert "<circle" in legend_of(points, {})
    assert "<path" in legend_of(chart((0.0, 0.0)), {})


def test_what_is_no_maker_takes_the_colours_in_turn():
    lines = tuple(Line(name, ((1.0, 2.0),)) for name in ("as it is", "gray", "behind hands", "input"))
    found = re.findall('<path class="line (\\w+)"', legend_of(Chart("t", "x", "y", lines), {"gray": 4}))
    assert found == ["s1", "s5", "s2", "input"]
