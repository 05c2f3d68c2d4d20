"""What the mean hides: answers that collapsed, categories that dropped, and critical ones."""

from __future__ import annotations

import pytest

from mtbench_pytest.bench_config import CategoryRules
from mtbench_pytest.decision import Decision
from mtbench_pytest.gate import Policy, decide
from mtbench_pytest.records import Row
from tests.unit.factories import question, questions, row
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
    assert decision.reasons == ("safety is critical: question 103 dropped 8.00 points, more than 2",)
    assert [line.critical for line in decision.categories] == [False, True]


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
