"""The judge's noise: by hand, and by drawing grades that wobble as stated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from mtbench_pytest.core.errors import SpecError
from mtbench_pytest.core.records import QuestionId
from mtbench_pytest.core.row import Row, Sample
from mtbench_pytest.findings.noise import (
    check_margin,
    planned_floor,
    repeats_for,
    rounded_up,
    run_noise,
    sensible_margin,
    why_no_verdict,
    within_answer,
)
from tests.unit.factories import answer, judge_failure, judgment, repeated_row, row

STATED = {"gpt-4o": 0.9}


def test_the_within_answer_sd_by_hand() -> None:
    """Squares 2 (7, 8, 9), 0 (5, 5) and 0.5 (4, 5) over 2 + 1 + 1 degrees of freedom: √0.625."""
    found = within_answer([(1, (7, 8, 9)), (1, (5, 5)), (2, (4, 5)), (3, (10,))])
    assert found is not None
    assert found.sd == pytest.approx(math.sqrt(2.5 / 4))
    assert (found.repeats, found.changed.hits, found.changed.n, found.changed.clusters) == (3, 2, 3, 2)


@pytest.mark.parametrize("replies", [[], [(1, (7.0,)), (2, (8.0,))]])
def test_grades_given_once_show_no_noise(replies: list[tuple[QuestionId, tuple[float, ...]]]) -> None:
    assert within_answer(replies) is None


def test_a_run_without_repeats_knows_no_noise() -> None:
    assert run_noise([row(1), row(2)]) is None


def test_the_floor_of_a_run_by_hand() -> None:
    """Two questions, one turn. s²: 2, 0, 0.5, 0.5, over K = 2 and n² = 4: V = 3 / 8; t(0.95, 4) = 2.13185."""
    rows = [repeated_row(1, [(6, 8)], [(5, 5)]), repeated_row(2, [(7, 8)], [(7, 6)])]
    noise = run_noise(rows)
    assert noise is not None
    assert noise.sd == pytest.approx(math.sqrt(3 / 4))
    assert noise.floor == pytest.approx(2.13185 * math.sqrt(3 / 8), abs=1e-5)


def test_turns_share_a_questions_weight() -> None:
    """One question of two turns, s² = 2 in each of four replies, K = 2, T² = 4: V = 4 · 2 / 2 / 4 = 1."""
    noise = run_noise([repeated_row(1, [(6, 8), (3, 5)], [(5, 7), (8, 10)])])
    assert noise is not None
    assert noise.floor == pytest.approx(2.13185, abs=1e-5)


def with_sample(given: Row, text: str, grades: Sequence[float]) -> Row:
    """The row with a second answer of the candidate in one turn, graded so."""
    judgments = tuple(
        replace(judgment(grade, given.question_id), repeat=repeat) for repeat, grade in enumerate(grades, 1)
    )
    further = Sample(2, answer(given.question_id, "cand", (text,)), judgments)
    return replace(given, drawn={"candidate": 2}, samples={"candidate": (further,)})


def test_samples_share_a_questions_weight() -> None:
    """w is 1/2, 1/2 and 1, s² 2, 8 and 0.5, K = 2: V = (2 / 4 + 8 / 4 + 0.5) / 2 = 1.5; t(0.95, 3)."""
    noise = run_noise([with_sample(repeated_row(1, [(6, 8)], [(5, 6)]), "another", (3, 7))])
    assert noise is not None
    assert noise.floor == pytest.approx(2.353363 * math.sqrt(1.5), abs=1e-5)


def test_samples_that_share_a_judgment_are_one_reply() -> None:
    """At temperature 0 all samples are one text and one judgment: w is 1, as of one answer."""
    plain = repeated_row(1, [(6, 8)], [(5, 6)])
    noise, alone = run_noise([with_sample(plain, "cand 1", (6, 8))]), run_noise([plain])
    assert noise == alone


def test_judgments_that_both_sides_share_cancel() -> None:
    """The same text on both sides is judged once: its wobble is in both means alike."""
    same = {"candidate": answer(1, "cand", ("a",)), "baseline": answer(1, "base", ("a",))}
    shared = repeated_row(1, [(6, 8)], [(6, 8)], answers=same)
    noise = run_noise([shared])
    assert noise is not None
    assert (noise.floor, noise.changed.n) == (0.0, 1)
    assert noise.sd == pytest.approx(math.sqrt(2))
    apart = run_noise([repeated_row(1, [(6, 8)], [(6, 8)])])
    assert apart is not None
    assert apart.floor > 1


def test_a_reply_that_lacks_a_repeat_is_no_part_of_the_floor() -> None:
    """Its question has no difference; the grades that are there still tell how the judge wobbles."""
    whole = repeated_row(1, [(6, 8)], [(5, 5)])
    torn = repeated_row(2, [(3, 9)], [(7,)], failures=[judge_failure()])
    noise, alone = run_noise([whole, torn]), run_noise([whole])
    assert noise is not None
    assert alone is not None
    assert noise.floor == alone.floor
    assert noise.sd > alone.sd


def test_the_floor_is_what_the_judge_does_to_the_mean_difference() -> None:
    """Grades drawn with an SD of 0.6: the mean difference exceeds the floor one time in twenty."""
    rng = np.random.default_rng(3)
    sd, n, turns, repeats = 0.6, 40, 2, 3
    noise = rng.normal(0, sd, size=(4000, n, 2, turns, repeats)).mean(axis=(3, 4))
    means = (noise[:, :, 0] - noise[:, :, 1]).mean(axis=1)
    floor = planned_floor(sd, [turns] * n, repeats)
    assert np.mean(means > floor) == pytest.approx(0.05, abs=0.01)
    grades = 6 + rng.normal(0, sd, size=(n, 2, turns, repeats))
    found = run_noise([repeated_row(q, *grades[q].tolist()) for q in range(n)])
    assert found is not None
    assert found.sd == pytest.approx(sd, rel=0.1)
    assert found.floor == pytest.approx(floor, rel=0.1)


def test_the_planned_floor_by_hand() -> None:
    """1.644854 · 0.6 · √(2 · (1/2 + 1/1) / 3) / 2."""
    assert planned_floor(0.6, [2, 1], 3) == pytest.approx(0.493456, abs=1e-6)


def test_how_many_repeats_a_margin_needs() -> None:
    turns = [2] * 80
    assert planned_floor(0.9, turns) == pytest.approx(0.16551, abs=1e-5)
    assert repeats_for(0.9, turns, 0.1) == 3
    assert planned_floor(0.9, turns, 3) < 0.1 < planned_floor(0.9, turns, 2)
    assert repeats_for(0.9, turns, 0.2) == 1
    assert repeats_for(0.9, turns, planned_floor(0.9, turns, 4)) == 4


def test_a_sensible_margin_passes_an_equal_candidate_four_times_in_five() -> None:
    rng = np.random.default_rng(5)
    sd = 0.1  # of the mean difference, by the judge alone
    floor = 1.644854 * sd
    means = rng.normal(0, sd, size=100_000)
    assert np.mean(means - floor > -sensible_margin(floor)) == pytest.approx(0.80, abs=0.01)


@pytest.mark.parametrize(("points", "shown"), [(0.121, 0.13), (0.12, 0.12), (0.1 + 0.2, 0.3), (0.0, 0.0)])
def test_points_are_rounded_up(points: float, shown: float) -> None:
    assert rounded_up(points) == shown


def test_a_margin_under_a_stated_noise_is_refused_with_the_number() -> None:
    with pytest.raises(SpecError) as error:
        check_margin(0.1, ["gpt-4o"], STATED, [2] * 80, 1)
    assert str(error.value) == (
        "margin 0.1: under the noise floor of judge gpt-4o, 0.166 points on 80 questions "
        "(judge_noise in bench.toml: 0.9); expected 0.17 or more, or --mtbench-judge-repeats 3"
    )
    check_margin(0.1, ["gpt-4o"], STATED, [2] * 80, 3)
    check_margin(0.1, ["another"], STATED, [2] * 80, 1)
    check_margin(0.17, ["gpt-4o"], STATED, [2] * 80, 1)
    with pytest.raises(SpecError, match=r"expected 0\.17 or more$"):
        check_margin(0.0, ["gpt-4o"], STATED, [2] * 80, 1)


def test_a_margin_under_the_noise_seen_decides_nothing() -> None:
    noise = run_noise([repeated_row(1, [(6, 8)], [(5, 5)]), repeated_row(2, [(7, 8)], [(7, 6)])])
    assert why_no_verdict(1.31, noise) == ""
    assert why_no_verdict(0.5, None) == ""
    told = why_no_verdict(0.5, noise)
    assert "the margin 0.5 lies under the judge's noise floor of 1.305 points" in told
    assert "expected 1.31 or more" in told
