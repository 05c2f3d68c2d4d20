"""Exact tests: right for few questions, for ties and for any shape of the grades."""

from __future__ import annotations


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
