"""How much a number of questions can show, and how many questions a difference needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from mtbench_pytest.gate.stats.bounds import CONFIDENCE, Moments, t_quantile

MOST = 1_000_000


def questions_needed(moments: Moments, enough: Callable[[Moments], bool], most: int = MOST) -> int | None:
    """How many questions would be enough, if mean, spread and skewness stay as they are.

    Args:
        moments: What was seen.
        enough: Whether so many of it are; where they are, more are too.
        most: Where to give up.

    Returns:
        The smallest number from 2 up; None where there is none up to `most`.
    """
    return _smallest(lambda n: enough(replace(moments, n=n)), most)


def smallest_difference(
    sd: float, n: int, power: float = 0.8, alpha: float = 1 - CONFIDENCE, strata: int = 1
) -> float:
    """The smallest true difference that a one-sided t-test of n questions sees with the given power.

    With the gate's `pass_alpha` it is the margin that a candidate as good as the baseline passes with this
    power; with the alpha of a regression, the true drop that is found with this power.
    Source: Cohen (1988), Statistical power analysis for the behavioral sciences, ch. 2, by noncentral t.

    Args:
        sd: Standard deviation of the differences by question, within strata.
        n: Questions.
        power: Chance of seeing it.
        alpha: Of the one-sided test.
        strata: How many means the spread is taken around: see `Moments.of`.

    Returns:
        In the unit of `sd`; infinite where there are not more questions than strata.
    """
    degrees = n - strata
    if degrees < 1:
        return math.inf
    from scipy.special import nctdtrinc

    # The noncentrality d·√n/sd at which the statistic exceeds the critical value with the power wanted.
    noncentrality = float(nctdtrinc(degrees, 1 - power, t_quantile(1 - alpha, degrees)))
    return noncentrality * sd / math.sqrt(n)


def questions_to_see(
    sd: float,
    difference: float,
    power: float = 0.8,
    alpha: float = 1 - CONFIDENCE,
    strata: int = 1,
    most: int = MOST,
) -> int | None:
    """How many questions a true difference needs to be seen with the given power: see `smallest_difference`.

    Returns:
        None where not even `most` questions are enough.
    """
    if not difference > 0 or not math.isfinite(sd):
        return None
    return _smallest(lambda n: smallest_difference(sd, n, power, alpha, strata) <= difference, most)


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
