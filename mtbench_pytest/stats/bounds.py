"""Bounds of a mean over questions. Pure numerics: the question is the unit, never a turn or a game."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

from mtbench_pytest.decision import Bounds

CONFIDENCE = 0.95


def t_bounds(values: Sequence[float], confidence: float = CONFIDENCE) -> Bounds:
    """One-sided bounds of a mean by Student's t: mean ± t(confidence, n - 1) · sd / √n.

    Source: Student (1908), The probable error of a mean, Biometrika 6(1); any text on paired differences.

    Args:
        values: One a question, in points or as a share.
        confidence: Of each bound on its own.

    Returns:
        Bounds in the unit of the values; infinite for fewer than two values.
    """
    n = len(values)
    mean = math.fsum(values) / n if n else math.nan
    if n < 2:
        return Bounds(n, mean, math.nan, -math.inf, math.inf)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = t_quantile(confidence, n - 1) * sd / math.sqrt(n)
    return Bounds(n, mean, sd, mean - half, mean + half)


def t_quantile(probability: float, degrees: int) -> float:
    """Quantile of Student's t."""
    # scipy.special alone loads in a tenth of the time of scipy.stats.
    from scipy.special import stdtrit

    return float(stdtrit(degrees, probability))


@cache
def warm_up() -> None:
    """Imports what a decision needs, a third of a second's work, at a time when nobody waits for it."""
    t_quantile(CONFIDENCE, 1)
