"""The win rate at equal length, against hand arithmetic and against a plain search for the maximum."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from scipy.optimize import minimize

from mtbench_pytest.findings.length_control import Compared, Controlled, length_controlled
from mtbench_pytest.gate.stats import t_quantile


def cells(*counts: tuple[float, int, int]) -> list[Compared]:
    """Comparisons of a question each: by how much longer, how many were won, how many lost."""
    found: list[Compared] = []
    for longer_by, won, lost in counts:
        found += [
            Compared(len(found) + n, longer_by, score) for n, score in enumerate([1] * won + [0] * lost)
        ]
    return found


def fitted(compared: list[Compared]) -> Controlled:
    found = length_controlled(compared)
    assert isinstance(found, Controlled), found
    return found


def test_two_lengths_by_hand() -> None:
    """With as many cells as parameters the fit is exact: θ lies in the middle of the two log-odds.

    logit(16/20) = ln 4 where longer, logit(10/20) = 0 where shorter: θ = ln 2, the win rate is 2/3. Its
    variance is (1/3.2 + 1/5) / 4 · 40/39, for the variance of a log-odds is 1 / (n p (1 - p)). The sd of the
    difference is 100 · √(40/39), so that the two log-odds are 2 tanh(1 / √(40/39)) apart.
    """
    found = fitted(cells((100, 16, 4), (-100, 10, 10)))
    error = math.sqrt((1 / 3.2 + 1 / 5) / 4 * 40 / 39)
    half = t_quantile(0.95, 38) * error
    assert found.win_rate == pytest.approx(2 / 3)
    assert found.lower == pytest.approx(1 / (1 + math.exp(half) / 2))
    assert found.upper == pytest.approx(1 / (1 + math.exp(-half) / 2))
    assert found.slope == pytest.approx(math.log(4) / (2 * math.tanh(math.sqrt(39 / 40))))
    assert not found.extrapolated


def test_a_judge_that_goes_by_length_alone_is_brought_back_to_one_half() -> None:
    """80 % of the longer answers win, whosever they are; the candidate writes three in four of them."""
    found = fitted(cells((100, 24, 6), (-100, 2, 8)))
    assert found.win_rate == pytest.approx(0.5)


def test_without_an_effect_of_length_it_is_the_win_rate() -> None:
    assert fitted(cells((100, 12, 8), (-300, 6, 4))).win_rate == pytest.approx(0.6)


def test_a_tie_is_half_a_win_and_a_weight_is_so_many_comparisons() -> None:
    won_and_lost = cells((100, 8, 4), (-50, 6, 6), (20, 1, 1))
    tied = [*cells((100, 8, 4), (-50, 6, 6)), Compared("t", 20, 0.5, 2.0)]
    # The sd differs by the number of lines alone, so the difference is scaled to match.
    whole, half = fitted(won_and_lost), fitted(tied)
    assert half.win_rate == pytest.approx(whole.win_rate, abs=0.002)


def test_the_order_does_not_matter() -> None:
    compared = random_comparisons(1)
    assert fitted(compared[::-1]).win_rate == pytest.approx(fitted(compared).win_rate, rel=1e-12)


def random_comparisons(seed: int, turns: int = 2) -> list[Compared]:
    rng = random.Random(seed)
    found = []
    for question in range(80):
        liking = rng.gauss(0.4, 1)
        for _ in range(turns):
            longer_by = rng.gauss(100, 400)
            chance = 1 / (1 + math.exp(-liking - longer_by / 300))
            found.append(Compared(question, longer_by, rng.choice([0.5, rng.random() < chance]), 1 / turns))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_maximum_of_the_likelihood(seed: int) -> None:
    compared = random_comparisons(seed)
    mean = sum(one.longer_by for one in compared) / len(compared)
    sd = math.sqrt(sum((one.longer_by - mean) ** 2 for one in compared) / (len(compared) - 1))

    def loss(at: Any) -> float:
        total = 0.0
        for one in compared:
            odds = at[0] + at[1] * math.tanh(one.longer_by / sd)
            total += one.weight * (
                one.score * math.log1p(math.exp(-odds)) + (1 - one.score) * math.log1p(math.exp(odds))
            )
        return total

    theta, slope = minimize(loss, (0.0, 0.0), method="BFGS", options={"gtol": 1e-8}).x
    found = fitted(compared)
    assert found.win_rate == pytest.approx(1 / (1 + math.exp(-theta)), abs=1e-6)
    assert found.slope == pytest.approx(slope, abs=1e-5)


def test_the_turns_of_a_question_are_one_cluster() -> None:
    """The same comparison told twice says no more than told once."""
    once = cells((100, 16, 4), (-100, 10, 10))
    twice = [Compared(one.question, one.longer_by, one.score, 0.5) for one in once for _ in range(2)]
    # The sd of the difference is by n - 1 of more lines, which shifts nothing at equal length.
    assert fitted(twice).lower == pytest.approx(fitted(once).lower)
    assert fitted(twice).upper == pytest.approx(fitted(once).upper)


@pytest.mark.parametrize(
    ("compared", "why"),
    [
        (cells((100, 5, 4)), "9 comparisons have a winner, of which it takes 10"),
        ([Compared(n, n, 0.5) for n in range(50)], "0 comparisons have a winner"),
        ([Compared(n % 2, n, n % 3 == 0) for n in range(50)], "comparisons have a winner"),
        (cells((100, 10, 10)), "the difference in length is the same everywhere"),
        (cells((0, 10, 10)), "the difference in length is the same everywhere"),
        (cells((100, 10, 0), (50, 5, 0)), "every comparison was won"),
        (cells((100, 0, 10), (50, 0, 5)), "every comparison was lost"),
        (cells((100, 10, 0), (-50, 0, 10)), "the length alone tells who won"),
        (cells((100, 0, 10), (-50, 10, 0)), "the length alone tells who won"),
        (cells((100, 10, 0), (50, 2, 2), (-50, 0, 10)), "the length alone tells who won"),
        ([*cells((100, 10, 0), (-50, 0, 10)), Compared("t", 0, 0.5)], "the length alone tells who won"),
        (cells((10**6, 12, 8), (10**6 + 1, 6, 4)), "no two answers are near each other in length"),
    ],
)
def test_where_the_fit_fails_it_says_why(compared: list[Compared], why: str) -> None:
    found = length_controlled(compared)
    assert isinstance(found, str)
    assert why in found


def test_ties_on_both_sides_keep_a_fit_from_running_away() -> None:
    ties = [Compared("t", 60, 0.5), Compared("u", -70, 0.5)]
    compared = [*cells((100, 10, 0), (-50, 0, 10)), *ties]
    assert fitted(compared).slope > 0


def test_a_side_that_is_always_longer_is_told() -> None:
    for compared in (cells((100, 12, 8), (150, 6, 4)), cells((-100, 12, 8), (-300, 6, 4))):
        found = fitted(compared)
        assert found.extrapolated
        assert found.win_rate == pytest.approx(0.6)
