"""A PASS that holds whatever the questions would have shown that could not be judged."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mtbench_pytest.bench.config import CategoryRules
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.decide import Policy, decide
from mtbench_pytest.gate.decision import Decision
from mtbench_pytest.gate.worst_case import Unjudged, explain_unjudged, unjudged
from tests.unit.factories import consistent, judge_failure, question, questions, row

ASKED = questions(40, turns=1)


def rows(lost: int, grade: float = 8) -> list[Row]:
    """Rows of one turn, compared, of which the first could not be judged."""
    broken = [row(n, [], [8], turns=1, failures=[judge_failure()]) for n in range(1, lost + 1)]
    rest = range(lost + 1, 41)
    return broken + [row(n, [grade], [8], turns=1, verdicts=[consistent("A", n)]) for n in rest]


def found(given: Sequence[Row], policy: Policy, seen: list[Sequence[Row]] | None = None) -> Unjudged | None:
    def again(changed: Sequence[Row]) -> Decision:
        if seen is not None:
            seen.append(changed)
        return decide("bench", changed, ASKED, policy, pairwise=True)

    return unjudged(again(given), given, ASKED, policy, again)


@pytest.mark.parametrize("margin", [0.1, 0.3, 2.7, 5, 9])
def test_each_of_them_drops_by_its_margin_and_no_further_and_loses_its_games(margin: float) -> None:
    seen: list[Sequence[Row]] = []
    assert found(rows(2), Policy(margin=5, question_margin=margin), seen) is not None
    _, worst = seen
    assert [one.question_id for one in worst] == [*range(3, 41), 1, 2]
    assert [(one.difference, one.score, one.judged) for one in worst[-2:]] == [(-margin, 0, True)] * 2


def test_a_category_has_its_own_margin() -> None:
    seen: list[Sequence[Row]] = []
    rules = {"writing": CategoryRules(question_margin=2)}
    found(rows(1), Policy(margin=5, categories=rules), seen)
    assert seen[1][-1].difference == -2


@pytest.mark.parametrize(("lost", "margin", "holds"), [(1, 1, True), (2, 1, True), (2, 0.3, False)])
def test_whether_it_holds(lost: int, margin: float, holds: bool) -> None:
    told = found(rows(lost), Policy(margin=margin))
    assert told is not None
    assert (len(told.questions), told.holds, told.games) == (lost, holds, True)


def test_only_a_pass_owes_it() -> None:
    assert found(rows(0), Policy()) is None, "every question was judged"
    assert found(rows(2, grade=5), Policy()) is None, "a regression"
    assert found(rows(3), Policy()) is None, "no verdict: too few were judged"


def test_in_words() -> None:
    one = explain_unjudged(Unjudged((question(3),), True, True))
    assert one == (
        "writing-3 could not be judged: this is a PASS even if it had dropped by the question margin and "
        "lost its games, so its error does not fail the run"
    )
    many = explain_unjudged(Unjudged(tuple(questions(12)), False, False))
    assert many.startswith("writing-1, writing-2, ")
    assert many.endswith(
        "writing-10 and 2 more could not be judged: this would be no PASS if each of them had dropped by the "
        "question margin, so their errors fail the run"
    )
