"""Bounds as a drawing, against hand arithmetic."""

from __future__ import annotations

import math
import re

from mtbench_pytest.gate.decision import Bounds, Endpoint
from mtbench_pytest.report.html.interval import endpoint_interval, interval, scale_of

BOUNDS = Bounds(n=9, mean=-0.5, sd=1.0, lower=-1.0, upper=0.25)


def test_the_scale_shows_bounds_margin_and_no_difference() -> None:
    """From -1 to 0.25, and 0.12 x 1.25 = 0.15 on either side: 1.55 across."""
    scale = scale_of([BOUNDS], floor=-0.5, neutral=0.0)
    assert (round(scale.least, 9), round(scale.most, 9)) == (-1.15, 0.4)
    assert scale.at(-1.0) == 9.68
    assert scale.at(0.0) == 74.19
    assert scale.at(-7) == 0
    assert scale.at(7) == 100


def test_bar_margin_and_mean_lie_where_they_should() -> None:
    """The bound that makes a regression lies at 0.5: from -1 to 0.5, and 0.18 on either side: 1.86 across."""
    endpoint = Endpoint("grade", BOUNDS, 0.0, 0.5, -1.0, 0.95, 0.5, 0.992, "undecided")
    drawn = endpoint_interval(endpoint, "so", "margin -0.50", "no difference 0")
    assert '<rect class="bar" x="9.68%" width="67.2%"' in drawn
    assert '<rect class="reach" x="9.68%" width="80.64%"' in drawn
    assert '<line class="margin" x1="36.56%" x2="36.56%"' in drawn
    assert '<line class="neutral" x1="63.44%" x2="63.44%"' in drawn
    assert '<circle class="mean" cx="36.56%"' in drawn
    # Each word on the side of its line where there is more room.
    assert re.search(r'<text x="36.56%"[^>]*text-anchor="start">margin -0.50<', drawn)
    assert re.search(r'<text x="63.44%"[^>]*text-anchor="end">no difference 0<', drawn)


def test_without_bounds_there_is_a_dot_and_no_bar() -> None:
    one = Bounds(1, -0.5, math.nan, -math.inf, math.inf)
    drawn = interval(one, scale_of([one], -0.5, 0.0), "undecided", "one question")
    assert "<circle" in drawn
    assert 'class="bar"' not in drawn
    assert "inf" not in drawn


def test_without_a_mean_there_is_nothing() -> None:
    none = Bounds(0, math.nan, math.nan, -math.inf, math.inf)
    assert interval(none, scale_of([none], -0.5, 0.0), "undecided", "") == ""


def test_no_margin_and_no_spread_is_no_division_by_zero() -> None:
    same = Bounds(9, 0.0, 0.0, 0.0, 0.0)
    assert scale_of([same], 0.0, 0.0).at(0.0) == 50
