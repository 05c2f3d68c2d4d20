"""A mean with its bounds, drawn against margin and no difference: a small SVG as wide as its place.

All across is in percent of the width, so that lines and letters keep their size on any screen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from mtbench_pytest.gate.decision import Bounds, Endpoint, Standing
from mtbench_pytest.report.html.elements import text

_PAD = 0.12  # of what is shown, on either side


@dataclass(frozen=True, slots=True)
class Scale:
    """What is shown from left to right.

    Attributes:
        floor: The margin: bounds must lie above.
        neutral: The value of no difference.
    """

    least: float
    most: float
    floor: float
    neutral: float

    def at(self, value: float) -> float:
        """Where a value lies, in percent from the left; at the edge where it lies beyond."""
        share = (value - self.least) / (self.most - self.least)
        return round(100 * min(max(share, 0.0), 1.0), 2)


def scale_of(bounds: Iterable[Bounds], floor: float, neutral: float) -> Scale:
    """The scale on which all of these can be seen."""
    known = [value for one in bounds for value in (one.lower, one.mean, one.upper) if math.isfinite(value)]
    least, most = min([*known, floor, neutral]), max([*known, floor, neutral])
    pad = _PAD * (most - least) or 1.0
    return Scale(least - pad, most + pad, floor, neutral)


def interval(bounds: Bounds, scale: Scale, standing: Standing, label: str) -> str:
    """The drawing without words, for a table; "" where nothing is known.

    Args:
        standing: Gives the colour.
        label: What a screen reader says.
    """
    return _drawing(bounds, scale, standing, label, top=2, height=18) if math.isfinite(bounds.mean) else ""


def endpoint_interval(endpoint: Endpoint, label: str, floor: str, neutral: str) -> str:
    """The drawing of what a decision rests on, with words; "" where nothing is known.

    A thin line reaches to the bounds that decide, where their confidence is higher than that of those shown.

    Args:
        endpoint: Its standing gives the colour.
        label: What a screen reader says.
        floor: The margin's words.
        neutral: The words for no difference.
    """
    bounds = endpoint.bounds
    if not math.isfinite(bounds.mean):
        return ""
    deciding = replace(bounds, lower=endpoint.floor, upper=endpoint.ceiling)
    scale = scale_of([bounds, deciding], endpoint.line, endpoint.neutral)
    words = _word(scale.at(scale.floor), 12, floor) + _word(scale.at(scale.neutral), 66, neutral)
    reach = _bar("reach", deciding, scale, 35, 1.5)
    return _drawing(bounds, scale, endpoint.standing, label, top=20, height=30, more=reach + words, whole=74)


def _drawing(
    bounds: Bounds,
    scale: Scale,
    standing: Standing,
    label: str,
    *,
    top: int,
    height: int,
    more: str = "",
    whole: int = 0,
) -> str:
    floor, neutral, mean = (scale.at(value) for value in (scale.floor, scale.neutral, bounds.mean))
    middle = top + height / 2
    bar = _bar("bar", bounds, scale, middle, 6)
    return (
        f'<svg class="interval {standing}" role="img" aria-label="{text(label)}" width="100%" '
        f'height="{whole or top + height + 2}">'
        f'<rect class="under" x="0" width="{floor}%" y="{top}" height="{height}"/>'
        f'<rect class="over" x="{floor}%" width="{round(100 - floor, 2)}%" y="{top}" height="{height}"/>'
        f"{_line('margin', floor, top, height)}{_line('neutral', neutral, top, height)}{bar}"
        f'<circle class="mean" cx="{mean}%" cy="{middle:g}" r="4.5"/>{more}</svg>'
    )


def _bar(kind: str, bounds: Bounds, scale: Scale, middle: float, height: float) -> str:
    if not (math.isfinite(bounds.lower) and math.isfinite(bounds.upper)):
        return ""
    lower, upper = scale.at(bounds.lower), scale.at(bounds.upper)
    width, top = round(upper - lower, 2), middle - height / 2
    return f'<rect class="{kind}" x="{lower}%" width="{width}%" y="{top:g}" height="{height:g}"/>'


def _line(kind: str, at: float, top: int, height: int) -> str:
    return f'<line class="{kind}" x1="{at}%" x2="{at}%" y1="{top}" y2="{top + height}"/>'


def _word(at: float, y: int, words: str) -> str:
    """Words beside a line, on the side that has more room."""
    anchor, shift = ("start", -1) if at < 50 else ("end", 1)
    return f'<text x="{at}%" dx="{shift}" y="{y}" text-anchor="{anchor}">{text(words)}</text>'
