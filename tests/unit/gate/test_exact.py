"""Exact tests against sums by hand, and Holm's correction against his example's arithmetic."""

from __future__ import annotations

import itertools
import time
from collections import Counter

import pytest

from mtbench_pytest.gate.stats import count_test, flip_test, holm, sign_test


# Binomial tails by hand: (1 + 14 + 91) / 2^14 and so on.
@pytest.mark.parametrize(
    ("losses", "gains", "p"),
    [(0, 0, 1.0), (0, 5, 1.0), (1, 0, 0.5), (7, 0, 1 / 128), (12, 2, 106 / 2**14), (3, 3, 42 / 64)],
)
def test_the_sign_test_by_hand(losses: int, gains: int, p: float) -> None:
    assert sign_test(losses, gains) == pytest.approx(p, rel=1e-12)


@pytest.mark.parametrize(
    ("count", "n", "rate", "p"), [(0, 9, 0.5, 1.0), (1, 2, 0.5, 0.75), (2, 2, 0.1, 0.01), (2, 3, 0.1, 0.028)]
)
def test_the_count_test_by_hand(count: int, n: int, rate: float, p: float) -> None:
    """At least two of three at 0.1: 3 · 0.01 · 0.9 + 0.001."""
    assert count_test(count, n, rate) == pytest.approx(p, rel=1e-12)


def test_the_sign_test_of_many_questions_has_no_overflow() -> None:
    assert sign_test(5_000, 5_000) == pytest.approx(0.504, abs=1e-3)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([], 1.0),
        ([0, 0, 0], 1.0),
        ([-1], 1 / 2),
        ([1], 1.0),
        ([-1, -2, -3], 1 / 8),
        ([-1, 0, -2, 0, -3], 1 / 8),  # what does not differ says nothing
        ([1, -2, -3], 2 / 8),  # -6 and -4
        ([-0.5] * 8, 1 / 256),
        ([-1 / 3, -1 / 3, 2 / 3], 5 / 8),  # sums to 0, whatever the last bits say
    ],
)
def test_the_flip_test_by_hand(differences: list[float], p: float) -> None:
    assert flip_test(differences) == p


def test_the_flip_test_goes_through_all_signs() -> None:
    values = [-2.5, 1.0, -0.5, -4.0, 0.5, -1.5, 2.0]
    signs = itertools.product((1, -1), repeat=len(values))
    sums = [sum(sign * value for sign, value in zip(row, values, strict=True)) for row in signs]
    assert flip_test(values) == sum(total <= sum(values) for total in sums) / len(sums)


def test_of_many_questions_the_flip_test_is_nearly_the_same() -> None:
    """Where the exact way ends, the normal one goes on, a little on the safe side."""
    values = [-1.0, 0.5, -0.5, 0.25, -2.0, 0.5, -0.5] * 6
    ways = Counter({0.0: 1})
    for value in values:
        ways = Counter({t: ways[t - value] + ways[t + value] for s in ways for t in (s - value, s + value)})
    exact = sum(count for total, count in ways.items() if total <= sum(values)) / 2 ** len(values)
    assert 0.001 < exact < 0.02
    assert exact <= flip_test(values) <= 1.25 * exact
    began = time.perf_counter()
    assert flip_test([-1.0, 1.0] * 5_000) == pytest.approx(0.5, abs=0.01)
    assert time.perf_counter() - began < 0.3


# Holm (1979), section 3: the smallest of n by n, the next by n - 1, never lower than the one before.
@pytest.mark.parametrize(
    ("given", "adjusted"),
    [
        ([], []),
        ([0.02], [0.02]),
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.5, 0.6, 0.001], [1.0, 1.0, 0.003]),
        ([0.02, 0.02], [0.04, 0.04]),
    ],
)
def test_holm_by_hand(given: list[float], adjusted: list[float]) -> None:
    assert holm(given) == pytest.approx(adjusted)
