"""A run on a part of a bench says so and decides nothing."""

from __future__ import annotations

import pytest

from tests.plugin.harness import BARE_AND_XDIST, STRICT, Example

NODE = "chat/test_chat.py::test_question[writing-1]"


@pytest.mark.parametrize(
    ("part", "selected"),
    [(("-k", "writing"), 3), ((NODE,), 1), ((f"--deselect={NODE}",), 5)],
    ids=["k", "nodeid", "deselect"],
)
def test_a_part_decides_nothing(chat: Example, part: tuple[str, ...], selected: int) -> None:
    chat.grades([6] * 6)
    run = chat.run(*part)
    assert (run.decision, run.status) == ("PARTIAL", 0), run.out
    assert run.outcomes["passed"] == selected
    assert f"{selected} of its 6 questions were selected" in run.out
    assert run.wrote("mtbench-report/partial")
    assert not run.wrote()


def test_a_whole_report_outlives_a_partial_run(chat: Example) -> None:
    whole = chat.run().report()
    chat.grades([2] * 6)
    part = chat.run(STRICT, "-k", "writing")
    assert (part.decision, part.status) == ("PARTIAL", 1)
    assert part.earlier() == whole
    assert part.report("mtbench-report/partial")["decision"] == "PARTIAL"


def test_last_failed_is_a_part(chat: Example) -> None:
    chat.grades([8, 8, 2, 8, 8, 8])
    assert chat.run(STRICT).outcomes["failed"] == 1
    run = chat.run(STRICT, "--lf")
    assert run.outcomes["failed"] == 1
    assert (run.decision, run.status) == ("PARTIAL", 1)


@BARE_AND_XDIST
def test_a_run_that_stops_at_the_first_failure_is_a_part(chat: Example, workers: tuple[str, ...]) -> None:
    chat.grades([2] * 6)
    run = chat.run(STRICT, "-x", *workers)
    assert run.decision == "PARTIAL", run.out
    assert run.status == (2 if workers else 1)  # pytest-xdist calls it an interruption
    assert "stopping after 1 failures" in run.out
    assert not run.wrote()


def test_a_failure_of_the_last_question_stops_nothing(chat: Example) -> None:
    chat.grades([8, 8, 8, 8, 8, 2])
    assert chat.run(STRICT, "-x").decision == "INCONCLUSIVE"


def test_one_question_alone_is_shown_without_figures_it_cannot_have(chat: Example) -> None:
    run = chat.run(NODE)
    assert " nan" not in run.out
    assert " inf" not in run.out
    assert "(one question)" in run.out
