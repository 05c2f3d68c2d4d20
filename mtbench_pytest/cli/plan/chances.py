"""How a run will end, by the bench, the judge and the margins at hand: its chances before it is made.

Grades and win rate pass or fail together more often than apart, so their chances are joint: the two means
are taken as bivariate normal, with the correlation that the two values have from question to question. The
bounds are the gate's own, at the spread that is expected and without skewness. What else can end a run is
left out: collapses, a judge that is not fit, critical categories (`findings/critical_chance.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mtbench_pytest.cli.plan.power import Noise, Reach
from mtbench_pytest.gate.decision import LEVELS, Levels
from mtbench_pytest.gate.endpoints import ESTIMATE, NEUTRAL
from mtbench_pytest.gate.stats import Estimate, Moments, above, both_above

HALF_A_POINT = 0.5
ITS_WIN_RATE = 0.13  # how far the win rate lies under one half there: benchmarks/win_rates.py
_LEAST_DEGREES = 10  # of freedom, from which a mean is near enough to normal
_RANGE = {"grade": (-9.0, 9.0), "win rate": (0.0, 1.0)}
_HALVINGS = 40
_LEAST_VARIANCE = 1e-6  # where nearly all is won or lost


@dataclass(frozen=True, slots=True)
class Chances:
    """How a run will end; a chance that cannot be told is None.

    Attributes:
        equal_passes: That a candidate as good as the baseline passes.
        half_a_point_passes: That one half a point lower passes, whose win rate is lower by what goes with it.
        one_point_caught: That one a point lower is a REGRESSION.
        correlation: Of grade differences and scores; None without pairwise comparison.
        why_not: Why there are no chances, or "".
    """

    equal_passes: float | None = None
    half_a_point_passes: float | None = None
    one_point_caught: float | None = None
    correlation: Noise | None = None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class _Lines:
    """Where an endpoint's observed mean must lie.

    Attributes:
        passes: Above it the endpoint is non-inferior.
        regressed: Below it the endpoint is a regression.
    """

    found: Reach
    passes: float
    regressed: float

    def z(self, line: float, lower: float) -> float:
        """A line, in standard errors from the true value of a candidate so many points lower."""
        a_point = 1.0 if self.found.endpoint == "grade" else ITS_WIN_RATE / HALF_A_POINT
        mean = NEUTRAL[self.found.endpoint] - lower * a_point
        return (line - mean) / math.sqrt(_variance(self.found, mean) / self.found.questions)


def chances(
    reaches: Sequence[Reach], strata: int, ways: int, correlation: Noise, levels: Levels = LEVELS
) -> Chances:
    """How a run will end.

    Args:
        reaches: Of grades, and of the win rate where it is an endpoint; with the margins that count.
        strata: How many means the spread is taken around: see `Moments.of`.
        ways: How many ways to a regression share its error rate.
        correlation: Of grade differences and scores.
        levels: Of the decision; of a run that may stop early those of its last look.
    """
    degrees = reaches[0].questions - strata
    if degrees < _LEAST_DEGREES:
        need = strata + _LEAST_DEGREES
        return Chances(why_not=f"{reaches[0].questions} questions are too few to tell; it takes {need}")
    lines = [_lines(found, strata, ways, levels) for found in reaches]

    def beyond(name: Callable[[_Lines], float], lower: float) -> float:
        return _all_above([one.z(name(one), lower) for one in lines], correlation.sd)

    return Chances(
        equal_passes=beyond(lambda one: one.passes, 0),
        half_a_point_passes=beyond(lambda one: one.passes, HALF_A_POINT),
        one_point_caught=1 - beyond(lambda one: one.regressed, 2 * HALF_A_POINT),
        correlation=correlation if len(lines) > 1 else None,
    )


def _all_above(lines: Sequence[float], correlation: float) -> float:
    return above(lines[0]) if len(lines) == 1 else both_above(lines[0], lines[1], correlation)


def _lines(found: Reach, strata: int, ways: int, levels: Levels) -> _Lines:
    neutral, estimate = NEUTRAL[found.endpoint], ESTIMATE[found.endpoint]

    def seen(mean: float) -> Estimate:
        return estimate(Moments(found.questions, mean, _variance(found, mean), 0.0, strata))

    least, most = _RANGE[found.endpoint]
    line, confidence = neutral - found.margin.margin, 1 - levels.regression_alpha / ways
    passes = _first(lambda mean: seen(mean).lower(1 - levels.pass_alpha) > line, least, most)
    regressed = _first(lambda mean: seen(mean).upper(confidence) >= neutral, least, most)
    # An endpoint that is non-inferior is no regression, however small its spread.
    return _Lines(found, passes, min(regressed, passes))


def _variance(found: Reach, mean: float) -> float:
    """Of the values by question where their mean is so much: see `reach.spread`."""
    variance = found.noise.sd**2
    return variance if found.endpoint == "grade" else max(variance - (mean - 0.5) ** 2, _LEAST_VARIANCE)


def _first(holds: Callable[[float], bool], least: float, most: float) -> float:
    """From where on it holds, of what holds for larger means too; infinite where it holds for none."""
    if holds(least):
        return -math.inf
    if not holds(most):
        return math.inf
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        least, most = (least, middle) if holds(middle) else (middle, most)
    return most
