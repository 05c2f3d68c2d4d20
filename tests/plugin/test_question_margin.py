"""`--mtbench-question-margin`, and what a dropped question's failure shows where drops fail."""

from __future__ import annotations

import pytest

from tests.plugin.harness import BARE_AND_XDIST, STRICT, Example


def test_a_drop_beyond_the_margin_fails_its_test_only(chat: Example) -> None:
    chat.grades([8, 8, 2.5, 8, 3, 8])
    run = chat.run(STRICT)
    assert run.outcomes == {"passed": 5, "failed": 1}
    run.stdout.fnmatch_lines(["FAILED chat/test_chat.py::test_question[[]writing-3] - *"])


@pytest.mark.parametrize(("margin", "failed"), [("2", 1), ("1.99", 2), ("0", 3)])
def test_the_margin_is_an_option(chat: Example, margin: str, failed: int) -> None:
    chat.grades([8, 8, 2.5, 8, 6, 7.9])
    run = chat.run(STRICT, f"--mtbench-question-margin={margin}")
    assert run.outcomes == {"passed": 6 - failed, "failed": failed}


def test_a_failure_shows_grades_answers_reasons_and_where_the_rest_is(chat: Example) -> None:
    chat.grades([8, 8, 2, 8, 8, 8])
    run = chat.run(STRICT)
    run.stdout.fnmatch_lines(
        [
            "E*question 3 (writing) dropped 6.00 points, more than 5: candidate 2.00, baseline 8.00",
            "E * turn 1:",
            "E * Question 3, please.",
            "E * baseline old, graded 8:",
            "E * old on 3 in turn 1, worth 8",
            "E * Reasons for old. Rating: [[][[]8]]",
            "E * candidate new, graded 2:",
            "E * new on 3 in turn 1, worth 2",
            "E * Reasons for new. Rating: [[][[]2]]",
            "E * turn 2:",
            f"E * {chat.path}/mtbench-report/report.html",
        ]
    )


@BARE_AND_XDIST
def test_the_report_a_failure_names_is_there(chat: Example, workers: tuple[str, ...]) -> None:
    """Also where a part of the bench was run, whose report goes to a folder of its own."""
    chat.grades([8, 8, 2, 8, 8, 8])
    run = chat.run(STRICT, "-k", "writing", *workers)
    assert (run.decision, run.outcomes["passed"], run.outcomes["failed"]) == ("PARTIAL", 2, 1)
    assert "3 of its 6 questions were selected" in run.out
    assert run.wrote("mtbench-report/partial")
    assert not run.wrote()
    named = next(line.rpartition(" ")[2] for line in run.lines if "the whole record" in line)
    assert (chat.path / named).is_file(), named


def test_verbose_failures_stay_readable(chat: Example) -> None:
    """pytest -v shows the values in an assertion in full: these must not be all that was ever said."""
    chat.grades([8, 8, 2, 8, 8, 8])
    run = chat.run(STRICT, "-v")
    long = [line for line in run.lines if line.startswith("E") and len(line) > 400]
    assert not long, f"{len(long)} lines of up to {max(map(len, long))} columns"


def test_a_failure_keeps_its_reason_in_the_short_summary_with_verbose(chat: Example) -> None:
    """Tools read `FAILED nodeid`: nothing may stand between."""
    chat.grades([8, 8, 2, 8, 8, 8])
    run = chat.run(STRICT, "-v")
    summary = run.lines[run.lines.index(next(line for line in run.lines if "short test summary" in line)) :]
    assert any(line.startswith("FAILED chat/test_chat.py::test_question[writing-3]") for line in summary)
