"""`--mtbench-question-policy report`: drops are reported, the gate decides."""

from __future__ import annotations

from tests.plugin.harness import BARE_AND_XDIST, Example

MILD = ("--mtbench-question-policy=report", "--mtbench-margin=9", "--mtbench-pairwise=off")


@BARE_AND_XDIST
def test_a_drop_is_an_xfail_and_the_gate_decides(chat: Example, workers: tuple[str, ...]) -> None:
    chat.grades([8, 8, 2, 8, 8, 8])
    run = chat.run(*MILD, "-rx", *workers)
    assert run.outcomes == {"passed": 5, "xfailed": 1}
    assert (run.decision, run.status) == ("PASS", 0)
    run.stdout.fnmatch_lines(["XFAIL *writing-3* - dropped 6.00 points; the gate decides"])


def test_drops_everywhere_are_still_a_regression(chat: Example) -> None:
    chat.grades([2] * 6)
    run = chat.run("--mtbench-question-policy=report")
    assert run.outcomes == {"xfailed": 6}
    assert (run.decision, run.status) == ("REGRESSION", 20)


def test_a_test_that_accepts_the_drop_passes_under_strict_xfail(chat: Example) -> None:
    """A suite's own, milder assertion: the mark must not turn its pass into a failure."""
    (chat.path / "chat" / "test_chat.py").write_text("def test_question(mtbench_judged): pass\n")
    (chat.path / "pytest.ini").write_text("[pytest]\nxfail_strict = true\n")
    chat.grades([8, 8, 2, 8, 8, 8])
    run = chat.run(*MILD)
    assert run.status == 0, run.out


def test_what_cannot_be_had_stays_an_error(chat: Example) -> None:
    run = chat.run("--mtbench-question-policy=report", judge="python:stage:judge?fail=3")
    assert run.outcomes == {"passed": 5, "errors": 1}
