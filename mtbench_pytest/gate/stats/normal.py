"""The chance that two figures, which move together, both lie above a line: the bivariate normal."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from mtbench_pytest.gate.stats.bounds import Moments

_STEPS = 128  # of Simpson's rule; the integrand is smooth
_MOST = 0.999  # of a correlation: at 1 the density lies on a line


def above(z: float) -> float:
    """The chance that a standard normal value lies above `z`."""
    return math.erfc(z / math.sqrt(2)) / 2


def both_above(x: float, y: float, correlation: float) -> float:
    """The chance that of two standard normal values the first lies above `x` and the second above `y`.

    P(X > x) · P(Y > y) + 1 / 2π · ∫ exp(-(x² + y² - 2xy sin θ) / (2 cos² θ)) dθ, from 0 to the arcsine of the
    correlation. Source: Plackett 1954, A reduction formula for normal multivariate integrals, Biometrika 41;
    with θ for the correlation as in Genz 2004, Statistics and Computing 14.

    Args:
        correlation: From -1 to 1.
    """
    if math.isinf(x) or math.isinf(y):
        return above(x) * above(y)
    end = math.asin(max(-_MOST, min(correlation, _MOST)))
    step = end / _STEPS

    def density(angle: float) -> float:
        sine, cosine = math.sin(angle), math.cos(angle)
        return math.exp(-(x * x + y * y - 2 * x * y * sine) / (2 * cosine * cosine))

    inner = math.fsum((4 if n % 2 else 2) * density(n * step) for n in range(1, _STEPS))
    integral = (density(0) + inner + density(end)) * step / 3
    return min(1.0, max(0.0, above(x) * above(y) + integral / (2 * math.pi)))


def correlation(first: Sequence[float], second: Sequence[float], strata: Sequence[Hashable] = ()) -> float:
    """Pearson's correlation of two values a question, within strata as `Moments.of` takes them.

    The variance of the sum of two standardized values is 2 + 2r, that of their difference 2 - 2r.

    Returns:
        Not a number where either of them does not vary.
    """
    sds = [Moments.of(values, strata).sd for values in (first, second)]
    if not min(sds) > 0:
        return math.nan
    pairs = [(x / sds[0], y / sds[1]) for x, y in zip(first, second, strict=True)]
    summed, less = (Moments.of([x + sign * y for x, y in pairs], strata).variance for sign in (1, -1))
    return (summed - less) / 4
