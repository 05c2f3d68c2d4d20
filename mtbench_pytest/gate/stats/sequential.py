"""Several looks at one run: the level of each look's test, so that the run as a whole keeps its error rate.

Pure numerics. The test of a mean, made after more and more questions, is a path looked at now and then: at a
share t of all questions its standardised sum is normal with variance t, and its steps are independent. Who
tests at a two-sided 5 % in each of ten looks is wrong in 19 % of the runs where nothing is wrong (Armitage,
McPherson & Rowe 1969, Repeated significance tests on accumulating data, JRSS A 132(2)). So each look spends a
part of the rate, and the parts add up (Lan & DeMets 1983, Discrete sequential boundaries for clinical trials,
Biometrika 70(3)).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

Spending = Callable[[float], float]
"""The share of the error rate that is spent when a share of the questions is judged: from 0 to 1, rising."""

_NODES = 200  # of the integration over where a path may be; a step is never shorter than a few of them
_FAR = 8.0  # standard deviations beyond which no path is looked for
_HALVINGS = 60


def hwang(gamma: float) -> Spending:
    """The family of Hwang, Shih & De Cani (1990), Statistics in Medicine 9(12): (1 - e^-gt) / (1 - e^-g).

    Args:
        gamma: The g of the formula. Larger spends earlier: 1 is much like Pocock's equal levels, -4 like
            O'Brien and Fleming's.
    """

    def spent(share: float) -> float:
        return share if gamma == 0 else math.expm1(-gamma * share) / math.expm1(-gamma)

    return spent


def look_levels(shares: Sequence[float], alpha: float, spending: Spending) -> tuple[float, ...]:
    """One-sided nominal levels for looks that together reject a true hypothesis with probability alpha.

    A statistic that is not normal is tested at the same levels by its own quantiles, Student's t at n - 1
    degrees (Jennison & Turnbull 2000, Group Sequential Methods: the significance level approach).

    Args:
        shares: Of all questions, those judged at each look, rising; the last is 1 where it is at all of them.
        alpha: From 0 to 1.
        spending: Spends alpha over the shares.

    Returns:
        A level for each look; 0 where a look has nothing to spend.
    """
    from scipy.special import ndtr

    levels = []
    path = _Path()
    before = 0.0
    for share in shares:
        now = alpha * spending(share)
        bound = path.bound(share, now - before)
        before = now
        levels.append(float(ndtr(-bound / math.sqrt(share))))
        path.cut(share, bound)
    return tuple(levels)


def crossings(shares: Sequence[float], levels: Sequence[float], drift: float = 0.0) -> tuple[float, ...]:
    """The probability that each look is the first to reject.

    Args:
        shares: As in `look_levels`.
        levels: One-sided, nominal, one a look.
        drift: The mean of the statistic at share 1, in standard errors: 0 where the hypothesis is true.
    """
    from scipy.special import ndtri

    found = []
    path = _Path(drift)
    for share, level in zip(shares, levels, strict=True):
        bound = -float(ndtri(level)) * math.sqrt(share)
        found.append(path.beyond(share, bound))
        path.cut(share, bound)
    return tuple(found)


class _Path:
    """Where a path may be that crossed no bound so far: the recursion of Armitage, McPherson & Rowe."""

    def __init__(self, drift: float = 0.0) -> None:
        import numpy as np

        self._drift = drift
        self._share = 0.0
        self._at = np.zeros(1)
        self._mass = np.ones(1)

    def beyond(self, share: float, bound: float) -> float:
        """The probability that it first crosses a bound at the share."""
        from scipy.special import ndtr

        step = share - self._share
        above = ndtr((self._at + self._drift * step - bound) / math.sqrt(step))
        return float(self._mass @ above)

    def bound(self, share: float, probability: float) -> float:
        """The bound that it first crosses with a probability."""
        low, high = -_FAR * math.sqrt(share), _FAR * math.sqrt(share)
        if self.beyond(share, high) >= probability:
            return math.inf
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if self.beyond(share, middle) > probability else (low, middle)
        return high

    def cut(self, share: float, bound: float) -> None:
        """Goes on to the share, and only with what stays under the bound."""
        import numpy as np

        step = share - self._share
        centre, reach = self._drift * share, _FAR * math.sqrt(share)
        low, high = centre - reach, max(min(bound, centre + reach), centre - reach)
        nodes, weights = _rule()
        at = low + (high - low) * nodes
        away = at[:, None] - self._at - self._drift * step
        density = np.exp(-(away**2) / (2 * step)) @ self._mass / math.sqrt(2 * math.pi * step)
        self._share, self._at, self._mass = share, at, (high - low) * weights * density


@cache
def _rule() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Nodes and weights of Gauss and Legendre's integration from 0 to 1."""
    from numpy.polynomial.legendre import leggauss

    nodes, weights = leggauss(_NODES)
    return (nodes + 1) / 2, weights / 2
