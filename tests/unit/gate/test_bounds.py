"""Bounds against hand arithmetic and printed tables; sample sizes against a search."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from mtbench_pytest.gate.stats import (
    Estimate,
    Moments,
    mean_difference,
    questions_needed,
    questions_to_see,
    smallest_difference,
    t_quantile,
    win_rate,
)


# Quantiles as printed in tables of Student's t, one-sided 5 %.
@pytest.mark.parametrize(
    ("degrees", "quantile"), [(1, 6.3138), (4, 2.1318), (9, 1.8331), (79, 1.6644), (10**6, 1.6449)]
)
def test_quantiles_are_those_of_the_tables(degrees: int, quantile: float) -> None:
    assert t_quantile(0.95, degrees) == pytest.approx(quantile, abs=6e-5)


# Bounds of grade differences.


def differences(values: Sequence[float]) -> Estimate:
    return mean_difference(Moments.of(values))


def test_moments_by_hand() -> None:
    """Deviations -1, -1, 2: Σ² 6 over n - 1, Σ³ 6 over (n - 1)(n - 2) / n."""
    moments = Moments.of([0, 0, 3])
    assert (moments.n, moments.mean, moments.variance, moments.third) == (3, 1, 3, 9)
    assert moments.sd == math.sqrt(3)


def test_the_spread_is_taken_within_categories() -> None:
    """Two categories of four, four points apart: within them Σ² is 2 · 2, over 8 - 2; Σ³ of one is 0, of the
    other 2, over twice (4 - 1)(4 - 2) / 4."""
    values, categories = [0, 0, 1, 1, 5, 5, 5, 7 - 2 / 1], ["a"] * 4 + ["b"] * 4
    values[4:] = [4.5, 4.5, 4.5, 6.5]
    found = Moments.of(values, categories)
    assert (found.n, found.mean, found.strata, found.degrees) == (8, 2.75, 2, 6)
    assert found.variance == pytest.approx((4 * 0.25 + 3 * 0.25 + 2.25) / 6)
    assert found.third == pytest.approx((3 * -0.125 + 3.375) / (2 * 1.5))
    assert Moments.of(values).variance > 5 * found.variance


def test_small_categories_are_one_together() -> None:
    """Three a category tell little of their own spread; a rest that is small itself joins another."""
    assert Moments.of([1, 2, 3, 4, 5, 6], ["a", "a", "a", "b", "b", "b"]) == Moments.of([1, 2, 3, 4, 5, 6])
    assert Moments.of([1, 2, 3, 4, 9, 9], [*"aaaa", *"bc"]) == Moments.of([1, 2, 3, 4, 9, 9])
    assert Moments.of([1, 2, 3, 4, 6, 7, 8, 9], [*"aaaa", *"bbcc"]).strata == 2


def test_symmetric_differences_have_bounds_by_students_t() -> None:
    """Sum of squares 10, and 2 for the two at one point from the mean; so many that these hardly count."""
    bounds = differences([1, 2, 3, 4, 5]).bounds
    half = 2.1318 * math.sqrt((10 + 2) / 4) / math.sqrt(5)
    assert (bounds.n, bounds.mean) == (5, 3)
    assert bounds.sd == pytest.approx(math.sqrt(2.5))
    assert bounds.lower == pytest.approx(3 - half, abs=1e-4)
    assert bounds.upper == pytest.approx(3 + half, abs=1e-4)


def test_skewed_differences_have_halls_bounds() -> None:
    """By hand for nine 0 and three -2: mean -0.5, m2 0.75 and 2/12 added, m3 (9 * 0.125 - 3 * 3.375) / 12."""
    variance, third, n, q = 0.75 + 2 / 12, -0.75, 12, 1.7959  # t(0.95, 11)
    skew: float = third / variance**1.5 * math.sqrt(12 * 11) / 10
    error = math.sqrt(variance / 11)
    found = differences([0] * 9 + [-2] * 3)

    def bent(x: float) -> float:
        """Hall's g, which must take the statistic of a bound to the quantile."""
        t: float = (-0.5 - x) / error
        return t + skew / math.sqrt(n) * (t**2 / 3 + 1 / 6) + skew**2 / n * t**3 / 27

    assert bent(found.lower()) == pytest.approx(q, abs=1e-4)
    assert bent(found.upper()) == pytest.approx(-q, abs=1e-4)
    assert -0.5 - found.lower() > found.upper() + 0.5, "they reach further to where the tail is"


@pytest.mark.parametrize("n", [12, 40, 200])
@pytest.mark.parametrize("confidence", [0.95, 0.99, 0.9999])
def test_one_answer_alone_does_not_send_a_bound_far_away(n: int, confidence: float) -> None:
    found = differences([0] * (n - 1) + [-6])
    t = t_quantile(confidence, n - 1) * found.error
    assert 1.2 * t < -6 / n - found.lower(confidence) < 1.5 * t
    assert 0.6 * t < found.upper(confidence) + 6 / n < t


