"""The summary: at most 80 columns, the decision last, every count there."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import pytest

from mtbench_pytest.core.records import AnswerFailure, Question, Verdict
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.row_text import worst_turn
from mtbench_pytest.core.text import one_line
from mtbench_pytest.gate.decide import Policy, decide
from mtbench_pytest.gate.decision import Decision
from mtbench_pytest.report.terminal import decision_lines, summary_lines, verbose_word
from tests.unit.factories import answer, consistent, judge_failure, question, row, sides, verdict


def decided(rows: Sequence[Row], *, pairwise: bool = False, more: Sequence[Question] = ()) -> Decision:
    asked = [*(question(r.question_id, r.category, r.turns) for r in rows), *more]
    return decide("bench", rows, asked, Policy(), pairwise=pairwise)


def summary(rows: Sequence[Row], *, pairwise: bool = False, more: Sequence[Question] = ()) -> list[str]:
    decision = decided(rows, pairwise=pairwise, more=more)
    parties = {party: {"name": party} for party in ("candidate", "baseline", "judge")}
    lines = summary_lines(decision, rows, parties, "mtbench-report/report.html")
    return [*lines, *decision_lines(decision)]


def columns(line: str) -> int:
    """How wide a terminal shows it: East Asian wide characters take two columns."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)


def dropped(question_id: int | str = 1, text: str = "x", category: str = "writing") -> Row:
    answers = sides(answer(question_id, "cand", (text, text)))
    return row(question_id, [1, 2], [9, 9], category=category, answers=answers)


@pytest.mark.parametrize(
    "rows",
    [
        [row(1), row(2)],
        [dropped(text="word " * 100)],
        [dropped(text="x" * 500)],
        [dropped(category="a-category-with-a-very-long-name-" * 2)],
        [dropped(question_id="a-question-with-a-very-long-identifier-" * 2)],
        [dropped(text="日本語の回答です。" * 30)],
        [dropped(text="한국어 답변 " * 30)],
        [dropped(category="数学" * 9)],
        [row(n, [1, 1], [10, 10], category=f"c{n}") for n in range(1, 1200)],
        [row(failures=[AnswerFailure(1, "model-" * 20, "out of memory: " + "tried 3.2 GiB " * 20)])],
        [row(failures=[AnswerFailure(1, "cand", "日本語" * 60)])],
        [row(1, verdicts=[consistent("A", turn=2)]), row(2, verdicts=[verdict("A", "A", 2)])],
    ],
    ids=["plain", "words", "no spaces", "category", "id", "Japanese", "Korean", "wide category", "many",
         "failure", "wide failure", "games"],
)  # fmt: skip
def test_no_line_is_wider_than_a_terminal(rows: list[Row]) -> None:
    wide = [line for line in summary(rows, pairwise=True) if columns(line) > 80]
    assert not wide


def test_a_reply_cannot_write_to_the_terminal() -> None:
    """Escape sequences could hide the decision or colour it."""
    text = "\n".join(summary([dropped(text="\x1b[2J\x1b[32mPASS\x07\x9b31m")]))
    assert not [char for char in text if unicodedata.category(char) == "Cc" and char != "\n"]


def test_the_decision_and_its_reasons_come_last() -> None:
    rows = [row(n) for n in range(1, 9)]
    decision = decided(rows)
    last = list(decision_lines(decision))
    assert last[0] == "bench: PASS"
    assert last[1].startswith("- mean grade difference")
    assert summary(rows)[-len(last) :] == last
    assert "report: mtbench-report/report.html" in summary(rows)


def test_a_reason_that_is_wrapped_is_indented() -> None:
    lines = list(decision_lines(decided([row(1), row(2, [1, 1], [9, 9])])))
    assert len(lines) > 2
    assert lines[2].startswith("  ")


def test_the_table_has_categories_and_their_mean_over_questions() -> None:
    rows = [
        row(1, [6, 6], [8, 8], category="math"),
        row(2, [8, 8], [8, 8], category="math"),
        row(3, [9, 9], [5, 5], category="stem"),
    ]
    first, _, *lines = summary(rows, more=[question(4, "stem")])
    assert first == "candidate candidate, baseline baseline, judge judge"
    assert lines[0].split() == ["category", "n", "baseline", "candidate", "difference", "95", "%", "bounds"]
    assert lines[1].split()[:5] == ["math", "2", "8.00", "7.00", "-1.00"]
    assert lines[2].split()[:5] == ["stem", "1/2", "5.00", "9.00", "+4.00"]
    assert lines[3].split()[:5] == ["all", "3/4", "7.00", "7.67", "+0.67"]
    assert "inf" not in "\n".join(lines[:4])


def test_a_category_without_a_judged_question_has_dashes() -> None:
    lines = summary([row(1, category="math")], more=[question(2, "stem")])
    assert lines[4].split() == ["stem", "0/1", "-", "-", "-"]


def test_nothing_judged_at_all_still_has_a_summary() -> None:
    lines = summary([row(1, candidate=())])
    assert lines[4].split() == ["all", "0/1", "-", "-", "-"]
    assert "bench: NO VERDICT" in lines


