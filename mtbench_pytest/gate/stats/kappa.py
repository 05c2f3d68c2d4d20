"""Cohen's kappa with an interval by resampling questions. Pure numerics, explicit seed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 10_000
_AT_ONCE = 500  # resamples drawn together: each takes a number a question


def kappa(tables: NDArray[np.floating] | NDArray[np.integer]) -> NDArray[np.float64]:
    """Agreement beyond chance: (p_o - p_e) / (1 - p_e).

    p_o is the share on the diagonal, p_e what the margins alone would put there. Source: Cohen (1960), A
    coefficient of agreement for nominal scales, Educational and Psychological Measurement 20(1).

    Args:
        tables: Counts, shape (..., k, k): rows are one voter's categories, columns the other's.

    Returns:
        Shape (...); nan where a table is empty or all of it lies in one category.
    """
    import numpy as np

    counts = np.asarray(tables, dtype=np.float64)
    total = counts.sum(axis=(-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = np.trace(counts, axis1=-2, axis2=-1) / total
        expected = (counts.sum(axis=-1) * counts.sum(axis=-2)).sum(axis=-1) / total**2
        found: NDArray[np.float64] = np.where(expected < 1, (observed - expected) / (1 - expected), np.nan)
    return found


def kappa_interval(
    tables: NDArray[np.integer], seed: int, confidence: float = 0.95, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """A two-sided interval of the kappa of all tables together, by a bootstrap over clusters.

    Votes on one question are not independent of each other, so whole questions are drawn. Sources: Kang et
    al. (2013), Kappa statistic for clustered dichotomous responses from physicians and patients, Statistics
    in Medicine 32(21); Field and Welsh (2007), Bootstrapping clustered data, JRSS B 69(3). The percentiles
    are expanded for few clusters as Hesterberg (2015) does it, What teachers should know about the bootstrap,
    The American Statistician 69(4).

    Args:
        tables: A table of counts for each question, shape (n, k, k).
        seed: Of the draws.
        confidence: Of the interval.
        resamples: How many times n questions are drawn with replacement.

    Returns:
        Lower and upper end; nan for fewer than two questions.
    """
    import numpy as np

    n, k = tables.shape[0], tables.shape[-1]
    if n < 2:
        return np.nan, np.nan
    rng = np.random.default_rng(seed)
    found = []
    for start in range(0, resamples, _AT_ONCE):
        size = min(_AT_ONCE, resamples - start)
        drawn = rng.multinomial(n, np.full(n, 1 / n), size=size)  # how often each question
        found.append(kappa((drawn @ tables.reshape(n, k * k)).reshape(size, k, k)))
    every = np.concatenate(found)
    known = every[~np.isnan(every)]
    if not known.size:
        return np.nan, np.nan
    tail = _expanded((1 - confidence) / 2, n)
    lower, upper = np.quantile(known, [tail, 1 - tail])
    return float(lower), float(upper)


def _expanded(tail: float, n: int) -> float:
    """The tail of a percentile interval that is as wide for n values as Student's t would have it."""
    from scipy.special import ndtr, stdtrit

    return float(ndtr(math.sqrt(n / (n - 1)) * stdtrit(n - 1, tail)))
