"""Properties for a JUnit file."""

from __future__ import annotations

from mtbench_pytest.core.records import AnswerFailure
from mtbench_pytest.gate.decide import Policy, decide
from mtbench_pytest.report.junit import question_properties, suite_properties
from tests.unit.factories import consistent, question, row


def test_a_question_has_grades_difference_and_games() -> None:
    judged = row(81, [6, 7], [8, 8], verdicts=[consistent("B"), consistent("tie", turn=2)])
    assert list(question_properties(judged)) == [
        ("mtbench_question", "81"),
        ("mtbench_category", "writing"),
        ("mtbench_candidate", 6.5),
        ("mtbench_baseline", 8),
        ("mtbench_difference", -1.5),
        ("mtbench_games", "loss, tie"),
    ]


def test_what_is_not_known_is_left_out() -> None:
    failed = row(1, candidate=(), failures=[AnswerFailure(1, "cand", "out of memory")])
    assert dict(question_properties(failed)) == {
        "mtbench_question": "1",
        "mtbench_category": "writing",
        "mtbench_baseline": 7,
    }


def test_a_suite_has_decision_and_reasons() -> None:
    rows = [row(n, [2, 2], [9, 9], verdicts=[consistent("B")]) for n in range(1, 9)]
    decision = decide("chat", rows, [question(n) for n in range(1, 9)], Policy(), pairwise=True)
    found = dict(suite_properties(decision))
    assert found["mtbench.chat.decision"] == "REGRESSION"
    assert found["mtbench.chat.judged"] == "8 of 8"
    assert found["mtbench.chat.reason.1"] == decision.reasons[0]
    assert found["mtbench.chat.grade.mean"] == "-7.00"
    assert found["mtbench.chat.win_rate.upper"] == "20.6 %"


def test_bounds_of_one_question_are_left_out() -> None:
    decision = decide("chat", [row(1)], [question(1)], Policy(), pairwise=False)
    names = dict(suite_properties(decision))
    assert "mtbench.chat.grade.mean" in names
    assert "mtbench.chat.grade.lower" not in names
