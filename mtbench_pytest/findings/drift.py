"""Whether a judge still grades as it did: some answers that it graded before are graded again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.99
LEAST = 2  # answers: one difference has no spread


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a judge's grades of today lie from those it gave when a baseline was blessed.

    Attributes:
        asked: Answers that were to be graded again.
        n: Of these, graded.
        shift: Mean of new less old grade, in points; nan where none was graded.
        lower: Bound of the shift, two-sided at `CONFIDENCE`.
        upper: The other one.
    """

    asked: int
    n: int
    shift: float
    lower: float
    upper: float

    @property
    def known(self) -> bool:
        """Whether enough answers were graded to tell."""
        return self.n >= LEAST

    @property
    def beyond(self) -> bool:
        """Whether the shift is more than noise explains."""
        return self.known and not self.lower <= 0 <= self.upper


def measure(pairs: Sequence[tuple[float, float]], asked: int, noise: float = 0.0) -> Drift:
    """The shift between old and new grades of the same answers.

    Its standard error comes from the paired differences, by Student's t: that holds whatever the judge's
    noise is, and covers changes from answer to answer too. Where the judge's own noise is known it is no
    smaller than that: a few differences that happen to be alike would else pass for certainty.
    Source: Student (1908), The probable error of a mean, Biometrika 6(1).

    Args:
        pairs: Old and new grade of each answer, means over its turns.
        asked: Answers that were to be graded again.
        noise: Standard deviation of one such difference under an unmoved judge, where it is known.
    """
    from mtbench_pytest.gate.stats import t_quantile

    n = len(pairs)
    differences = [new - old for old, new in pairs]
    shift = math.fsum(differences) / n if n else math.nan
    if n < LEAST:
        return Drift(asked, n, shift, -math.inf, math.inf)
    sd = math.sqrt(math.fsum((difference - shift) ** 2 for difference in differences) / (n - 1))
    tail = (1 + CONFIDENCE) / 2
    half = max(t_quantile(tail, n - 1) * sd, t_quantile(tail, 10**6) * noise) / math.sqrt(n)
    return Drift(asked, n, shift, shift - half, shift + half)
