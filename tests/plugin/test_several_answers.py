"""`--mtbench-samples`: several answers of the candidate to each question."""

from __future__ import annotations

from tests.plugin.harness import Example


def test_the_candidate_answers_several_times(chat: Example) -> None:
    parties = {"candidate": "python:stage:model?paid=1", "judge": "python:stage:judge?paid=1"}
    run = chat.run("--mtbench-samples=2", **parties)
    assert run.decision == "REGRESSION", "7 against 8, whichever answer"
    assert len(chat.asked("answer")) == 6 * 2
    report = run.report()
    assert report["settings"]["samples"] == 2
    assert all(row["candidate"]["samples"] == [7, 7] for row in report["rows"])
    assert all(row["baseline"]["samples"] == [8] for row in report["rows"])


def test_recorded_answers_have_no_further_ones(chat: Example) -> None:
    chat.run("--mtbench-samples=2").refused("--mtbench-samples 2", "answers:new.jsonl has one answer")
