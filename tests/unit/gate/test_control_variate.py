"""Bounds narrowed by what is known of every question, against hand arithmetic and simple truths."""

from __future__ import annotations

import random
from statistics import fmean, variance

import pytest

from mtbench_pytest.gate.stats import ControlVariate, Moments

# One category of eight questions, four of them judged.
GRADES = {1: 6.0, 2: 8.0, 3: 5.0, 4: 9.0, 5: 4.0, 6: 6.0, 7: 5.0, 8: 5.0}
DIFFERENCES = {1: 0.0, 2: -2.0, 3: 1.0, 4: -1.0}


def one_category(values: dict[int, float]) -> ControlVariate:
    return ControlVariate(values, dict.fromkeys(values, "writing"))


def test_by_hand() -> None:
    """The mean of all grades is 6, of the four judged 7; their variance is 20/7 with seven degrees.

    Around 7 the four lie -1, 1, -2, 2, their differences around -0.5 lie 0.5, -1.5, 1.5, -0.5. Squares sum to
    10, products to -0.5 - 1.5 - 3 - 1 = -6. The prior adds 32 · 20/7 = 640/7, and half of it less. Without
    question 1, whose own terms count 4/3: squares 10 - 4/3, products -6 + 2/3.
    """
    prior = 32 * 20 / 7
    slopes = [
        (-6 - prior / 2 + 4 / 3 * product) / (10 + prior - 4 / 3 * square)
        for square, product in [(1, 0.5), (1, 1.5), (4, 3), (4, 1)]
    ]
    adjusted = [
        difference - slope * away
        for difference, slope, away in zip([0, -2, 1, -1], slopes, [0, 2, -1, 3], strict=True)
    ]
    found = one_category(GRADES).moments(DIFFERENCES)
    assert found is not None
    assert found.mean == pytest.approx(fmean(adjusted))
    known = fmean(slopes) ** 2 * 20 / 7 / 8  # the variance of the mean of all eight grades
    assert found.variance / 4 == pytest.approx(variance(adjusted) / 4 + known)
    assert (found.n, found.degrees) == (4, 3)


def test_the_mean_moves_toward_what_the_rest_lets_expect() -> None:
    """The baseline did better on the judged questions than it does on the bench: so does the candidate."""
    found = one_category(GRADES).moments(DIFFERENCES)
    assert found is not None
    assert found.mean > fmean(DIFFERENCES.values())


def test_a_baseline_that_says_nothing_changes_nothing() -> None:
    found = one_category(dict.fromkeys(GRADES, 7.0)).moments(DIFFERENCES)
    assert found == Moments.of(list(DIFFERENCES.values()))


@pytest.mark.parametrize("judged", [3, 8])
def test_too_few_or_all_judged_leaves_the_plain_moments(judged: int) -> None:
    differences = {n: 0.5 * n for n in range(1, judged + 1)}
    assert one_category(GRADES).moments(differences) is None


def test_each_category_needs_a_spread_of_its_own() -> None:
    strata = {n: "math" if n <= 3 else "writing" for n in GRADES}
    assert ControlVariate(GRADES, strata).moments({n: 0.1 * n for n in range(1, 8)}) is None


def test_nothing_hangs_on_the_order() -> None:
    variate = one_category(GRADES)
    forward, back = variate.moments(DIFFERENCES), variate.moments(dict(reversed(DIFFERENCES.items())))
    assert forward is not None
    assert back is not None
    assert (forward.mean, forward.variance) == pytest.approx((back.mean, back.variance))


def test_the_mean_is_unbiased_and_its_variance_the_one_that_is_told() -> None:
    """1,000 benches of 64 questions, 32 judged: a difference is -0.6 (grade - 7) and noise, mean 0."""
    generator = random.Random(3)
    means, told, plain = [], [], []
    for _ in range(1000):
        grades = {n: generator.gauss(7, 1) for n in range(64)}
        differences = {n: -0.6 * (grades[n] - 7) + generator.gauss(0, 0.8) for n in range(32)}
        found = one_category(grades).moments(differences)
        assert found is not None
        means.append(found.mean)
        told.append(found.variance / 32)
        plain.append(fmean(differences.values()))
    assert fmean(means) == pytest.approx(0, abs=4 * (variance(means) / 1000) ** 0.5)
    assert fmean(told) == pytest.approx(variance(means), rel=0.12)
    assert variance(means) < 0.9 * variance(plain)
