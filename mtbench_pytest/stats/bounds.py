"""One-sided bounds of a mean over questions, for grade differences and for win rates.

Which method was a matter of measuring: `benchmarks/bounds.py` has the coverage of these and of others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from mtbench_pytest.decision import Bounds

CONFIDENCE = 0.95
_BELIEVED = 2 / 3  # skewness / √n times a quantile: at 1 the cubic is flat


@dataclass(frozen=True, slots=True)
class Moments:
    """What bounds of a mean need to know of the values.

    Attributes:
        n: Values, one a question.
        mean: Their mean; nan for none.
        variance: Their mean squared deviation, divided by n.
        third: Their mean cubed deviation.
    """

    n: int
    mean: float
    variance: float
    third: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Moments:
        """The moments of values in points or as shares."""
        n = len(values)
        if not n:
            return cls(0, math.nan, math.nan, math.nan)
        mean = math.fsum(values) / n
        deviations = [value - mean for value in values]
        squares = math.fsum(deviation**2 for deviation in deviations)
        return cls(n, mean, squares / n, math.fsum(deviation**3 for deviation in deviations) / n)

    @property
    def sd(self) -> float:
        """The sample standard deviation; nan for fewer than two values."""
        return math.sqrt(self.variance * self.n / (self.n - 1)) if self.n > 1 else math.nan


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean that can be bounded.

    Attributes:
        moments: Of the values.
        centre: What the bounds lie around.
        error: The standard error of the centre.
        degrees: Of freedom, of Student's t.
        skew: Of the values; 0 where the bounds lie as far below as above.
        least: What no mean can lie under.
        most: What no mean can lie above.
    """

    moments: Moments
    centre: float
    error: float
    degrees: float
    skew: float
    least: float
    most: float

    def lower(self, confidence: float = CONFIDENCE) -> float:
        """The one-sided lower bound; infinite for fewer than two values."""
        if self.moments.n < 2:
            return -math.inf
        return max(self.least, self.centre - self.error * self._bent(self._t(confidence)))

    def upper(self, confidence: float = CONFIDENCE) -> float:
        """The one-sided upper bound."""
        if self.moments.n < 2:
            return math.inf
        return min(self.most, self.centre - self.error * self._bent(-self._t(confidence)))

    @property
    def bounds(self) -> Bounds:
        """Both at 95 %, for display."""
        moments = self.moments
        return Bounds(moments.n, moments.mean, moments.sd, self.lower(), self.upper())

    def _t(self, confidence: float) -> float:
        return t_quantile(confidence, self.degrees)

    def _bent(self, q: float) -> float:
        """The quantile of (centre - true mean) / error for one of Student's t.

        A cubic takes the skewness away; the quantile goes back through it. Where one answer alone makes the
        skewness the cubic has a flat spot, from which the way back leads any number of errors far: no more
        skewness is believed than puts a bound one and a half times as far as Student's.
        Source: Hall (1992), On the removal of skewness by transformation, JRSS B 54(1), with t's quantile for
        the normal one, as Johnson (1978), Modified t tests and confidence intervals, JASA 73(363), has it.
        """
        most = _BELIEVED / max(abs(q), 1.0)
        bend = max(-most, min(self.skew / math.sqrt(self.degrees + 1), most))
        if abs(bend) < 1e-6:
            return q
        return 3 / bend * (math.cbrt(1 + bend * (q - bend / 6)) - 1)


def mean_difference(moments: Moments) -> Estimate:
    """The mean grade difference, in points.

    Its spread is taken as if two more questions lay one point, the step of a grade, to either side of the
    mean. Of many questions that changes nothing; of few that are alike it says that others might not be: no
    number of equal differences has bounds of no width.
    """
    n = moments.n
    if n < 2:
        return Estimate(moments, moments.mean, math.inf, 0, 0.0, -9.0, 9.0)
    variance = moments.variance + 2 / n
    # Fisher's G1: a small sample shows less skewness than there is.
    skew = moments.third / variance**1.5 * math.sqrt(n * (n - 1)) / (n - 2) if n > 2 else 0.0
    return Estimate(moments, moments.mean, math.sqrt(variance / (n - 1)), n - 1, skew, -9.0, 9.0)


def win_rate(moments: Moments) -> Estimate:
    """The win rate, as a share: Student's t with half a win and half a loss added.

    All wins, and all ties, then have bounds with a width. Source: Agresti & Coull (1998), Approximate is
    better than "exact", Am. Statist. 52(2); the halves are those that Agresti & Min (2005), Simple improved
    confidence intervals for comparing matched proportions, Statist. Med. 24(5), add to each count.
    """
    if moments.n < 2:
        return Estimate(moments, moments.mean, math.inf, 0, 0.0, 0.0, 1.0)
    n = moments.n + 1
    centre = (moments.n * moments.mean + 0.5) / n
    squares = moments.n * (moments.variance + (moments.mean - centre) ** 2)
    squares += 0.5 * centre**2 + 0.5 * (1 - centre) ** 2
    return Estimate(moments, centre, math.sqrt(squares / n / (n - 1)), n - 1, 0.0, 0.0, 1.0)


def t_quantile(probability: float, degrees: float) -> float:
    """Quantile of Student's t."""
    # scipy.special alone loads in a tenth of the time of scipy.stats.
    from scipy.special import stdtrit

    return float(stdtrit(degrees, probability))


@cache
def warm_up() -> None:
    """Imports what a decision needs, a third of a second's work, at a time when nobody waits for it."""
    t_quantile(CONFIDENCE, 1)
