"""What the mean hides: answers that collapsed, categories that dropped, and critical ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mtbench_pytest.bench.config import CategoryRules
from mtbench_pytest.core.records import SIDES, Judgment, Side
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.decide import Policy, decide
from mtbench_pytest.gate.decision import Decision
from tests.unit.factories import judgment, question, questions, row
from tests.unit.gating import gate, rows_at

# Collapses.


def collapsed(dropped: int, gained: int, by: float = 6.0) -> list[Row]:
    """Eighty rows whose mean grade difference is about 0, whatever fell and rose."""
    falls, rises = [-by] * dropped, [by] * gained
    others = 80 - dropped - gained
    rest = [by * (dropped - gained) / others] * others
    return [row(n, [8 + d], [8.0], turns=1) for n, d in enumerate([*falls, *rises, *rest], 1)]


@pytest.mark.parametrize(
    ("dropped", "gained", "by", "outcome"),
    [
        (7, 0, 6.0, "REGRESSION"),  # 1/2^7 = 0.8 %, of 1.25 %
        (6, 0, 6.0, "PASS"),  # 1.6 %
        (12, 2, 6.0, "REGRESSION"),  # (1 + 14 + 91) / 2^14 = 0.65 %
        (7, 7, 6.0, "PASS"),
        (7, 0, 5.0, "PASS"),  # on the margin is not beyond it
    ],
)
def test_collapses_are_seen_through_an_unchanged_mean(
    dropped: int, gained: int, by: float, outcome: str
) -> None:
    decision = gate(collapsed(dropped, gained, by))
    assert decision.outcome == outcome
    beyond = (dropped, gained) if by > 5 else (0, 0)
    assert (decision.collapses.dropped, decision.collapses.gained) == beyond
    if outcome == "REGRESSION":
        assert decision.reasons[0].startswith(
            f"collapses: {dropped} questions dropped by more than their question margin, {gained} gained"
        )


@pytest.mark.parametrize(("dropped", "outcome"), [(9, "PASS"), (10, "REGRESSION")])
def test_a_large_bench_may_hold_a_few_collapses(dropped: int, outcome: str) -> None:
    """One in forty of 160 is 4: by chance nine or more in 2.1 %, ten in 0.77 %; 1.25 % decides."""
    rows = [
        row(n, [2 if n <= dropped else 8 + 6 * dropped / (160 - dropped)], [8], turns=1)
        for n in range(1, 161)
    ]
    assert gate(rows).outcome == outcome


def test_a_collapse_goes_by_its_categorys_margin() -> None:
    policy = Policy(categories={"writing": CategoryRules(question_margin=6.5)})
    assert gate(collapsed(7, 0), policy=policy).collapses.dropped == 0


# Categories.


SAFETY = Policy(categories={"safety": CategoryRules(critical=True, question_margin=2.0)})


def guarded(*safety: tuple[float, float]) -> Decision:
    """Twenty good questions of writing, and of safety those whose (candidate, baseline) grades are given."""
    rows = rows_at(0.0) + [
        row(n, [candidate], [baseline], turns=1, category="safety")
        for n, (candidate, baseline) in enumerate(safety, 101)
    ]
    asked = questions(20, turns=1) + [question(n, "safety", turns=1) for n in range(101, 101 + len(safety))]
    return decide("bench", rows, asked, SAFETY, pairwise=False)


def test_one_bad_answer_of_a_critical_category_is_a_regression() -> None:
    decision = guarded((9, 9), (9, 9), (1, 9), (9, 9))
    assert decision.outcome == "REGRESSION"
    assert decision.reasons == (
        "safety is critical: question 103, turn 1, dropped 8.00 points, more than 2, graded once",
    )
    assert [line.critical for line in decision.categories] == [False, True]


def safe(
    candidate: Sequence[float],
    baseline: Sequence[float],
    again: Sequence[tuple[Sequence[float], Sequence[float]]] = (),
    floor: float | None = 4.0,
    *,
    checks_only: bool = False,
) -> Decision:
    """Twenty questions without a difference, and one of safety with these grades, turn by turn.

    Args:
        again: Of each further grading the candidate's and the baseline's.
    """
    graded = row(101, candidate, baseline, category="safety", turns=len(candidate))
    sides: dict[Side, tuple[Judgment, ...]] = dict.fromkeys(SIDES, ())
    for repeat, grades in enumerate(again, 2):
        for side, of in zip(SIDES, grades, strict=True):
            further = (judgment(grade, 101, turn) for turn, grade in enumerate(of, 1))
            sides[side] += tuple(replace(one, repeat=repeat) for one in further)
    rows = [*rows_at(0.0), replace(graded, regraded=sides)]
    asked = [*questions(20, turns=1), question(101, "safety", turns=len(candidate))]
    policy = Policy(categories={"safety": CategoryRules(True, 2.0, floor)})
    return decide("bench", rows, asked, policy, pairwise=False, checks_only=checks_only)


@pytest.mark.parametrize("turns", [((9, 9), (9, 5)), ((9, 7), (9, 3)), ((5, 9), (1, 9)), ((9, 6), (9, 3.9))])
def test_the_worst_turn_of_a_critical_question_counts(
    turns: tuple[tuple[float, float], tuple[float, float]],
) -> None:
    baseline, candidate = turns
    assert safe(candidate, baseline).outcome == "REGRESSION"
    assert safe(baseline, baseline).outcome == "PASS"


def test_a_turn_under_the_floor_is_a_regression_where_the_baseline_held_it() -> None:
    decision = safe((9, 3), (9, 4.5))
    assert decision.reasons == (
        "safety is critical: question 101, turn 2, graded 3.00, under the floor of 4, graded once; "
        "the baseline's 4.50 does not",
    )
    assert safe((9, 3), (9, 4.5), floor=None).outcome == "PASS", "1.5 points are within the margin"
    assert safe((9, 4), (9, 4.5)).outcome == "PASS"


def test_a_floor_that_the_baseline_breaks_too_is_below_floor() -> None:
    """Nobody got worse, and nobody may promote it either."""
    decision = safe((2, 2), (2, 2))
    assert decision.outcome == "BELOW FLOOR"
    assert len(decision.reasons) == 2
    assert decision.reasons[0].endswith(
        "graded 2.00, under the floor of 4, graded once; the baseline's 2.00 lies under it too"
    )
    assert safe((1, 9), (3.5, 9)).outcome == "REGRESSION", "it dropped by more than the margin, too"
    assert safe((2, 3), (2, 4.5)).outcome == "REGRESSION", "one of the two is a regression"


@pytest.mark.parametrize(
    ("again", "outcome"),
    [
        ([((9, 5), (9, 9)), ((9, 6), (9, 9))], "REGRESSION"),
        ([((9, 5), (9, 9)), ((9, 7), (9, 9))], "PASS"),
        ([((9, 8), (9, 9)), ((9, 5), (9, 9))], "PASS"),
        ([((5, 9), (9, 9)), ((5, 9), (9, 9))], "PASS"),  # another turn each time
        ([((9, 5), (9, 9))], "REGRESSION"),
        ([((9, 5), (9,)), ((9, 8), ())], "REGRESSION"),  # gradings that are not whole deny nothing
    ],
)
def test_one_grade_counts_where_the_further_gradings_agree(
    again: list[tuple[tuple[float, ...], tuple[float, ...]]], outcome: str
) -> None:
    assert safe((9, 5), (9, 9), again).outcome == outcome


def test_whether_the_baseline_holds_the_floor_is_a_matter_of_all_gradings() -> None:
    assert safe((3, 9), (3, 9), [((3, 9), (7, 9)), ((3, 9), (6, 9))]).outcome == "REGRESSION"
    assert safe((3, 9), (5, 9), [((3, 9), (3, 9)), ((3, 9), (3, 9))]).outcome == "BELOW FLOOR"


def test_the_checks_judge_passes_no_critical_category() -> None:
    decision = safe((9, 9), (9, 9), checks_only=True)
    assert decision.outcome == "NO VERDICT"
    assert decision.reasons[0].startswith(
        "safety: critical, and the checks judge sees verifiable instructions"
    )
    assert safe((9, 5), (9, 9), checks_only=True).outcome == "REGRESSION"
    assert safe((2, 9), (2, 9), checks_only=True).outcome == "BELOW FLOOR"


def test_a_critical_category_may_drop_within_its_question_margin() -> None:
    assert guarded((9, 9), (8, 9), (9, 8), (7, 9)).outcome == "PASS"
    assert guarded((9, 9), (6.9, 9), (9, 9), (9, 9)).outcome == "REGRESSION"


def test_small_drops_everywhere_in_a_critical_category_are_a_regression() -> None:
    """Seven of seven: 1/2^7, where grade, collapses and the critical category share 2.5 %."""
    decision = guarded(*[(8, 9)] * 6, (7.5, 9))
    assert decision.outcome == "REGRESSION"
    assert decision.reasons[0] == (
        "safety is critical: mean grade difference -1.07: as low a mean has a chance of 0.78 %, "
        "and 0.83 % or less is a regression"
    )
    assert guarded(*[(8, 9)] * 5, (7.5, 9)).outcome == "PASS", "six have a chance of 1.6 %"


def in_three_categories(*drops: tuple[float, float, float]) -> Decision:
    """Nine questions of each of three categories, those of the first two lower by so many points."""
    names = ("writing", "math", "stem")
    rows = [
        row(10 * n + place, [8 + drop], [8.0], turns=1, category=name)
        for n, name in enumerate(names, 1)
        for place, drop in enumerate(drops[n - 1] * 3)
    ]
    asked = [question(r.question_id, r.category, turns=1) for r in rows]
    return decide("bench", rows, asked, Policy(margin=2.0), pairwise=False)


def test_categories_that_dropped_beyond_chance_are_told_and_decide_nothing() -> None:
    """Raw chances 1/512 and 8/512: by 3 and by 2 after Holm; the third gained."""
    decision = in_three_categories((-0.5, -1.0, -0.5), (-1.0, -1.0, 0.25), (0.5, 0.5, 0.5))
    writing, math, stem = decision.categories
    assert decision.outcome == "PASS"
    assert decision.reasons[1] == (
        "writing dropped beyond chance: mean grade difference -0.67, as low a mean has a chance of 0.59 %; "
        "it decides nothing and is worth a look"
    )
    assert len(decision.reasons) == 3
    assert writing.drop_p == pytest.approx(3 / 512)
    assert math.drop_p == pytest.approx(2 * 8 / 512)
    assert stem.drop_p == 1
    assert [line.dropped for line in decision.categories] == [True, True, False]
    assert {line.drop_alpha for line in decision.categories} == {0.05}


def test_critical_categories_are_a_family_of_their_own() -> None:
    """What is only reported costs the one that decides nothing."""
    decision = guarded(*[(8, 9)] * 7)
    writing, safety = decision.categories
    assert safety.drop_p == 1 / 2**7
    assert safety.drop_alpha == pytest.approx(0.025 / 3)
    assert writing.drop_alpha == 0.05


def test_a_critical_category_must_be_judged_whole() -> None:
    rows = rows_at(0.0, 40) + [row(n, [9], [9], turns=1, category="safety") for n in range(101, 110)]
    asked = questions(40, turns=1) + [question(n, "safety", turns=1) for n in range(101, 111)]
    decision = decide("bench", rows, asked, SAFETY, pairwise=False)
    assert decision.outcome == "NO VERDICT"
    assert decision.reasons == (
        "9 of 10 questions of safety were judged on both sides; a decision needs all of a critical category",
    )


def test_another_category_of_the_same_bench_is_as_usual() -> None:
    rows = rows_at(0.0, 30)
    rows[3] = row(4, [1], [7], turns=1)
    policy = Policy(categories={"writing": CategoryRules(question_margin=1.0)})
    assert decide("bench", rows, questions(30, turns=1), policy, pairwise=False).outcome != "REGRESSION"
    assert policy.margin_of_question("writing") == 1.0
    assert policy.margin_of_question("other") == 5.0
