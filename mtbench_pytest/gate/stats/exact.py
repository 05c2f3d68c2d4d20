"""Exact tests and their correction: right for few questions, for ties and for any shape of the grades."""

from __future__ import annotations

import math
from collections.abc import Sequence

_ENUMERATED = 20  # a million sums, ten milliseconds


def sign_test(losses: int, gains: int) -> float:
    """Chance of at least so many losses, were a loss as likely as a gain.

    Source: McNemar (1947), Note on the sampling error of the difference between correlated proportions or
    percentages, Psychometrika 12(2), in its exact, binomial form.

    Args:
        losses: Questions that lost.
        gains: Questions that gained; those that did neither say nothing.

    Returns:
        The one-sided p-value, 1 where there is neither.
    """
    if not losses:
        return 1.0
    from scipy.special import bdtrc

    return float(bdtrc(losses - 1, losses + gains, 0.5))


def count_test(count: int, n: int, rate: float) -> float:
    """Chance of at least so many cases of n, were each one with a probability of `rate`: exact, binomial.

    Returns:
        The one-sided p-value, 1 for none.
    """
    if not count:
        return 1.0
    from scipy.special import bdtrc

    return float(bdtrc(count - 1, n, rate))


def flip_test(differences: Sequence[float]) -> float:
    """Chance of a sum as low as this one, were each difference as likely with the other sign.

    The randomisation test of paired differences: exact where the two models are alike, whatever the shape.
    Up to 20 differences other than 0 are gone through in all their signs; the sum of more is taken as normal.
    Source: Fisher (1935), The design of experiments, section 21; Pitman (1937), JRSS Supplement 4(1).

    Args:
        differences: One a question.

    Returns:
        The one-sided p-value of a drop, 1 where nothing differs.
    """
    import numpy as np
    from scipy.special import ndtr

    sizes = [abs(difference) for difference in differences if difference]
    total = math.fsum(differences)
    if len(sizes) > _ENUMERATED:
        # A sum of bounded sizes has thinner tails than the normal: the p of a drop comes out a little high.
        return float(ndtr(total / math.sqrt(math.fsum(size**2 for size in sizes))))
    # Each half's sums apart: a million signs are then two times a thousand.
    halves = []
    for half in (sizes[::2], sizes[1::2]):
        sums = np.zeros(1)
        for size in half:
            sums = np.concatenate([sums - size, sums + size])
        halves.append(np.sort(sums))
    one, other = halves
    as_low = np.searchsorted(other, total + 1e-9 - one, side="right")  # sums of thirds differ in last bits
    return float(as_low.sum() / 2 ** len(sizes))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: each may be compared with the level of the whole family.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6(2).

    Returns:
        In the order given.
    """
    adjusted = [0.0] * len(p_values)
    least = 0.0
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    for rank, place in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = least
    return adjusted
