"""The way of a run that may stop early: blocks, looks, levels and order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mtbench_pytest.bench.bench import mixed
from mtbench_pytest.core.records import Question, QuestionId
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.decision import Decision, Outcome
from mtbench_pytest.gate.early_stop import Course, Rows, control_of, decide_early, levels_of, look_ends
from mtbench_pytest.gate.stats import ControlVariate
from mtbench_pytest.gate.stats.sequential import crossings
from mtbench_pytest.plugin.selection import reordered
from tests.unit.factories import question, questions, row
from tests.unit.looks import Agreed


@pytest.mark.parametrize(
    ("count", "ends"),
    [
        (1, (1,)),
        (8, (8,)),
        (9, (8, 9)),
        (20, (8, 16, 20)),
        (80, (8, 16, 24, 32, 40, 48, 56, 64, 72, 80)),
    ],
)
def test_there_is_a_look_after_every_eighth_question(count: int, ends: tuple[int, ...]) -> None:
    assert look_ends(count) == ends


def test_a_large_bench_has_larger_blocks() -> None:
    ends = look_ends(10_000)
    assert len(ends) <= 40
    assert all(end % 8 == 0 for end in ends)
    assert ends[-1] == 10_000


def test_too_few_questions_decide_nothing_by_their_bounds() -> None:
    levels = levels_of(look_ends(80))
    assert [level.regression_alpha > 0 for level in levels] == [False] + [True] * 9
    assert [level.pass_alpha > 0 for level in levels] == [False] * 3 + [True] * 7


@pytest.mark.parametrize("count", [1, 8, 12, 16])
def test_a_bench_with_one_look_alone_has_all_of_the_levels_there(count: int) -> None:
    last = levels_of(look_ends(count))[-1]
    assert (last.pass_alpha, last.regression_alpha) == pytest.approx((0.05, 0.025))


@pytest.mark.parametrize("count", [40, 80, 200, 3000])
def test_all_looks_together_spend_the_rates_of_one_decision(count: int) -> None:
    ends = look_ends(count)
    levels = levels_of(ends)
    shares = [end / count for end in ends]
    assert sum(crossings(shares, [level.pass_alpha for level in levels])) == pytest.approx(0.05, abs=1e-6)
    way = [level.regression_alpha / 4 for level in levels]
    assert sum(crossings(shares, way)) == pytest.approx(0.025 / 4, abs=1e-6)
    one_of_two = [level.regression_alpha / 2 for level in levels]
    assert sum(crossings(shares, one_of_two)) <= 0.025 / 2


@pytest.mark.parametrize(("count", "late"), [(80, 0.047), (160, 0.029)])
def test_a_short_bench_keeps_more_of_its_rate_for_the_end(count: int, late: float) -> None:
    assert levels_of(look_ends(count))[-1].pass_alpha == pytest.approx(late, abs=0.002)


# The order.


def test_every_beginning_has_each_category_in_its_proportion() -> None:
    asked = [question(n, "large" if n <= 60 else "small") for n in range(1, 81)]
    order = mixed(asked, 0)
    assert {q.question_id for q in order} == set(range(1, 81))
    for end in range(8, 81, 8):
        assert sum(q.category == "small" for q in order[:end]) == pytest.approx(end / 4, abs=1)


def test_categories_of_one_size_come_in_turn() -> None:
    asked = [question(n, f"c{n % 8}") for n in range(80)]
    order = mixed(asked, 0)
    for first in range(0, 80, 8):
        assert len({q.category for q in order[first : first + 8]}) == 8


def test_the_order_is_seeded_and_does_not_hang_on_the_file() -> None:
    asked = questions(40)
    assert mixed(asked, 0) == mixed(asked, 0)
    assert mixed(asked, 0) != mixed(asked, 1)
    assert mixed(asked, 0) != tuple(asked)


def test_tests_are_reordered_where_they_stood() -> None:
    places = {"b1": ("b", 1), "a3": ("a", 3), "a1": ("a", 1), "a1'": ("a", 1), "b0": ("b", 0), "a0": ("a", 0)}
    items = ["x", "b1", "a3", "a1", "y", "a1'", "b0", "a0", "z"]
    assert reordered(items, places.get) == ["x", "b0", "a0", "a1", "y", "a1'", "b1", "a3", "z"]


# The way.


def rows_for(asked: Sequence[Question]) -> dict[QuestionId, Row]:
    return {q.question_id: row(q.question_id, category=q.category) for q in asked}


def go(course: Course) -> list[int]:
    """Judges all that is asked; the sizes of the blocks."""
    rows: dict[QuestionId, Row] = {}
    sizes = []
    while course.block:
        sizes.append(len(course.block))
        rows |= rows_for(course.block)
        course.proceed(rows)
    return sizes


def test_it_ends_with_the_first_look_that_is_certain() -> None:
    agreed = Agreed("INCONCLUSIVE", "NO VERDICT", "PASS")
    course = Course(questions(40), [], agreed)
    assert go(course) == [8, 8, 8]
    assert course.decision is not None
    assert course.decision.outcome == "PASS"
    early = course.decision.early
    assert early is not None
    assert (early.questions, early.used, early.stopped) == (40, 24, True)
    assert [(look.questions, look.outcome) for look in early.looks] == [
        (8, "INCONCLUSIVE"),
        (16, "NO VERDICT"),
        (24, "PASS"),
    ]
    assert agreed.asked == [(8, 8), (16, 16), (24, 24)]
    assert len(course.left) == 16


def test_undecided_it_goes_to_the_end() -> None:
    course = Course(questions(20), [], Agreed("INCONCLUSIVE", "INCONCLUSIVE", "INCONCLUSIVE"))
    assert go(course) == [8, 8, 4]
    assert course.decision is not None
    assert course.decision.outcome == "INCONCLUSIVE"
    assert course.decision.early is not None
    assert not course.decision.early.stopped


def test_a_pass_waits_for_critical_questions_that_are_left() -> None:
    agreed = Agreed("PASS", "INCONCLUSIVE", "PASS", "PASS")
    asked = questions(40)
    critical = [3, 20, 30, 12]
    course = Course(asked, critical, agreed)
    assert go(course) == [8, 3, 7]  # then 9 to 16 without question 12, which is known by then
    assert [seen for seen, _ in agreed.asked] == [8, 11, 16, 18]
    assert course.decision is not None
    assert course.decision.early is not None
    assert course.decision.early.used == 18
    assert {q.question_id for q in course.left} == set(range(17, 41)) - {20, 30}


def test_a_critical_question_that_dropped_forbids_the_pass() -> None:
    agreed = Agreed("PASS", "REGRESSION")
    course = Course(questions(40), [40], agreed)
    assert go(course) == [8, 1]
    assert course.decision is not None
    assert course.decision.outcome == "REGRESSION"


def test_the_way_is_found_again_from_the_rows() -> None:
    asked = questions(40)
    rows = rows_for(asked[:24])
    outcomes: tuple[Outcome, ...] = ("INCONCLUSIVE", "INCONCLUSIVE", "PASS")
    decision = Course(asked, [], Agreed(*outcomes)).follow(rows)
    assert decision is not None
    assert decision.outcome == "PASS"


@pytest.mark.parametrize("judged", [0, 8, 16])
def test_a_run_that_broke_off_on_its_way_has_no_decision(judged: int) -> None:
    asked = questions(40)
    agreed = Agreed("INCONCLUSIVE", "INCONCLUSIVE")
    assert Course(asked, [], agreed).follow(rows_for(asked[:judged])) is None


def test_a_question_that_was_lost_on_its_way_counts_as_not_judged() -> None:
    asked = questions(40)
    agreed = Agreed("NO VERDICT", "REGRESSION")
    Course(asked, [], agreed).follow(rows_for([*asked[:7], *asked[8:16]]))
    assert agreed.asked == [(8, 7), (16, 15)]


def test_a_pass_that_hangs_on_what_could_not_be_judged_is_not_certain() -> None:
    held = [False, True]
    told: list[int] = []

    def holds(rows: Rows, expected: Sequence[Question], decision: Decision) -> bool:
        told.append(sum(q.question_id in rows for q in expected))
        assert decision.outcome == "PASS"
        return held.pop(0)

    course = Course(questions(40), [], Agreed("INCONCLUSIVE", "PASS", "PASS"), holds)
    assert go(course) == [8, 8, 8]
    assert told == [16, 24]


def test_at_the_end_such_a_pass_is_one_all_the_same() -> None:
    course = Course(questions(16), [], Agreed("PASS", "PASS"), lambda *_: False)
    assert go(course) == [8, 8]
    assert course.decision is not None
    assert course.decision.outcome == "PASS"


# What is known beforehand.


def test_only_what_is_known_of_all_questions_is_used() -> None:
    asked = questions(20)
    known = {q.question_id: 7.0 for q in asked}
    control = control_of(asked, known)
    assert control is not None
    assert len(control.values) == 20
    assert control_of(asked, {key: known[key] for key in list(known)[1:]}) is None
    assert control_of(asked, {}) is None


@pytest.mark.parametrize(
    ("with_it", "without", "alone"),
    [
        (("INCONCLUSIVE", "PASS"), ("INCONCLUSIVE", "INCONCLUSIVE"), 24),  # it would have gone on
        (("INCONCLUSIVE", "PASS"), ("INCONCLUSIVE", "PASS"), 16),
        (("INCONCLUSIVE", "PASS"), ("PASS",), 8),
    ],
)
def test_it_is_told_where_the_run_had_ended_without_it(
    with_it: tuple[Outcome, ...], without: tuple[Outcome, ...], alone: int
) -> None:
    asked = questions(40)
    control = control_of(asked, {q.question_id: 7.0 for q in asked})
    outcomes = {True: with_it, False: without}

    def course_of(control: ControlVariate | None) -> Course:
        return Course(asked, [], Agreed(*outcomes[control is not None]))

    found = decide_early(course_of, control, rows_for(asked[:16]))
    assert found is not None
    decision, reached = found
    assert decision.early is not None
    assert (decision.early.used, decision.early.known, decision.early.alone) == (16, 40, alone)
    assert len(reached) == 16


def test_without_such_knowledge_nothing_is_told_of_it() -> None:
    asked = questions(40)
    found = decide_early(lambda _: Course(asked, [], Agreed("PASS")), None, rows_for(asked[:8]))
    assert found is not None
    assert found[0].early is not None
    assert (found[0].early.known, found[0].early.alone) == (0, 0)
    assert decide_early(lambda _: Course(asked, [], Agreed("INCONCLUSIVE")), None, {}) is None
