"""A share with bounds that hold where its cases come in clusters, one a question, and where it is 0 or 1."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from mtbench_pytest.gate.stats import CONFIDENCE, t_quantile


@dataclass(frozen=True, slots=True)
class Share:
    """A share of cases.

    Attributes:
        hits: Cases that count.
        n: All cases.
        clusters: Questions they come from.
        lower: One-sided lower bound, from 0 to 1.
        upper: One-sided upper bound.
    """

    hits: int
    n: int
    clusters: int
    lower: float
    upper: float

    @property
    def value(self) -> float:
        """The share, from 0 to 1; nan where there is no case."""
        return self.hits / self.n if self.n else math.nan


def clustered_share(counts: Iterable[tuple[int, int]], confidence: float = CONFIDENCE) -> Share:
    """A share of cases that are alike within a question, with one-sided bounds.

    Wilson's bounds with the effective number of cases n / d in place of n. The design effect d is the
    variance between questions, m / (m - 1) · Σ (hits - share · cases)² / n², over share · (1 - share) / n;
    it lies between 1 (the cases of a question have nothing in common) and Σ cases² / n (they are all the
    same). The latter is taken where the share is 0 or 1, whose variance says nothing: the bounds are then
    those of so many questions. Few questions widen the bounds, by (z / t(m - 1))².
    Sources: Wilson 1927, Probable inference, JASA 22; Rao and Scott 1992, A simple method for the analysis
    of clustered binary data, Biometrics 48; Korn and Graubard 1998, Survey Methodology 24, for the last
    factor; Franco et al. 2019, J. Survey Statistics and Methodology 7, who compare seven intervals of this
    kind and recommend this one.

    Args:
        counts: By question the cases that count, and all of its cases.
        confidence: Of each bound on its own.

    Returns:
        The bounds are 0 and 1 for fewer than two questions.
    """
    clusters = [(hits, cases) for hits, cases in counts if cases]
    hits, n = sum(hits for hits, _ in clusters), sum(cases for _, cases in clusters)
    if len(clusters) < 2:
        return Share(hits, n, len(clusters), 0.0, 1.0)
    z = NormalDist().inv_cdf(confidence)
    few = (z / t_quantile(confidence, len(clusters) - 1)) ** 2
    lower, upper = wilson(hits / n, few * n / design_effect(clusters, hits / n), z)
    return Share(hits, n, len(clusters), lower, upper)


def design_effect(clusters: Sequence[tuple[int, int]], share: float) -> float:
    """How many times as large the variance is as that of cases that have nothing in common.

    Args:
        clusters: By question the cases that count, and all of its cases.
        share: Of all cases.

    Returns:
        From 1 to Σ cases² / n: see `clustered_share`.
    """
    m, n = len(clusters), sum(cases for _, cases in clusters)
    most = sum(cases**2 for _, cases in clusters) / n
    if share in (0.0, 1.0):
        return most
    between = m / (m - 1) * math.fsum((hits - share * cases) ** 2 for hits, cases in clusters) / n**2
    return min(max(between / (share * (1 - share) / n), 1.0), most)


def wilson(share: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's bounds of a share (1927, Probable inference, JASA 22).

    Args:
        share: From 0 to 1.
        n: The effective number of cases.
        z: The normal quantile of the confidence of each bound.
    """
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # At 0 and 1 rounding may leave the bound a hair outside.
    return max(0.0, middle - half), min(1.0, middle + half)
