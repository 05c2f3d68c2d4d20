"""`report.md` for people."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from mtbench_pytest.core.records import AnswerFailure
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.decide import Policy, decide
from mtbench_pytest.report.markdown import report_markdown
from tests.unit.factories import ABOUT, answer, consistent, judge_failure, question, row, sides


def markdown(rows: Sequence[Row], *, pairwise: bool = False) -> str:
    asked = [question(r.question_id, r.category, r.turns) for r in rows]
    decision = decide("bench", rows, asked, Policy(), pairwise=pairwise)
    return report_markdown(decision, rows, ABOUT, asked)


def with_text(text: str) -> Row:
    answers = sides(answer(1, "cand", (text, "x")))
    return row(1, [1, 9], [9, 9], answers=answers)


def outside_fences(text: str) -> str:
    """What a CommonMark reader takes for Markdown: a fence is closed by one as long, of the same sign."""
    outside: list[str] = []
    fence = ""
    for line in text.splitlines():
        mark = re.match(r" {0,3}(~{3,}|`{3,})(.*)", line)
        if fence:
            if mark and mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not mark[2].strip():
                fence = ""
        elif mark:
            fence = mark[1]
        else:
            outside.append(line)
    assert not fence, "a fence was left open"
    return "\n".join(outside)


@pytest.mark.parametrize(
    "text",
    [
        "# BROKEN OUT",
        "~~~\n# BROKEN OUT\n~~~",
        "```\n# BROKEN OUT\n```",
        "~~~~~\n# BROKEN OUT",
        "```python\n~~~~\n# BROKEN OUT\n",
        "   ~~~\r\n# BROKEN OUT",
        "~" * 1600 + "\n# BROKEN OUT",
        "| a | b |\n# BROKEN OUT",
    ],
)
def test_an_answer_stays_within_its_fence(text: str) -> None:
    found = outside_fences(markdown([with_text(text)]))
    assert "BROKEN OUT" not in found
    assert "## Questions" in found


def test_a_long_answer_says_how_much_is_not_shown() -> None:
    assert "(500 more characters)" in markdown([with_text("x" * 2000)])


def test_outcome_reasons_and_parties_come_first() -> None:
    lines = markdown([row(n) for n in range(1, 9)]).splitlines()
    assert lines[0] == "# bench: PASS"
    assert lines[2].startswith("- mean grade difference")
    assert "| candidate | cand | `hf:./ckpt` |" in lines
    assert "8 of 8 questions were judged on both sides." in lines


def test_endpoints_categories_and_questions_are_tables() -> None:
    rows = [
        row(1, [6, 6], [8, 8], verdicts=[consistent("B")]),
        row(2, [8, 9], [8, 8], verdicts=[consistent("A", 2)]),
    ]
    lines = markdown(rows, pairwise=True).splitlines()
    assert any(line.startswith("| mean grade difference | 2 | -0.75 |") for line in lines)
    assert any(line.startswith("| win rate | 2 | 50.0 % |") for line in lines)
    assert any(line.startswith("| writing | 2 of 2 | 8.00 | 7.25 | -0.75 |") for line in lines)
    assert "| 1 | writing | 8.00 | 6.00 | -2.00 | loss | - |" in lines
    assert "| 2 | writing | 8.00 | 8.50 | +0.50 | win | - |" in lines


def test_what_is_not_known_is_a_dash() -> None:
    text = markdown([row(1, candidate=(), failures=[AnswerFailure(1, "cand", "out of memory")])])
    assert "| 1 | writing | 8.00 | - | - | - | - |" not in text
    assert "| 1 | writing | 7.00 | - | - | - | - |" in text
    assert "nan" not in text
    assert "inf" not in text.replace("non-inferior", "")


def test_failures_are_listed() -> None:
    text = markdown([row(1, failures=[AnswerFailure(1, "cand", "out of memory"), judge_failure()])])
    assert "- answer of question 1: out of memory" in text
    assert "- judgment of question 1, turn 1: no marker" in text


def test_a_reason_of_several_lines_stays_in_its_list() -> None:
    """Libraries raise errors of many lines, CUDA's among them."""
    failures = [AnswerFailure(1, "cand", "out of memory\n# BROKEN OUT\n\n| a |")]
    lines = markdown([row(1, candidate=(), failures=failures)]).splitlines()
    assert not [line for line in lines if line.startswith(("# BROKEN OUT", "| a |"))]


def test_capped_answers_are_marked() -> None:
    capped = sides(answer(capped=True), answer(1, "base", capped=True))
    assert "| - | candidate, baseline |" in markdown([row(1, answers=capped)])


def test_a_bar_does_not_break_a_table() -> None:
    assert r"| a\|b |" in markdown([row(1, category="a|b")])


def test_one_question_has_no_bounds() -> None:
    lines = markdown([row(1)]).splitlines()
    assert "| writing | 1 of 1 | 7.00 | 7.00 | +0.00 | - | 100 % |" in lines
    assert not [line for line in lines if "inf" in line.replace("non-inferior", "") and line.startswith("|")]


def test_a_drop_shows_what_the_user_asked_in_that_turn() -> None:
    shown = markdown([row(1, [9, 1], [9, 9])])
    asked = question(1, "writing", 2).turns
    assert f"the user:\n\n~~~\n{asked[1]}\n~~~" in shown
    assert asked[0] not in shown
