"""Questions that dropped past their margin: which are asked again, and whether a drop stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mtbench_pytest.bench.config import CategoryRules
from mtbench_pytest.core.records import Judgment, Side
from mtbench_pytest.core.row import Row, Sample
from mtbench_pytest.core.serialize import row_from_dict, to_plain
from mtbench_pytest.gate.decide import Policy
from mtbench_pytest.gate.drops import Again, asks_again, drop_stands, drops_of, graded_again
from tests.unit.factories import answer, judge_failure, judgment, row

POLICY = Policy()
DROPPED = row(1, [2, 2], [8, 8])


def again(
    given: Row, candidate: Sequence[float | None], baseline: Sequence[float | None] = (8, 8), first: int = 2
) -> Row:
    """The row asked again: of each side a grade a further grading for all turns; None where none was had."""
    sides: dict[Side, Sequence[float | None]] = {"candidate": candidate, "baseline": baseline}
    regraded: dict[Side, tuple[Judgment, ...]] = {
        side: tuple(
            replace(judgment(grade, turn=turn, model=given.answers[side].model), repeat=repeat)
            for turn in range(1, given.turns + 1)
            for repeat, grade in enumerate(grades, first)
            if grade is not None
        )
        for side, grades in sides.items()
    }
    return replace(given, regraded=regraded)


@pytest.mark.parametrize(
    ("candidate", "asked"), [((2, 2), True), ((3, 3), False), ((3, 2), True), ((9, 9), False)]
)
def test_a_question_that_drops_past_its_margin_is_asked_again(
    candidate: Sequence[float], asked: bool
) -> None:
    assert asks_again(POLICY, row(1, candidate, [8, 8])) is asked


def test_the_margin_is_the_categorys_own() -> None:
    strict = Policy(categories={"safety": CategoryRules(question_margin=2)})
    assert asks_again(strict, row(1, [5, 5], [8, 8], category="safety"))
    assert not asks_again(strict, row(1, [5, 5], [8, 8]))


def test_a_question_without_a_grade_is_not_asked_again() -> None:
    assert not asks_again(POLICY, row(1, [1], [8, 8], failures=[judge_failure()]))


@pytest.mark.parametrize(
    ("candidate", "baseline", "stands"),
    [
        ((2, 1), (8, 8), True),
        ((2, 3), (8, 8), False),  # a drop by the margin is none
        ((8, 1), (8, 8), False),
        ((2, 2), (8, 6), False),  # it is the baseline's first grade that was too high
        ((2, None), (8, 8), True),  # what could not be had denies nothing
        ((7, None), (8, 8), False),
        ((None, None), (8, 8), True),
        ((2, 2), (None, None), True),
    ],
)
def test_a_drop_stands_unless_a_further_grading_denies_it(
    candidate: Sequence[float | None], baseline: Sequence[float | None], stands: bool
) -> None:
    assert drop_stands(again(DROPPED, candidate, baseline), 5) is stands


def test_where_the_judge_cannot_repeat_the_first_grade_stands() -> None:
    assert drop_stands(DROPPED, 5) is True
    assert drop_stands(row(1, [8, 8], [8, 8]), 5) is None
    assert drop_stands(row(1, [], [8, 8]), 5) is None


def test_further_gradings_are_part_of_no_figure_of_the_row() -> None:
    asked = again(DROPPED, [9, 9])
    for figure in ("difference", "score", "judged", "allowance"):
        assert getattr(asked, figure) == getattr(DROPPED, figure)
    for side in ("candidate", "baseline"):
        assert asked.grade(side) == DROPPED.grade(side)
        assert asked.grades(side) == DROPPED.grades(side)
        assert asked.turn_grades(side) == DROPPED.turn_grades(side)
        assert asked.repeated(side) == DROPPED.repeated(side)


def test_numbers_go_on_after_the_runs_own_repeats() -> None:
    twice = replace(
        DROPPED,
        repeats=2,
        judgments={
            side: tuple(replace(one, repeat=n) for one in found for n in (1, 2))
            for side, found in DROPPED.judgments.items()
        },
    )
    assert twice.difference == -6
    assert graded_again(again(twice, [2, 3], first=3)) == (Again(3, 2, 8), Again(4, 3, 8))
    assert graded_again(again(twice, [2, 3], first=2)) == (Again(3, 3, 8),)


def test_a_turn_that_was_not_graded_again_leaves_the_grading_out() -> None:
    asked = again(DROPPED, [4, 2])
    torn = {**asked.regraded, "candidate": asked.regraded["candidate"][1:]}
    assert graded_again(replace(asked, regraded=torn)) == (Again(3, 2, 8),)


def test_every_sample_is_graded_again() -> None:
    """A grade is the mean over the samples, and so is each further one."""

    def sampled(*further: float) -> Row:
        sample = Sample(
            2,
            answer(1, "cand"),
            tuple(judgment(1, turn=turn) for turn in (1, 2)),
            tuple(replace(judgment(g, turn=t), repeat=n) for t in (1, 2) for n, g in enumerate(further, 2)),
        )
        return replace(again(DROPPED, [2, 2]), drawn={"candidate": 2}, samples={"candidate": (sample,)})

    assert sampled().difference == -6.5
    assert graded_again(sampled(1, 6)) == (Again(2, 1.5, 8), Again(3, 4, 8))
    assert drop_stands(sampled(1, 6), 5) is False
    assert drop_stands(sampled(1, 1), 5) is True
    assert graded_again(sampled(1)) == (Again(2, 1.5, 8),), "one sample was not graded a second time"


def test_the_drops_of_a_run() -> None:
    fine, stands, not_ = row(1, [7, 7], [8, 8]), again(DROPPED, [2, 2]), again(row(3, [1, 1], [8, 8]), [8, 8])
    found = drops_of([fine, stands, not_], POLICY)
    assert [(drop.row.question_id, drop.margin, drop.stands) for drop in found] == [
        (1, 5, True),
        (3, 5, False),
    ]


def test_a_row_that_was_asked_again_crosses_from_a_worker() -> None:
    asked = again(DROPPED, [2, None])
    sample = Sample(2, answer(1, "cand"), (), asked.regraded["candidate"])
    whole = replace(asked, samples={"candidate": (sample,)}, regrade_failures=(judge_failure(),))
    assert row_from_dict(to_plain(whole)) == whole
