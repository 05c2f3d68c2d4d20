"""Bounds against hand arithmetic and printed tables; sample sizes against a search."""

from __future__ import annotations

import math

import pytest

from mtbench_pytest.decision import Bounds
from mtbench_pytest.stats import (
    questions_needed,
    questions_to_see,
    sign_test,
    smallest_difference,
    t_bounds,
    t_quantile,
)


# Quantiles as printed in tables of Student's t, one-sided 5 %.
@pytest.mark.parametrize(
    ("degrees", "quantile"), [(1, 6.3138), (4, 2.1318), (9, 1.8331), (79, 1.6644), (10**6, 1.6449)]
)
def test_quantiles_are_those_of_the_tables(degrees: int, quantile: float) -> None:
    assert t_quantile(0.95, degrees) == pytest.approx(quantile, abs=6e-5)


def test_bounds_by_hand() -> None:
    bounds = t_bounds([1, 2, 3, 4, 5])
    half = 2.1318 * math.sqrt(2.5) / math.sqrt(5)  # sd² = (4 + 1 + 0 + 1 + 4) / 4
    assert (bounds.n, bounds.mean) == (5, 3)
    assert bounds.sd == pytest.approx(math.sqrt(2.5))
    assert bounds.lower == pytest.approx(3 - half, abs=1e-4)
    assert bounds.upper == pytest.approx(3 + half, abs=1e-4)


def test_two_values_take_the_quantile_of_one_degree() -> None:
    bounds = t_bounds([0, 2])  # sd = √2, so half = 6.3138 · √2 / √2
    assert bounds.upper == pytest.approx(1 + 6.3138, abs=1e-4)


def test_a_wider_confidence_gives_wider_bounds() -> None:
    assert t_bounds([0, 1, 2], 0.99).lower < t_bounds([0, 1, 2], 0.95).lower


def test_nothing_is_known_of_no_value() -> None:
    bounds = t_bounds([])
    assert bounds.n == 0
    assert math.isnan(bounds.mean)
    assert (bounds.lower, bounds.upper) == (-math.inf, math.inf)


def test_one_value_has_a_mean_and_no_bounds() -> None:
    bounds = t_bounds([-2.5])
    assert (bounds.n, bounds.mean) == (1, -2.5)
    assert math.isnan(bounds.sd)
    assert (bounds.lower, bounds.upper) == (-math.inf, math.inf)


@pytest.mark.parametrize("value", [0.0, -0.5, 0.1])
def test_values_that_are_all_alike_have_bounds_of_no_width(value: float) -> None:
    bounds = t_bounds([value] * 7)
    assert bounds.sd == pytest.approx(0, abs=1e-15)
    assert (bounds.lower, bounds.upper) == pytest.approx((value, value))


def bounds_with(sd: float) -> Bounds:
    return Bounds(10, 0.0, sd, -math.inf, math.inf)


@pytest.mark.parametrize(
    ("sd", "distance"),
    [(1, 0.5), (1, 0.1), (2.44, 0.4), (0.3, 0.05), (1, 4.4), (1, 4.5), (1, 100), (3, 0.25), (0.0, 0.1)],
)
def test_the_needed_number_is_the_smallest_that_is_enough(sd: float, distance: float) -> None:
    searched = next(n for n in range(2, 5000) if t_quantile(0.95, n - 1) * sd / math.sqrt(n) < distance)
    assert questions_needed(bounds_with(sd), distance) == searched


@pytest.mark.parametrize(("sd", "distance"), [(1, 0.0), (1, -0.1), (math.nan, 0.1), (1, math.nan)])
def test_no_number_is_enough(sd: float, distance: float) -> None:
    assert questions_needed(bounds_with(sd), distance) is None


def test_the_search_gives_up() -> None:
    assert questions_needed(bounds_with(1), 1e-9) is None


def test_a_number_up_to_the_most_is_still_found() -> None:
    needed = questions_needed(bounds_with(1), 0.1)
    assert needed is not None
    assert questions_needed(bounds_with(1), 0.1, most=needed) == needed
    assert questions_needed(bounds_with(1), 0.1, most=needed - 1) is None


def test_a_higher_confidence_needs_more() -> None:
    needed = [questions_needed(bounds_with(1), 0.1, confidence) for confidence in (0.95, 0.99)]
    # z² · sd² / distance²: 1.645² · 100 and 2.326² · 100, and a few for t.
    assert needed == [pytest.approx(270.6, abs=3), pytest.approx(541.2, abs=4)]


# G*Power 3.1's manual, "difference between two dependent means": dz 0.421637, two-sided 5 %, n 50, power
# 0.832114.
def test_the_smallest_difference_is_that_of_the_printed_example() -> None:
    assert smallest_difference(1.0, 50, 0.832114, 0.025) == pytest.approx(0.421637, abs=1e-5)
    assert smallest_difference(2.0, 50, 0.832114, 0.025) == pytest.approx(2 * 0.421637, abs=2e-5)
    assert questions_to_see(1.0, 0.42165, 0.832114, 0.025) == 50


def test_of_many_questions_the_normal_formula_holds() -> None:
    """(z(0.95) + z(0.8)) · sd / √n = (1.6449 + 0.8416) / 100."""
    assert smallest_difference(1.0, 10_000) == pytest.approx(0.024865, abs=5e-6)


@pytest.mark.parametrize(("sd", "difference"), [(1, 0.5), (2.4, 0.5), (1, 3.0), (0.5, 0.49)])
def test_the_number_to_see_a_difference_is_the_smallest(sd: float, difference: float) -> None:
    n = questions_to_see(sd, difference)
    assert n is not None
    assert smallest_difference(sd, n) <= difference < smallest_difference(sd, n - 1)


def test_what_cannot_be_seen() -> None:
    assert smallest_difference(1.0, 1) == math.inf
    assert questions_to_see(1.0, 0.0) is None
    assert questions_to_see(math.nan, 0.5) is None
    assert questions_to_see(1.0, 1e-9) is None


# Binomial tails by hand: (1 + 14 + 91) / 2^14 and so on.
@pytest.mark.parametrize(
    ("losses", "gains", "p"),
    [(0, 0, 1.0), (0, 5, 1.0), (1, 0, 0.5), (7, 0, 1 / 128), (12, 2, 106 / 2**14), (3, 3, 42 / 64)],
)
def test_the_sign_test_by_hand(losses: int, gains: int, p: float) -> None:
    assert sign_test(losses, gains) == pytest.approx(p, rel=1e-12)


def test_the_sign_test_of_many_questions_has_no_overflow() -> None:
    assert sign_test(5_000, 5_000) == pytest.approx(0.504, abs=1e-3)
