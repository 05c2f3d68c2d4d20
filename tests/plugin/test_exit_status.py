"""The exit status that CI and a promotion script read."""

from __future__ import annotations

import pytest

from tests.plugin.harness import STRICT, Example

WIDE = ("--mtbench-margin=9", "--mtbench-pairwise=off")


@pytest.mark.parametrize(
    ("grades", "options", "decision", "status"),
    [
        ([8] * 6, (), "PASS", 0),
        ([6] * 6, (), "REGRESSION", 20),
        ([9, 7, 9, 7, 9, 7], (), "INCONCLUSIVE", 21),
        ([8, 8, 2, 8, 8, 8], WIDE, "PASS", 0),
        ([8, 8, 2, 8, 8, 8], (*WIDE, STRICT), "PASS", 1),
    ],
)
def test_decision_and_status(
    chat: Example, grades: list[float], options: tuple[str, ...], decision: str, status: int
) -> None:
    chat.grades(grades)
    run = chat.run(*options)
    assert (run.decision, run.status) == (decision, status), run.out
    assert run.report()["decision"] == decision


def test_the_process_ends_with_it(chat: Example) -> None:
    chat.own_process = True
    chat.grades([6] * 6)
    run = chat.run()
    assert (run.decision, run.status) == ("REGRESSION", 20), run.out


def test_too_few_judgments_are_no_verdict(chat: Example) -> None:
    run = chat.run(judge="python:stage:judge?fail=2,3")
    assert (run.decision, run.status) == ("NO VERDICT", 22), run.out
    run.stdout.fnmatch_lines(["- 4 of 6 questions were judged on both sides; a decision needs 95%"])


def test_another_failed_test_does_not_hide_the_decision(chat: Example) -> None:
    (chat.path / "test_other.py").write_text("def test_other(): assert False\n")
    assert chat.run().status == 1
    chat.grades([6] * 6)
    assert chat.run().status == 20


def test_a_module_that_does_not_import_interrupts_as_ever(chat: Example) -> None:
    (chat.path / "test_other.py").write_text("import nothing_of_that_name\n")
    run = chat.run()
    assert run.status == 2
    assert run.decision in ("", "PARTIAL"), run.out
    assert chat.asked() == []
    assert not run.wrote()


def test_a_module_that_does_not_import_ends_as_without_xdist(chat: Example) -> None:
    """pytest-xdist runs what it could collect, and would say 1: a PASS with failed tests."""
    (chat.path / "test_other.py").write_text("import nothing_of_that_name\n")
    assert chat.run().status == 2
    run = chat.run("-n1")
    assert (run.decision, run.status) == ("PASS", 2)
    run = chat.run("-n1", "--continue-on-collection-errors")
    assert (run.decision, run.status) == ("PASS", 1)


def test_nothing_selected_is_pytests_own_status(chat: Example) -> None:
    run = chat.run("-k", "nothing_of_that_name")
    assert run.status == 5
    assert not run.decision
