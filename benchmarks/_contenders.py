"""Ways to bound a mean that the gate does not use, many samples at once: `bounds.py` compares all."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

Values = NDArray[np.float64]
Pair = tuple[Values, Values]

RESAMPLES = 1999  # with 2,000 places between them, so that 5 % falls on one
SEED = 20261125


def student(samples: Values, alpha: float) -> Pair:
    """Student (1908), The probable error of a mean: mean ± t · s / √n."""
    n = samples.shape[1]
    mean, error = samples.mean(axis=1), samples.std(axis=1, ddof=1) / np.sqrt(n)
    half = special.stdtrit(n - 1, 1 - alpha) * error
    return mean - half, mean + half


@cache
def _counts(n: int) -> Values:
    """How often each resample holds each of n values: the same resamples whatever the values."""
    generator = np.random.default_rng(SEED)
    return generator.multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(float)


def bootstrap_t(samples: Values, alpha: float) -> Pair:
    """Efron & Tibshirani (1993), An introduction to the bootstrap, section 12.5."""
    n = samples.shape[1]
    mean, error = samples.mean(axis=1), samples.std(axis=1, ddof=1) / np.sqrt(n)
    centred = samples - mean[:, None]
    means = centred @ _counts(n).T / n
    squares = centred**2 @ _counts(n).T / n
    errors = np.sqrt(np.maximum(squares - means**2, 0) / (n - 1))
    # A resample of one value only has no spread: its statistic is infinite, on the side where it lies.
    means[abs(means) < 1e-12] = 0
    errors[errors < 1e-9] = 0
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.nan_to_num(means / errors, nan=0.0, posinf=1e9, neginf=-1e9)
    low, high = round((RESAMPLES + 1) * alpha) - 1, round((RESAMPLES + 1) * (1 - alpha)) - 1
    t.partition((low, high), axis=1)
    return mean - t[:, high] * error, mean - t[:, low] * error


def bca(samples: Values, alpha: float) -> Pair:
    """Efron (1987), Better bootstrap confidence intervals, JASA 82(397): bias-corrected and accelerated."""
    n = samples.shape[1]
    mean = samples.mean(axis=1)
    centred = samples - mean[:, None]
    means = np.sort(centred @ _counts(n).T / n, axis=1)
    below = (means < -1e-12).mean(axis=1) + (abs(means) <= 1e-12).mean(axis=1) / 2
    bias = special.ndtri(np.clip(below, 1 / RESAMPLES, 1 - 1 / RESAMPLES))
    squares = (centred**2).sum(axis=1)
    cubes = (centred**3).sum(axis=1)
    acceleration = np.divide(cubes, 6 * squares**1.5, out=np.zeros_like(mean), where=squares > 1e-9)

    def at(probability: float) -> Values:
        shifted = bias + special.ndtri(probability)
        place = special.ndtr(bias + shifted / (1 - acceleration * shifted)) * (RESAMPLES + 1) - 1
        index = np.clip(np.rint(place), 0, RESAMPLES - 1).astype(int)
        found: Values = np.take_along_axis(means, index[:, None], axis=1)[:, 0]
        return found

    return mean + at(alpha), mean + at(1 - alpha)


def wilson(samples: Values, alpha: float) -> Pair:
    """Wilson (1927), Probable inference, JASA 22(158), a tie as half a win and half a loss."""
    n = samples.shape[1]
    share, z = samples.mean(axis=1), special.ndtri(1 - alpha)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return centre - half, centre + half


def win_and_loss(samples: Values, alpha: float) -> Pair:
    """Student's t with a whole win and a whole loss added: Bonett & Price (2012), JEBS 37(4)."""
    added = np.tile([0.0, 1.0], (len(samples), 1))
    return student(np.hstack([samples, added]), alpha)