def test_games_are_counted_with_those_that_disagree() -> None:
    rows = [
        row(1, verdicts=[consistent("A", 1), consistent("tie", 1, 2)]),
        row(2, verdicts=[verdict("A", "A", 2), consistent("B", 2, 2)]),
        row(3, verdicts=[Verdict(3, 1), verdict("tie", "B", 3, 2)]),
    ]
    lines = summary(rows, pairwise=True)
    assert "pairwise: 1 wins, 4 ties (2 inconsistent), 1 losses" in lines
    assert any(line.startswith("  win rate 50.0 %, 95 % bounds ") for line in lines)


def test_a_turn_that_was_not_recorded_is_told() -> None:
    lines = summary([row(n, verdicts=[consistent("A", n, 2)]) for n in (1, 2)], pairwise=True)
    assert "  compared in turn 2 only: no other turn was recorded" in lines


def test_without_games_nothing_is_said_of_them() -> None:
    assert not [line for line in summary([row(1)]) if "pairwise" in line or "win rate" in line]


def test_questions_that_collapsed_are_counted_against_those_that_rose() -> None:
    rows = [*(row(n, [1, 2], [9, 9]) for n in (1, 2)), row(3, [9, 9], [1, 1]), *(row(n) for n in range(4, 9))]
    assert "collapses: 2 questions dropped beyond their margin, 1 rose (p 50 %)" in summary(rows)
    assert "collapses: no question dropped by more than its margin" in summary(rows[3:])


def test_categories_that_dropped_beyond_chance_are_marked_and_named() -> None:
    rows = [row(n, [8, 8], [9, 9], category="math" if n % 2 else "stem") for n in range(1, 21)]
    rows += [row(n, [9, 9], [8, 8], category="writing") for n in range(21, 31)]
    lines = summary(rows)
    assert [line.split()[:2] for line in lines[3:6]] == [["math", "*"], ["stem", "*"], ["writing", "10"]]
    told = " ".join(" ".join(lines[7:9]).split())  # 1/2^10, by 3 after Holm; the next by 2, but never lower
    assert "* dropped, with the chance of as low a mean (after Holm): math 0.29 %, stem 0.29 %" in told
    assert not [line for line in summary(rows[20:]) if "Holm" in line]


def test_failures_are_counted_by_kind_and_reason() -> None:
    rows = [
        row(1, failures=[AnswerFailure(1, "cand", "out of memory")]),
        row(2, failures=[judge_failure(), judge_failure(("cand", "base")), judge_failure()]),
    ]
    lines = summary(rows)
    at = lines.index("failures: 1 answer, 2 judgment, 1 game")
    assert lines[at + 1 : at + 3] == ["  3 x no marker", "  1 x out of memory"]
    assert "failures: none" in summary([row(1)])


def test_reasons_that_are_not_shown_are_told() -> None:
    """Nothing is cut silently."""
    rows = [row(n, failures=[AnswerFailure(n, "cand", f"reason {n}")]) for n in range(1, 6)]
    lines = summary(rows)
    shown = [line for line in lines if " x reason " in line]
    assert len(shown) == 5 or any("more" in line for line in lines)


def test_capped_answers_are_counted_by_side() -> None:
    capped = sides(answer(capped=True))
    lines = summary([row(1, answers=capped), row(2, answers=capped)])
    assert "capped answers: candidate 2, baseline 0" in lines
    assert "capped answers: none" in summary([row(1)])


def test_the_questions_that_lost_most_come_first_with_both_answers() -> None:
    rows = [row(n, [9 - n, 9], [9, 9]) for n in range(1, 8)]
    lines = summary(rows)
    at = lines.index("dropped most:")
    assert lines[at + 1 : at + 4] == [
        "  writing-7: 9.00 -> 5.50 (-3.50), turn 1:", "    baseline  base 1", "    candidate cand 1"
    ]  # fmt: skip
    assert "  and 2 more, all in the report" in lines


def test_without_a_drop_there_is_no_list_of_them() -> None:
    assert "dropped most:" not in summary([row(1), row(2, [9, 9], [8, 8])])


@pytest.mark.parametrize(
    ("candidate", "baseline", "turn"), [([9, 1], [9, 9], 2), ([1, 9], [9, 9], 1), ([5, 5], [9, 9], 1)]
)
def test_the_turn_shown_is_where_the_candidate_fell_furthest(
    candidate: list[float], baseline: list[float], turn: int
) -> None:
    assert worst_turn(row(1, candidate, baseline)) == turn


def test_the_word_for_verbose_output() -> None:
    verdicts = [consistent("A"), consistent("B", turn=2)]
    assert verbose_word(row(1, [6, 7], [8, 8], verdicts=verdicts)) == "6.50 vs 8.00 (-1.50, win loss)"
    assert verbose_word(row(1, [6, 7], [8, 8])) == "6.50 vs 8.00 (-1.50)"
    assert verbose_word(row(1, [6])) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\n b\t c", "a b c"), ("", "(nothing)"), (" \n", "(nothing)"), ("x" * 11, "x" * 9 + "…")],
)
def test_one_line(text: str, shown: str) -> None:
    assert one_line(text, 10) == shown
