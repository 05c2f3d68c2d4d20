"""One-sided bounds of a mean over questions, for grade differences and for win rates.

Which method was a matter of measuring: `benchmarks/bounds.py` has the coverage of these and of others.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from mtbench_pytest.gate.decision import Bounds

CONFIDENCE = 0.95
LEAST_STRATUM = 4  # values from which a category has a spread of its own
_BELIEVED = 2 / 3  # skewness / √n times a quantile: at 1 the cubic is flat


@dataclass(frozen=True, slots=True)
class Moments:
    """What bounds of a mean need to know of the values.

    Attributes:
        n: Values, one a question.
        mean: Their mean; nan for none.
        variance: Their variance within strata, without bias: Σ (value - its stratum's mean)² / (n - strata);
            nan where there are not more values than strata.
        third: Their third central moment within strata, without bias; 0 where no stratum has three values.
        strata: How many means were taken from the values; 1 where all are one stratum.
    """

    n: int
    mean: float
    variance: float
    third: float
    strata: int = 1

    @classmethod
    def of(cls, values: Sequence[float], strata: Sequence[Hashable] = ()) -> Moments:
        """The moments of values in points or as shares.

        A bench is the same categories in the same proportions whatever its questions are, so that what
        differs from category to category does not make the mean uncertain: the spread is taken within
        categories (stratified sampling: Cochran 1977, Sampling techniques, 3rd ed., section 5.9, with one
        pooled variance). Categories of fewer than `LEAST_STRATUM` values are one stratum together.

        Args:
            values: One a question.
            strata: The category of each; none for values that are all of one.
        """
        n = len(values)
        if not n:
            return cls(0, math.nan, math.nan, math.nan)
        parts = [[values[i] for i in part] for part in parts_of(n, strata)]
        squares = cubes = freedom = 0.0
        for part in parts:
            mean, m = math.fsum(part) / len(part), len(part)
            squares += math.fsum((value - mean) ** 2 for value in part)
            cubes += math.fsum((value - mean) ** 3 for value in part)
            # Of m values E Σ (value - mean)³ is (m - 1)(m - 2) / m of their third moment.
            freedom += (m - 1) * (m - 2) / m
        spread = squares / (n - len(parts)) if n > len(parts) else math.nan
        return cls(n, math.fsum(values) / n, spread, cubes / freedom if freedom else 0.0, len(parts))

    @property
    def degrees(self) -> int:
        """Of freedom, of the variance."""
        return self.n - self.strata

    @property
    def bounded(self) -> bool:
        """Whether there is enough to bound the mean."""
        return self.degrees > 0

    @property
    def sd(self) -> float:
        """The standard deviation within strata; nan where there are too few values."""
        return math.sqrt(self.variance)


def parts_of(n: int, strata: Sequence[Hashable]) -> list[list[int]]:
    """The places of n values by stratum; small strata are one together, or join the smallest large one."""
    if not strata:
        return [list(range(n))]
    found: dict[Hashable, list[int]] = {}
    for place, stratum in zip(range(n), strata, strict=True):
        found.setdefault(stratum, []).append(place)
    large = [part for part in found.values() if len(part) >= LEAST_STRATUM]
    rest = [place for part in found.values() if len(part) < LEAST_STRATUM for place in part]
    if large and 0 < len(rest) < LEAST_STRATUM:
        min(large, key=len).extend(rest)
    elif rest:
        large.append(rest)
    return large


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
        if not self.moments.bounded:
            return -math.inf
        return max(self.least, self.centre - self.error * self._bent(self._t(confidence)))

    def upper(self, confidence: float = CONFIDENCE) -> float:
        """The one-sided upper bound."""
        if not self.moments.bounded:
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
        bend = max(-most, min(self.skew / math.sqrt(self.moments.n), most))
        if abs(bend) < 1e-6:
            return q
        return 3 / bend * (math.cbrt(1 + bend * (q - bend / 6)) - 1)


def mean_difference(moments: Moments) -> Estimate:
    """The mean grade difference, in points.

    Its spread is taken as if two more questions lay one point, the step of a grade, to either side of the
    mean. Of many questions that changes nothing; of few that are alike it says that others might not be: no
    number of equal differences has bounds of no width.
    """
    degrees = moments.degrees
    if degrees < 1:
        return Estimate(moments, moments.mean, math.inf, 0, 0.0, -9.0, 9.0)
    variance = moments.variance + 2 / degrees
    skew = moments.third / variance**1.5
    error = math.sqrt(variance / moments.n)
    return Estimate(moments, moments.mean, error, degrees, skew, -9.0, 9.0)


def win_rate(moments: Moments) -> Estimate:
    """The win rate, as a share: Student's t with half a win and half a loss added.

    All wins, and all ties, then have bounds with a width. Source: Agresti & Coull (1998), Approximate is
    better than "exact", Am. Statist. 52(2); the halves are those that Agresti & Min (2005), Simple improved
    confidence intervals for comparing matched proportions, Statist. Med. 24(5), add to each count.
    """
    if moments.degrees < 1:
        return Estimate(moments, moments.mean, math.inf, 0, 0.0, 0.0, 1.0)
    n, degrees = moments.n + 1, moments.degrees + 1
    centre = (moments.n * moments.mean + 0.5) / n
    squares = moments.variance * moments.degrees + moments.n * (moments.mean - centre) ** 2
    squares += 0.5 * centre**2 + 0.5 * (1 - centre) ** 2
    return Estimate(moments, centre, math.sqrt(squares / degrees / n), degrees, 0.0, 0.0, 1.0)


def t_quantile(probability: float, degrees: float) -> float:
    """Quantile of Student's t."""
    # scipy.special alone loads in a tenth of the time of scipy.stats.
    from scipy.special import stdtrit

    return float(stdtrit(degrees, probability))
