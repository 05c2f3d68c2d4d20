"""A control variate: what is known of every question of the bench narrows bounds made after some of them.

The grades of a blessed baseline are known on all N questions before the first answer of the candidate. Where
the baseline did better on the n questions judged so far than it does on the bench, the mean difference so far
is too low by about the slope of the difference on the baseline's grade, times that much (Cochran 1977,
Sampling techniques, 3rd ed., chapter 12: regression with double sampling). What is estimated stays the mean
over questions such as these, not over these N: the variance of the known mean itself remains.

Each question's slope is fitted on the others alone, so that no difference has a part in its own adjustment
and the mean is unbiased whether or not the relation is a straight line. `benchmarks/control_variate.py` has
the coverage.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean
from typing import Any

from mtbench_pytest.gate.stats.bounds import LEAST_STRATUM, Moments, parts_of

# What the slope is taken to be before anything is seen, and how many questions that counts for. Of two models
# that are graded alike, the one shows about half of what the other has above its category's mean.
_USUAL, _WORTH = -0.5, 32


@dataclass(frozen=True)
class ControlVariate:
    """What is known of all questions of a bench.

    Attributes:
        values: By question, the baseline's grade in points.
        strata: By question, its category.
    """

    values: Mapping[Any, float]
    strata: Mapping[Any, Hashable]

    def moments(self, differences: Mapping[Any, float]) -> Moments | None:
        """The moments of the differences with the variate's part taken out.

        Args:
            differences: In points, by question.

        Returns:
            None where nothing is gained or too little is known: all questions are judged, or a category has
            too few to have a spread of its own.
        """
        asked = list(differences)
        strata = [self.strata[question] for question in asked]
        parts = parts_of(len(asked), strata)
        if len(asked) >= len(self.values) or min(map(len, parts), default=0) < LEAST_STRATUM:
            return None
        if len(parts) < len(set(strata)):
            return None
        away = [self.values[question] - self._means[self.strata[question]] for question in asked]
        slopes = self._slopes(list(differences.values()), away, parts)
        adjusted = [
            difference - slope * far
            for difference, slope, far in zip(differences.values(), slopes, away, strict=True)
        ]
        found = Moments.of(adjusted, strata)
        # The known means are of N questions, and would be others of other N.
        known = fmean(slopes) ** 2 * self._spread / len(self.values)
        return replace(found, variance=found.variance + found.n * known)

    def _slopes(self, values: list[float], away: list[float], parts: list[list[int]]) -> list[float]:
        """Each question's slope of the difference on the variate, fitted within strata on the others."""
        far, off, left_out = ([0.0] * len(values) for _ in range(3))
        for part in parts:
            centre, middle = fmean(away[i] for i in part), fmean(values[i] for i in part)
            for i in part:
                far[i], off[i] = away[i] - centre, values[i] - middle
                # How much more than its own term a sum loses without it: the stratum's means move too.
                left_out[i] = len(part) / (len(part) - 1)
        prior = _WORTH * self._spread
        squares = sum(x * x for x in far) + prior
        products = sum(x * y for x, y in zip(far, off, strict=True)) + prior * _USUAL
        if not prior:
            return [_USUAL] * len(values)  # where all grades are alike no slope matters
        return [
            (products - k * x * y) / (squares - k * x * x) for k, x, y in zip(left_out, far, off, strict=True)
        ]

    @cached_property
    def _means(self) -> Mapping[Hashable, float]:
        found: dict[Hashable, list[float]] = defaultdict(list)
        for question, value in self.values.items():
            found[self.strata[question]].append(value)
        return {stratum: fmean(values) for stratum, values in found.items()}

    @cached_property
    def _spread(self) -> float:
        """The variance within strata of all that is known."""
        strata = [self.strata[question] for question in self.values]
        return Moments.of(list(self.values.values()), strata).variance
