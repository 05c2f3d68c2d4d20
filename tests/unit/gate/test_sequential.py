"""Levels of looks against published boundaries, and against paths that are drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from mtbench_pytest.gate.stats.sequential import Spending, crossings, hwang, look_levels

FIFTHS = (0.2, 0.4, 0.6, 0.8, 1.0)
TENTHS = tuple(k / 10 for k in range(1, 11))


def pocock(share: float) -> float:
    """Lan & DeMets' (1983) answer to Pocock's equal levels."""
    return math.log1p((math.e - 1) * share)


def obrien_fleming(share: float) -> float:
    """Lan & DeMets' (1983) answer to O'Brien and Fleming's levels, for a one-sided 2.5 %."""
    return float(2 * ndtr(ndtri(0.0125) / math.sqrt(share)) / 0.025) if share > 0 else 0.0


def boundaries(levels: tuple[float, ...]) -> list[float]:
    return [float(-ndtri(level)) for level in levels]


# Reboussin, DeMets, Kim & Lan (2000), Computations for group sequential boundaries using the Lan-DeMets
# spending function method, Controlled Clinical Trials 21(3): two-sided 5 %, five looks; a side is 2.5 %.
@pytest.mark.parametrize(
    ("spending", "published"),
    [
        (obrien_fleming, [4.877, 3.357, 2.680, 2.290, 2.031]),
        (pocock, [2.438, 2.427, 2.410, 2.397, 2.386]),
    ],
    ids=["O'Brien-Fleming", "Pocock"],
)
def test_boundaries_are_those_published(spending: Spending, published: list[float]) -> None:
    assert boundaries(look_levels(FIFTHS, 0.025, spending)) == pytest.approx(published, abs=6e-4)


# Jennison & Turnbull (2000), tables 2.1 and 2.3: constants of K looks for a two-sided error of 5 %.
@pytest.mark.parametrize(
    ("looks", "constant"), [(1, 1.960), (2, 2.178), (3, 2.289), (4, 2.361), (5, 2.413), (10, 2.555)]
)
def test_pococks_constants_spend_the_whole_rate(looks: int, constant: float) -> None:
    shares = [k / looks for k in range(1, looks + 1)]
    level = math.erfc(constant / math.sqrt(2)) / 2
    assert sum(crossings(shares, [level] * looks)) == pytest.approx(0.025, abs=1e-4)


@pytest.mark.parametrize(
    ("looks", "constant"), [(1, 1.960), (2, 1.977), (3, 2.004), (4, 2.024), (5, 2.040), (10, 2.087)]
)
def test_obriens_and_flemings_constants_spend_the_whole_rate(looks: int, constant: float) -> None:
    shares = [k / looks for k in range(1, looks + 1)]
    levels = [math.erfc(constant / math.sqrt(share) / math.sqrt(2)) / 2 for share in shares]
    assert sum(crossings(shares, levels)) == pytest.approx(0.025, abs=1e-4)


def test_one_look_is_the_plain_test() -> None:
    assert look_levels([1.0], 0.05, hwang(-2)) == pytest.approx([0.05])


@pytest.mark.parametrize("gamma", [-4.0, -1.0, 0.0, 1.0, 3.0])
@pytest.mark.parametrize("alpha", [0.0125, 0.05])
def test_the_looks_together_spend_what_the_function_says(gamma: float, alpha: float) -> None:
    spending = hwang(gamma)
    levels = look_levels(TENTHS, alpha, spending)
    spent = np.cumsum(crossings(TENTHS, levels))
    assert spent == pytest.approx([alpha * spending(share) for share in TENTHS], abs=1e-7)


@pytest.mark.parametrize("spending", [hwang(-4), hwang(0), hwang(2)])
def test_nothing_is_spent_before_the_run_and_all_at_its_end(spending: Spending) -> None:
    assert spending(0.0) == pytest.approx(0)
    assert spending(1.0) == pytest.approx(1)


def test_a_larger_gamma_spends_earlier() -> None:
    assert hwang(1)(0.3) > hwang(0)(0.3) > hwang(-4)(0.3)
    assert hwang(1e-9)(0.3) == pytest.approx(hwang(0)(0.3))


def test_a_look_that_has_nothing_to_spend_has_no_level() -> None:
    levels = look_levels((0.1, 0.5, 1.0), 0.05, lambda share: 0.0 if share < 0.2 else share)
    assert levels[0] == 0
    assert levels[1] > 0
    assert sum(crossings((0.1, 0.5, 1.0), levels)) == pytest.approx(0.05, abs=1e-6)


@pytest.mark.parametrize("drift", [0.0, 2.5])
def test_paths_that_are_drawn_cross_as_often(drift: float) -> None:
    """200,000 of them; three standard errors."""
    levels = look_levels(FIFTHS, 0.05, hwang(0))
    rng = np.random.default_rng(1)
    steps = rng.normal(drift / 5, math.sqrt(0.2), (200_000, 5))
    z = np.cumsum(steps, axis=1) / np.sqrt(FIFTHS)
    over = z > -ndtri(levels)
    first = np.where(over.any(axis=1), over.argmax(axis=1), -1)
    for look, probability in enumerate(crossings(FIFTHS, levels, drift)):
        error = math.sqrt(probability * (1 - probability) / len(first))
        assert np.mean(first == look) == pytest.approx(probability, abs=3 * error)


def test_a_hundred_looks_still_add_up() -> None:
    shares = [k / 100 for k in range(1, 101)]
    assert sum(crossings(shares, look_levels(shares, 0.05, hwang(-1)))) == pytest.approx(0.05, abs=1e-6)
