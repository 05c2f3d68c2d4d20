"""Whether a judge is any good, from what it did: rows with known figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mtbench_pytest.core.records import AnswerFailure, Verdict
from mtbench_pytest.core.row import Row
from mtbench_pytest.findings.judge import grades_used, judge_fitness, position_of
from tests.unit.factories import Winner, answer, consistent, judge_failure, row, verdict

FLIPS: tuple[Winner, Winner] = ("A", "A")
STAYS: tuple[Winner, Winner] = ("A", "B")


def compared(*pairs: tuple[Winner, Winner]) -> list[Verdict]:
    """One comparison a question."""
    return [verdict(first, second, question_id) for question_id, (first, second) in enumerate(pairs, 1)]


def graded(*grades: float) -> list[Row]:
    """Two grades a question, the same of both sides."""
    pairs = zip(grades[::2], grades[1::2], strict=True)
    return [row(n, pair, pair) for n, pair in enumerate(pairs, 1)]


def warnings_of(rows: Sequence[Row]) -> str:
    return "\n".join(judge_fitness(rows).warnings)


@pytest.mark.parametrize(
    ("first", "second", "flips", "lean"),
    [
        ("A", "B", 0, 0), ("B", "A", 0, 0), ("tie", "tie", 0, 0),
        ("A", "A", 1, 1), ("B", "B", 1, -1),
        ("A", "tie", 1, 1), ("tie", "A", 1, 1), ("B", "tie", 1, -1), ("tie", "B", 1, -1),
    ],
)  # fmt: skip
def test_what_is_a_flip_and_where_it_leans(first: Winner, second: Winner, flips: int, lean: int) -> None:
    position = position_of([verdict(first, second)])
    assert position.flips.hits == flips
    assert (position.toward_first, position.toward_second) == (int(lean > 0), int(lean < 0))


def test_how_often_the_first_answer_won() -> None:
    """Six games with a winner: four of them won by the answer shown first."""
    position = position_of(compared(("A", "A"), ("A", "B"), ("tie", "tie"), ("A", "tie"), ("tie", "B")))
    assert (position.first_wins, position.decided) == (4, 6)
    assert position.first_share == pytest.approx(4 / 6)
    assert position_of(compared(("tie", "tie"))).first_share is None


def test_a_judge_that_never_looks_at_the_order_gives_half_to_the_first() -> None:
    assert position_of(compared(("A", "B"), ("B", "A"), ("A", "B"))).first_share == 0.5


def test_identical_answers_are_no_comparison() -> None:
    position = position_of([Verdict(1, 1), Verdict(2, 1), verdict("A", "A", 3)])
    assert (position.flips.hits, position.flips.n) == (1, 1)


def test_turns_of_a_question_are_one_cluster() -> None:
    position = position_of([verdict("A", "A", 1, 1), verdict("A", "A", 1, 2), consistent("A", 2, 1)])
    assert (position.flips.n, position.flips.clusters) == (3, 2)


def clear(flips: int, of: int) -> list[Row]:
    """Questions on which the grades lie four points apart, and how many comparisons flip all the same."""
    return [
        row(n, (8, 8), (4, 4), verdicts=[verdict(*(FLIPS if n <= flips else STAYS), n)])
        for n in range(1, of + 1)
    ]


@pytest.mark.parametrize(
    ("flips", "of", "fit"), [(4, 9, None), (9, 9, False), (4, 10, True), (7, 10, False), (0, 10, True)]
)
def test_a_judge_is_unfit_where_it_flips_on_clear_comparisons_beyond_chance(
    flips: int, of: int, fit: bool | None
) -> None:
    """Six of ten may be chance where four in ten are allowed: Wilson's lower bound is 35 %, of seven 44 %."""
    assert judge_fitness(clear(flips, of)).fit is fit


def test_what_was_asked_and_what_failed() -> None:
    """16 grades and 6 games: a failed game's twin was asked for, and no verdict holds it."""
    unread = replace(judge_failure(), unread=True)
    rows = [
        row(1, verdicts=[consistent("A", 1, 1), consistent("A", 1, 2)]),
        row(2, (7,), failures=[unread]),
        row(3, verdicts=[Verdict(3, 1)], game_turns=(1, 2), failures=[judge_failure(("cand", "base"))]),
        row(4, (), answers={"baseline": answer(4, "base")}, game_turns=(1, 2),
            failures=[AnswerFailure(4, "cand", "no")]),
    ]  # fmt: skip
    asked = judge_fitness(rows).asked
    assert (asked.n, asked.unread, asked.failed) == (4 + 4 + 4 + 4 + 4 + 2 - 2, 1, 1)


def test_the_grades_that_are_used() -> None:
    used = grades_used([7, 10, 8.5, 10, 7, 10])
    assert list(used.counts.items()) == [(7, 2), (8.5, 1), (10, 3)]
    assert (used.n, used.tens, used.commonest) == (6, 3, (10, 3))


@pytest.mark.parametrize(
    ("grades", "told"),
    [
        ([9] * 10, "all 20 grades are 9"),
        ([1, 10] * 5, "only two grades are used, 1 and 10"),
        ([10] * 9 + [3], "only two grades are used, 3 and 10"),
        ([10] * 18 + [3, 7], "the grades hardly vary: 36 of 40 are 10"),
        ([10] * 7 + [3, 7, 8], ""),
        ([5, 6, 7, 8, 9, 10], ""),
        ([9] * 4, ""),
    ],
)
def test_grades_that_say_little(grades: list[float], told: str) -> None:
    said = warnings_of(graded(*grades))
    assert said.startswith(told)
    assert bool(said) == bool(told)


def test_flips_to_one_side() -> None:
    rows = [row(n, verdicts=[verdict(*(FLIPS if n <= 10 else STAYS), n)]) for n in range(1, 41)]
    assert "10 of 10 flips favour the answer shown first" in warnings_of(rows)
    rows = [row(n, verdicts=[verdict("B", "B", n)]) for n in range(1, 41)]
    assert "40 of 40 flips favour the answer shown second" in warnings_of(rows)
    assert "not fit" not in warnings_of(rows), "the grades are alike: none of these should be clear"
    assert "the judge is not fit to compare" in warnings_of(clear(40, 40))


@pytest.mark.parametrize(("failed", "told"), [(1, False), (2, True)])
def test_failures_worth_a_warning(failed: int, told: bool) -> None:
    """Of 36: 5 % are two."""
    rows = [*graded(*([5, 6, 7, 8] * 4)), row(9, (5, 6)[failed:], failures=[judge_failure()] * failed)]
    assert (f"{failed} of 36 judgments could not be had" in warnings_of(rows)) == told


def test_nothing_is_said_of_nothing() -> None:
    fitness = judge_fitness([])
    assert (fitness.asked.n, fitness.grades.n, fitness.fit, fitness.warnings) == (0, 0, None, ())
