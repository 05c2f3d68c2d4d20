"""Whether a judge moved: grades of the same answers, then and now."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from mtbench_pytest.core.records import GradeTask
from mtbench_pytest.findings.drift import measure
from mtbench_pytest.run.standing import Again, drift_of
from tests.unit.factories import PROMPT, answer, question


def test_by_hand() -> None:
    """Differences -1, -1.5, -0.5, -1: mean -1, sd 0.4082, t(0.995, 3) = 5.8409, so ± 5.8409 · 0.4082 / 2."""
    drift = measure([(8, 7), (6, 4.5), (7, 6.5), (5, 4)], 4)
    assert (drift.n, drift.shift) == (4, -1)
    assert (drift.lower, drift.upper) == pytest.approx((-2.1923, 0.1923), abs=5e-4)
    assert not drift.beyond, "four answers are few"


def test_a_judge_that_moved_by_a_point() -> None:
    drift = measure([(grade, grade - 1) for grade in (8, 6, 7, 5, 9, 3, 4, 8)], 8)
    assert (drift.shift, drift.lower, drift.upper, drift.beyond) == (-1, -1, -1, True)


def test_a_judge_that_did_not_move() -> None:
    drift = measure([(grade, grade) for grade in (8, 6, 7, 5)], 4)
    assert (drift.shift, drift.beyond) == (0, False)


def test_known_noise_is_the_least() -> None:
    """Eight differences that happen to be alike: ± 2.5758 · 1.2 / √8 = 1.0928."""
    alike = [(8.0, 7.0)] * 8
    drift = measure(alike, 8, noise=1.2)
    assert (drift.lower, drift.upper) == pytest.approx((-2.0928, 0.0928), abs=5e-4)
    assert not drift.beyond
    assert measure(alike, 8, noise=0.5).beyond


@pytest.mark.parametrize("pairs", [[], [(8.0, 1.0)]])
def test_too_few_to_tell(pairs: list[tuple[float, float]]) -> None:
    drift = measure(pairs, 8)
    assert (drift.n, drift.known, drift.beyond) == (len(pairs), False, False)
    assert math.isnan(drift.shift) == (not pairs)


@pytest.mark.parametrize(("shift", "least", "most"), [(0.0, 0.0, 0.02), (-1.0, 0.95, 1.0)])
def test_how_often_it_alarms(shift: float, least: float, most: float) -> None:
    """A judge whose grades vary by 0.4 points from call to call: 8 questions of two turns, 1,000 runs."""
    rng = random.Random(1)

    def grade(mean: float) -> float:
        return sum(round(mean + rng.gauss(0, 0.4)) for _ in (1, 2)) / 2

    def run() -> bool:
        true = [rng.uniform(3, 9) for _ in range(8)]
        return measure([(grade(mean), grade(mean + shift)) for mean in true], 8).beyond

    assert least <= sum(run() for _ in range(1000)) / 1000 <= most


def test_the_question_is_the_unit() -> None:
    again = [
        Again(GradeTask(question(n), turn, answer(n), PROMPT), old)
        for n, turn, old in [(1, 1, 8), (1, 2, 6), (2, 1, 5), (2, 2, 5), (3, 1, 9), (3, 2, 9)]
    ]
    drift = drift_of(again, [7, 7, 5, 4, 9, None])
    assert (drift.asked, drift.n) == (3, 2), "question 3 lacks a turn"
    assert drift.shift == -0.25
    assert replace(drift, lower=0, upper=0) == replace(measure([(7, 7), (5, 4.5)], 3), lower=0, upper=0)
