"""What a question's test sees, and the words of its failure."""

from __future__ import annotations

import pytest

from mtbench_pytest.core.row import Row
from mtbench_pytest.run.judged import Judged, judged_from
from tests.unit.factories import answer, consistent, question, row, sides


def judged(given: Row, margin: float = 5.0) -> Judged:
    return judged_from(given, question(), margin, "mtbench-report/report.html")


def test_both_sides_with_their_grades() -> None:
    seen = judged(row(1, [6, 9], [8, 8], verdicts=[consistent("A")]))
    assert (seen.candidate.grade, seen.candidate.grades) == (7.5, (6, 9))
    assert (seen.baseline.grade, seen.difference) == (8, -0.5)
    assert seen.verdicts[0].winner == "candidate"
    assert seen.baseline.answer.model == "base"


@pytest.mark.parametrize(
    ("candidate", "margin", "dropped"),
    [(5.0, 3.0, False), (4.99, 3.0, True), (8.0, 0.0, False), (7.99, 0.0, True), (9.0, 0.0, False)],
)
def test_a_question_drops_by_more_than_the_margin(candidate: float, margin: float, dropped: bool) -> None:
    assert judged(row(1, [candidate] * 2, [8, 8]), margin).dropped is dropped


def test_the_explanation_shows_grades_answers_reasons_and_where_the_rest_is() -> None:
    lines = judged(row(1, [1, 3], [9, 9])).explanation.splitlines()
    assert lines[0] == (
        "question 1 (writing) dropped 7.00 points, more than 5: candidate 2.00, baseline 9.00"
    )
    for part in ("turn 1:", "turn 2:", "  user:", "    q1.2", "  candidate cand, graded 3:", "    cand 2",
                 "  baseline base, graded 9:", "  judge on the candidate:", "    So: [[3]]"):  # fmt: skip
        assert part in lines
    assert lines[-1] == "the whole record: mtbench-report/report.html"


def test_long_answers_say_how_much_is_not_shown() -> None:
    answers = sides(answer(1, "cand", ("x\n" * 50, "")))
    text = judged(row(1, [1, 1], [9, 9], answers=answers)).explanation
    assert "    … 44 more lines" in text
    assert "    (nothing)" in text


def test_an_ungraded_side_is_no_case_for_it() -> None:
    with pytest.raises(AssertionError, match="candidate of question 1 is not graded"):
        judged(row(1, [1], [9, 9]))
