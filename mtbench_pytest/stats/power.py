"""How much a number of questions can show, and how many questions a difference needs."""

from __future__ import annotations

import math
from collections.abc import Callable

from mtbench_pytest.decision import Bounds
from mtbench_pytest.stats.bounds import CONFIDENCE, t_quantile

MOST = 1_000_000


def questions_needed(
    bounds: Bounds, distance: float, confidence: float = CONFIDENCE, most: int = MOST
) -> int | None:
    """How many questions bring a bound within a distance of the mean, if mean and sd stay as they are.

    Args:
        bounds: What was seen.
        distance: From the mean to the value the bound must pass, in the unit of the values.
        confidence: Of the bound.
        most: Where to give up.

    Returns:
        The smallest n with t(confidence, n - 1) · sd / √n < distance; None where there is none up to `most`.
    """
    if not distance > 0 or not math.isfinite(bounds.sd):
        return None
    return _smallest(lambda n: t_quantile(confidence, n - 1) * bounds.sd / math.sqrt(n) < distance, most)


def smallest_difference(sd: float, n: int, power: float = 0.8, alpha: float = 1 - CONFIDENCE) -> float:
    """The smallest true difference that a one-sided t-test of n questions sees with the given power.

    With the gate's `pass_alpha` it is the margin that a candidate as good as the baseline passes with this
    power; with the alpha of a regression, the true drop that is found with this power.
    Source: Cohen (1988), Statistical power analysis for the behavioral sciences, ch. 2, by noncentral t.

    Args:
        sd: Standard deviation of the differences by question.
        n: Questions.
        power: Chance of seeing it.
        alpha: Of the one-sided test.

    Returns:
        In the unit of `sd`; infinite for fewer than two questions.
    """
    if n < 2:
        return math.inf
    from scipy.special import nctdtrinc

    # The noncentrality d·√n/sd at which the statistic exceeds the critical value with the power wanted.
    noncentrality = float(nctdtrinc(n - 1, 1 - power, t_quantile(1 - alpha, n - 1)))
    return noncentrality * sd / math.sqrt(n)


def questions_to_see(
    sd: float, difference: float, power: float = 0.8, alpha: float = 1 - CONFIDENCE, most: int = MOST
) -> int | None:
    """How many questions a true difference needs to be seen with the given power: see `smallest_difference`.

    Returns:
        None where not even `most` questions are enough.
    """
    if not difference > 0 or not math.isfinite(sd):
        return None
    return _smallest(lambda n: smallest_difference(sd, n, power, alpha) <= difference, most)


def _smallest(enough: Callable[[int], bool], most: int) -> int | None:
    """The smallest number from 2 up that is enough, where more are enough too; None above `most`."""
    high = 2
    while not enough(high):
        if high >= most:
            return None
        high = min(2 * high, most)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if middle > 1 and enough(middle) else (middle, high)
    return high
