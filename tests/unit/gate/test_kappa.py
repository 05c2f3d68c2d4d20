"""Cohen's kappa against published figures, and its interval over clusters."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mtbench_pytest.gate.stats.kappa import kappa, kappa_interval

# Cohen (1960), table 2: two psychologists on 200 patients; p_o 0.70, p_e 0.41.
COHEN = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]
# Fleiss, Levin and Paik (2003), Statistical methods for rates and proportions, table 18.1: p_o 0.89.
FLEISS = [[75, 1, 4], [5, 4, 1], [0, 0, 10]]
# Stata's manual, [R] kappa: two radiologists on 85 mammograms (Boyd et al. 1982); p_o 0.6353, p_e 0.3082.
RADIOLOGISTS = [[21, 12, 0, 0], [4, 17, 1, 0], [3, 9, 15, 2], [0, 0, 0, 1]]


@pytest.mark.parametrize(("table", "value"), [(COHEN, 0.492), (FLEISS, 0.676), (RADIOLOGISTS, 0.473)])
def test_published_tables(table: list[list[int]], value: float) -> None:
    assert float(kappa(np.array(table))) == pytest.approx(value, abs=5e-4)


def test_perfect_chance_and_opposite() -> None:
    tables = np.array([[[3, 0], [0, 5]], [[1, 1], [1, 1]], [[0, 2], [2, 0]]])
    assert kappa(tables).tolist() == [1, 0, -1]


def test_one_category_alone_or_nothing_has_none() -> None:
    assert np.isnan(kappa(np.array([[[7, 0], [0, 0]], [[0, 0], [0, 0]]]))).all()


def test_the_interval_is_that_of_whole_clusters() -> None:
    """Questions whose five votes are all alike tell as much as one vote each."""
    agree, differ = np.array([[1, 0], [0, 1]]), np.array([[0, 1], [1, 0]])
    few = np.stack([agree] * 15 + [differ] * 9)
    lower, upper = kappa_interval(few, seed=1)
    assert kappa_interval(5 * few, seed=1) == (lower, upper)
    # kappa is 2 p - 1 here. Of 24 draws with the probability 15 in 24, 10 and 20 are the quantiles at 0.0173
    # and 0.9827: Student's t with 23 degrees, 2.069, times the root of 24 in 23 is as far out as that.
    assert float(kappa(few.sum(axis=0))) == pytest.approx(0.25)
    assert (lower, upper) == pytest.approx((2 * 10 / 24 - 1, 2 * 20 / 24 - 1))


def test_one_seed_one_interval() -> None:
    rng = np.random.default_rng(5)
    tables = rng.integers(0, 4, (30, 3, 3))
    assert kappa_interval(tables, seed=1) == kappa_interval(tables, seed=1)
    assert kappa_interval(tables, seed=1) != kappa_interval(tables, seed=2)


def test_one_question_has_no_interval() -> None:
    assert all(map(math.isnan, kappa_interval(np.array([COHEN]), seed=0)))
