"""Shares over clustered cases: published figures, and bounds that behave at 0 and 1."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mtbench_pytest.gate.stats.proportions import clustered_share, design_effect, wilson

# Pups that lived, of those alive at 4 days, by litter: Weil 1970, table 1 of Rao and Scott 1992.
CONTROL = [(13, 13), (12, 12), (9, 9), (9, 9), (8, 8), (8, 8), (12, 13), (11, 12), (9, 10), (9, 10), (8, 9),
           (11, 13), (4, 5), (5, 7), (7, 10), (7, 10)]  # fmt: skip
TREATED = [(12, 12), (11, 11), (10, 10), (9, 9), (10, 11), (9, 10), (9, 10), (8, 9), (8, 9), (4, 5), (7, 9),
           (4, 7), (5, 10), (3, 6), (3, 10), (0, 7)]  # fmt: skip


@pytest.mark.parametrize(
    ("hits", "n", "bounds"),
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0.0, 0.1611)),
     (1, 29, (0.0061, 0.1718))],
)  # fmt: skip
def test_wilson_as_published(hits: int, n: int, bounds: tuple[float, float]) -> None:
    """Newcombe 1998, Two-sided confidence intervals for the single proportion, table I, method 3."""
    assert wilson(hits / n, n, 1.959964) == pytest.approx(bounds, abs=5e-5)


@pytest.mark.parametrize(("litters", "effect"), [(CONTROL, 1.232495), (TREATED, 3.952861)])
def test_the_design_effect_as_published(litters: list[tuple[int, int]], effect: float) -> None:
    """Rao and Scott 1992, table 2 (1.23 and 3.95); more digits from the R package PF."""
    share = sum(hits for hits, _ in litters) / sum(cases for _, cases in litters)
    assert design_effect(litters, share) == pytest.approx(effect, abs=1e-5)


def test_one_case_a_question_is_wilson_with_few_questions() -> None:
    """By hand: z² = 2.70554, t(19)² = 2.98990; n = 20 · z² / t² = 18.0979; z² / (n + z²) = 0.13005."""
    share = clustered_share([(0, 1)] * 20)
    assert (share.hits, share.n, share.clusters, share.value, share.lower) == (0, 20, 20, 0.0, 0.0)
    assert share.upper == pytest.approx(0.13005, abs=1e-5)


def test_all_and_none_mirror_each_other_and_have_a_width() -> None:
    none, every = clustered_share([(0, 2)] * 30), clustered_share([(2, 2)] * 30)
    assert (none.lower, every.upper) == (0.0, 1.0)
    assert none.upper == pytest.approx(1 - every.lower)
    assert 0.05 < none.upper < 0.15


def test_at_the_ends_a_question_counts_once_however_many_cases_it_has() -> None:
    assert clustered_share([(0, 6)] * 40).upper == pytest.approx(clustered_share([(0, 1)] * 40).upper)


def test_cases_that_are_all_alike_within_a_question_are_one_case() -> None:
    once, twice = clustered_share([(1, 1), (0, 1)] * 20), clustered_share([(2, 2), (0, 2)] * 20)
    # The variance between questions is an estimate with m - 1: a hair more than that of 40 single cases.
    assert twice.lower == pytest.approx(once.lower, abs=1e-3)
    assert twice.upper == pytest.approx(once.upper, abs=1e-3)


def test_cases_that_balance_within_a_question_gain_nothing() -> None:
    """Each question with one hit of two: less variance than by chance, and the bounds are those of chance."""
    assert design_effect([(1, 2)] * 30, 0.5) == 1.0


def test_questions_without_cases_are_no_clusters() -> None:
    assert clustered_share([(1, 2), (0, 0), (0, 2)]) == clustered_share([(1, 2), (0, 2)])


@pytest.mark.parametrize("counts", [[], [(0, 0)], [(1, 4)]])
def test_of_fewer_than_two_questions_nothing_is_known(counts: list[tuple[int, int]]) -> None:
    share = clustered_share(counts)
    assert (share.lower, share.upper) == (0.0, 1.0)
    assert math.isnan(share.value) == (share.n == 0)


@pytest.mark.parametrize(("rate", "alike"), [(0.05, 0.3), (0.2, 0.0), (0.2, 0.6), (0.4, 0.3)])
@pytest.mark.parametrize(("questions", "cases"), [(40, 2), (80, 2), (80, 6)])
def test_the_bounds_cover(rate: float, alike: float, questions: int, cases: int) -> None:
    """Beta-binomial questions: each one-sided 95 % bound holds in 93 % of samples or more."""
    rng = np.random.default_rng(7)
    spread = (1 - alike) / alike if alike else 1e6
    rates = rng.beta(rate * spread, (1 - rate) * spread, size=(600, questions))
    hits = rng.binomial(cases, rates)
    shares = [clustered_share([(int(k), cases) for k in sample]) for sample in hits]
    assert np.mean([share.lower <= rate for share in shares]) >= 0.93
    assert np.mean([share.upper >= rate for share in shares]) >= 0.93