def test_the_other_way_round_the_bounds_are_mirrored() -> None:
    values = [0.0, 0.0, 0.5, -3.0, -7.5, 1.0]
    one, other = differences(values), differences([-value for value in values])
    assert one.lower() == pytest.approx(-other.upper(), abs=1e-12)
    assert one.upper() == pytest.approx(-other.lower(), abs=1e-12)


def test_a_wider_confidence_gives_wider_bounds() -> None:
    found = differences([0, 1, 2, 2])
    assert found.lower(0.99) < found.lower(0.95) < 1.25 < found.upper(0.95) < found.upper(0.99)


def test_a_confidence_of_one_excludes_nothing() -> None:
    """What a look that may not decide asks for."""
    for values in ([0, 1, 2, 2], [0, 0, 0, -6], [0, 0]):
        assert (differences(values).lower(1.0), differences(values).upper(1.0)) == (-9, 9)
        shares = win_rate(Moments.of([0.5 + value / 12 for value in values]))
        assert (shares.lower(1.0), shares.upper(1.0)) == (0, 1)


@pytest.mark.parametrize("estimate", [mean_difference, win_rate])
def test_fewer_than_two_values_have_no_bounds(estimate: Callable[[Moments], Estimate]) -> None:
    none, one = estimate(Moments.of([])).bounds, estimate(Moments.of([0.25])).bounds
    assert (none.n, one.n, one.mean) == (0, 1, 0.25)
    assert math.isnan(none.mean)
    assert math.isnan(one.sd)
    for bounds in (none, one):
        assert (bounds.lower, bounds.upper) == (-math.inf, math.inf)


@pytest.mark.parametrize("n", [2, 3, 7, 80])
@pytest.mark.parametrize("value", [0.0, -0.5, 1 / 3])
def test_differences_that_are_all_alike_have_bounds_with_a_width(value: float, n: int) -> None:
    bounds = differences([value] * n).bounds
    half = t_quantile(0.95, n - 1) * math.sqrt(2 / (n - 1)) / math.sqrt(n)
    assert bounds.sd == pytest.approx(0, abs=1e-15)
    assert (bounds.lower, bounds.upper) == pytest.approx((max(value - half, -9), min(value + half, 9)))


def test_bounds_stay_where_a_mean_can_be() -> None:
    assert differences([-9, -9, -9]).lower() == -9
    assert differences([9, -9]).bounds.upper == 9
    assert win_rate(Moments.of([1, 1, 1])).upper() == 1
    assert win_rate(Moments.of([0, 0, 1])).lower() == 0


def test_of_ten_thousand_questions_bounds_take_no_time() -> None:
    values = [(n * 7919 % 19 - 9) / 2 for n in range(10_000)]
    began = time.perf_counter()
    half = 1.645 * math.sqrt(sum(value**2 for value in values) / 10_000) / 100
    bounds = differences(values).bounds
    assert time.perf_counter() - began < 0.3
    assert bounds.upper - bounds.mean == pytest.approx(half, rel=0.01)


# Bounds of win rates: half a win and half a loss added.


@pytest.mark.parametrize(
    ("scores", "centre", "squares"),
    [
        ([1.0] * 9, 9.5 / 10, 9 * 0.05**2 + 0.5 * 0.95**2 + 0.5 * 0.05**2),
        ([0.5] * 9, 0.5, 0.5 * 0.25 + 0.5 * 0.25),
        ([1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0, 0], 0.5, 1 + 0.25),
    ],
    ids=["all wins", "all ties", "mixed"],
)
def test_win_rates_by_hand(scores: list[float], centre: float, squares: float) -> None:
    found = win_rate(Moments.of(scores))
    half = 1.8331 * math.sqrt(squares / 9) / math.sqrt(10)  # t(0.95, 9)
    assert found.lower() == pytest.approx(centre - half, abs=1e-4)
    assert found.upper() == pytest.approx(min(centre + half, 1), abs=1e-4)
    assert found.bounds.mean == pytest.approx(sum(scores) / 9)


# How many questions.


def moments_with(sd: float, n: int = 10) -> Moments:
    return Moments(n, 0.0, sd**2, 0.0)


@pytest.mark.parametrize("line", [-0.5, -0.1, -0.05, -4.4, 0.0])
@pytest.mark.parametrize("estimate", [mean_difference, win_rate])
def test_the_needed_number_is_the_smallest_that_is_enough(
    estimate: Callable[[Moments], Estimate], line: float
) -> None:
    seen = Moments.of([0.5, 0, 1, 1, 0.5, 0, 0.5, 0.25])
    line += seen.mean
    passes = [n for n in range(2, 5000) if estimate(replace(seen, n=n)).lower() > line]
    needed = questions_needed(seen, lambda more: estimate(more).lower() > line)
    assert needed == (passes[0] if passes else None)


def test_the_search_gives_up() -> None:
    assert questions_needed(moments_with(1), lambda _: False) is None


def test_a_number_up_to_the_most_is_still_found() -> None:
    assert questions_needed(moments_with(1), lambda more: more.n >= 271, most=271) == 271
    assert questions_needed(moments_with(1), lambda more: more.n >= 271, most=270) is None


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
