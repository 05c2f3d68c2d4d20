"""`--mtbench-question-policy`: a drop that stands is an xfail and the gate decides, or it fails its test."""

from __future__ import annotations

import pytest

from tests.plugin.harness import STRICT, Example

MILD = ("--mtbench-margin=9", "--mtbench-pairwise=off")
ONE_DROP = [8, 8, 2, 8, 8, 8]


def suite(example: Example, *lines: str, fixtures: str = "mtbench_judged") -> None:
    """A test module of the user's own; one of its questions drops."""
    body = "".join(f"    {line}\n" for line in lines)
    (example.path / "chat" / "test_chat.py").write_text(
        f"LIMIT = 5\n\n\ndef test_question({fixtures}):\n{body}", "utf-8"
    )
    example.grades(ONE_DROP)


def test_a_drop_is_an_xfail_and_the_gate_decides(chat: Example) -> None:
    chat.grades(ONE_DROP)
    run = chat.run(*MILD, "-rx")
    assert run.outcomes == {"passed": 5, "xfailed": 1}
    assert (run.decision, run.status) == ("PASS", 0)
    (told,) = [line for line in run.lines if line.startswith("XFAIL")]
    assert told.endswith(
        "test_question[writing-3] - dropped 6.00 points (candidate 2.00, baseline 8.00); asked again: "
        "2.00 against 8.00 (-6.00), 2.00 against 8.00 (-6.00); scripted-judge in turn 1: Reasons for new. "
        "Rating: [[2]]; the gate decides"
    )


def test_where_each_drop_is_to_fail_the_run(chat: Example) -> None:
    chat.grades(ONE_DROP)
    run = chat.run(*MILD, STRICT)
    assert run.outcomes == {"passed": 5, "failed": 1}
    assert (run.decision, run.status) == ("PASS", 1)


def test_drops_everywhere_are_still_a_regression(chat: Example) -> None:
    chat.grades([2] * 6)
    run = chat.run()
    assert run.outcomes == {"xfailed": 6}
    assert (run.decision, run.status) == ("REGRESSION", 20)


@pytest.mark.parametrize(
    "asserted",
    [
        "assert not mtbench_judged.dropped",
        "assert mtbench_judged.difference >= -mtbench_judged.margin, mtbench_judged.explanation",
        "assert (\n        mtbench_judged.difference\n        > -LIMIT\n    )",
        "judged = mtbench_judged; assert judged.dropped is False",
        "check(mtbench_judged)\n\n\ndef check(one):\n    assert not one.dropped, one.explanation",
    ],
)
@pytest.mark.parametrize("rewriting", ["rewrite", "plain"])
def test_a_users_plain_assertion_about_the_drop_is_known(
    chat: Example, asserted: str, rewriting: str
) -> None:
    suite(chat, asserted)
    run = chat.run(*MILD, f"--assert={rewriting}")
    assert (run.outcomes, run.status) == ({"passed": 5, "xfailed": 1}, 0), run.out


@pytest.mark.parametrize(
    "asserted",
    [
        "assert mtbench_judged.question.question_id != 3, mtbench_judged.explanation",
        "assert mtbench_judged.difference > -1, mtbench_judged.explanation",
        "assert mtbench_judged.candidate.grade > 3",
        "assert not mtbench_judged.dropped and len(mtbench_judged.verdicts) == 9",
        "if mtbench_judged.dropped: assert False",
        "if mtbench_judged.dropped: raise ValueError('a bug in the test')",
        "if mtbench_judged.dropped: raise AssertionError(mtbench_judged.explanation)",
    ],
)
def test_anything_else_in_the_test_of_a_question_that_dropped_fails_it(chat: Example, asserted: str) -> None:
    suite(chat, asserted)
    run = chat.run(*MILD)
    assert (run.outcomes["failed"], run.decision, run.status) == (1 + 5 * ("== 9" in asserted), "PASS", 1)
    assert "xfailed" not in run.outcomes


def test_a_snapshot_that_differs_fails_the_test_of_a_question_that_dropped(chat: Example) -> None:
    chat.syrupy = True
    lines = ("assert mtbench_judged == judge_snapshot", "assert not mtbench_judged.dropped")
    suite(chat, *lines, fixtures="mtbench_judged, judge_snapshot")
    run = chat.run(*MILD, "--snapshot-update")
    assert (run.outcomes, run.status) == ({"passed": 5, "xfailed": 1}, 0), run.out
    path = chat.path / "snapshots" / "chat" / "3.json"
    path.write_text(path.read_text().replace('"grade": 2', '"grade": 3').replace("[[2]]", "[[3]]"))
    run = chat.run(*MILD)
    assert (run.outcomes, run.status) == ({"passed": 5, "failed": 1}, 1)
    assert "grade 3 -> 2 (-1) for the same answer and prompt" in run.out


def test_what_pytest_says_of_xfails_holds(chat: Example) -> None:
    chat.grades(ONE_DROP)
    run = chat.run(*MILD, "--runxfail")
    assert (run.outcomes, run.status) == ({"passed": 5, "failed": 1}, 1)
    (chat.path / "pytest.ini").write_text("[pytest]\nxfail_strict = true\n")
    assert chat.run(*MILD).status == 0
    suite(chat, "pass")
    assert chat.run(*MILD).outcomes == {"passed": 6}, "a test that accepts the drop"


def test_what_cannot_be_had_stays_an_error(chat: Example) -> None:
    run = chat.run(judge="python:stage:judge?fail=3")
    assert run.outcomes == {"passed": 5, "errors": 1}
