"""What ends a run: told once, at once, and no verdict."""

from __future__ import annotations

import re

import pytest

from tests.plugin.harness import BARE_AND_XDIST, Example

LINE = "http://judge.test/v1: 401 wrong key; expected a key that this server takes"


def folded(text: str) -> str:
    return " ".join(text.split())


@BARE_AND_XDIST
def test_a_judge_that_refuses_every_call_ends_the_run(example: Example, workers: tuple[str, ...]) -> None:
    example.bench(questions=30)
    example.grades([8] * 30)
    run = example.run(
        *workers, judge="python:stage:judge?down=1,2,3,4,5,6,7,8,9", candidate="python:stage:model"
    )
    assert run.status == 22
    assert run.decision == "NO VERDICT"
    assert run.outcomes["errors"] <= (2 if workers else 1)  # a worker learns of it for itself
    assert LINE in folded(run.out)
    assert f"- {LINE}" in folded(run.out), "the deciding reason of the summary"
    assert "Traceback" not in run.out
    assert "judges/base.py" not in run.out
    assert len(example.asked("game")) + len(example.asked("grade")) < 30 * 8


def test_a_model_that_is_not_there_ends_the_run(chat: Example) -> None:
    run = chat.run(candidate="python:stage:model?down=3")
    assert (run.decision, run.status) == ("NO VERDICT", 22)
    assert "http://model.test/v1: 404 no such model; expected another model" in folded(run.out)
    assert run.outcomes["errors"] == 1
    assert "Traceback" not in run.out


def test_what_was_judged_before_is_kept(chat: Example) -> None:
    """Only the last question finds the server gone."""
    slow = "python:stage:model?seconds=0.1"
    run = chat.run(judge="python:stage:judge?down=6", candidate=slow, baseline=f"{slow}&name=old")
    assert (run.decision, run.status) == ("NO VERDICT", 22)
    assert run.report()["decision"] == "NO VERDICT"
    assert run.report()["reasons"][0] == LINE
    assert run.report()["questions"]["judged"] >= 1


@BARE_AND_XDIST
def test_a_bug_in_the_judge_shows_its_traceback_once(chat: Example, workers: tuple[str, ...]) -> None:
    run = chat.run(*workers, judge="python:stage:judge?bug=1,2,3,4,5,6")
    assert (run.decision, run.status) == ("NO VERDICT", 22)
    assert run.outcomes["errors"] <= (2 if workers else 1)
    assert (
        len(re.findall(r"^E +ValueError: a bug in the judge$", run.out, re.MULTILINE))
        == run.outcomes["errors"]
    )
    assert "scripted.py" in run.out, "where the bug is"
    assert "- ValueError: a bug in the judge" in run.out


@pytest.mark.parametrize("judge", ["python:stage:judge?down=1", "python:stage:judge?bug=1"])
def test_an_earlier_report_does_not_pass_for_this_run(chat: Example, judge: str) -> None:
    assert chat.run().report()["decision"] == "PASS"
    assert chat.run(judge=judge).report()["decision"] == "NO VERDICT"


def test_a_part_that_breaks_down_leaves_an_earlier_whole_report_alone(chat: Example) -> None:
    chat.run()
    run = chat.run("-k", "travel", judge="python:stage:judge?down=2")
    assert run.status == 1, "a part decides nothing, not even that there is no verdict"
    assert run.earlier()["decision"] == "PASS"
    assert run.report("mtbench-report/partial")["decision"] == "PARTIAL"


@pytest.mark.parametrize("judge", ["python:stage:judge?down=3", "python:stage:judge?bug=3"])
def test_nothing_is_left_on_stderr(chat: Example, judge: str) -> None:
    """asyncio complains there about errors that nobody took."""
    chat.own_process = True
    assert chat.run(judge=judge).err == ""
