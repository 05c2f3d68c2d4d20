"""`mtbench doctor`: one real call to each party, and what to change."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtbench_pytest.cli import main
from mtbench_pytest.core.records import Reply, Task
from mtbench_pytest.judges.scripted import ScriptedJudge
from mtbench_pytest.models.scripted import ScriptedModel
from tests.unit.factories import question_line, write_bench


def good_model() -> ScriptedModel:
    return ScriptedModel({1: ["first reply", "second reply"]}, "good")


def other_model() -> ScriptedModel:
    return ScriptedModel({1: ["another reply", "and another"]}, "other")


def thinking_model() -> ScriptedModel:
    replies = [Reply("", reasoning="hmm", capped=True), Reply("done", prompt_tokens=7, completion_tokens=1)]
    return ScriptedModel({1: replies}, "thinking")


def good_judge() -> ScriptedJudge:
    def say(task: Task) -> str:
        return "Reasons. [[A]]" if hasattr(task, "answer_a") else "Reasons. [[7]]"

    return ScriptedJudge(say)


def mute_judge() -> ScriptedJudge:
    return ScriptedJudge(lambda _: "I would rather not say.")


@pytest.fixture
def bench(tmp_path: Path) -> str:
    return str(write_bench(tmp_path / "bench", question_line(1)))


def doctor(bench: str, *options: str, **parties: str) -> int:
    named = [f"--mtbench-{party}=python:{__name__}:{factory}" for party, factory in parties.items()]
    return main(["doctor", f"--mtbench-bench={bench}", *named, *options])


def test_all_is_well(bench: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = doctor(bench, candidate="good_model", baseline="other_model", judge="good_judge")
    out = capsys.readouterr().out
    assert status == 0, out
    assert "WRONG" not in out
    assert "second reply" in out
    assert "turn 1 of good graded 7" in out
    assert "game of turn 1, good as A: A" in out


def test_each_judge_of_a_panel_is_tried(bench: str, capsys: pytest.CaptureFixture[str]) -> None:
    more = [f"--mtbench-judge=python:{__name__}:{name}" for name in ("good_judge", "mute_judge")]
    assert doctor(bench, *more, candidate="good_model") == 1
    out = capsys.readouterr().out
    assert out.count("graded 7") == 1
    assert out.count("WRONG: prompt") == 1


def test_it_takes_what_a_run_takes(bench: str, capsys: pytest.CaptureFixture[str]) -> None:
    judge = f"--mtbench-judge=python:{__name__}:good_judge"
    for tests in (bench, f"{bench}/test_bench.py"):
        status = main(["doctor", tests, judge, "--mtbench-sample=1", "--mtbench-margin=0.3"])
        out = capsys.readouterr().out
        assert status == 0, out
        assert "bench bench: 1 question" in out


def test_without_pairwise_no_game_is_played(bench: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A recorded judge without comparisons asks for just this option."""
    parties = {"candidate": "good_model", "baseline": "other_model", "judge": "good_judge"}
    assert doctor(bench, "--mtbench-pairwise=off", **parties) == 0
    out = capsys.readouterr().out
    assert "graded 7" in out
    assert "game of" not in out


def test_a_judge_alone_is_shown_an_answer(bench: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(bench, judge="good_judge") == 0
    assert "graded 7" in capsys.readouterr().out


def test_a_reply_without_a_verdict_is_shown(bench: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(bench, judge="mute_judge") == 1
    out = capsys.readouterr().out
    assert "WRONG" in out
    assert "I would rather not say." in out
    assert "?max_tokens=N" in out


def test_an_answer_that_is_all_reasoning(bench: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(bench, candidate="thinking_model") == 1
    out = capsys.readouterr().out
    assert "turn 1 is empty; look at --mtbench-max-new-tokens" in out
    assert "capped at 1024 tokens" in out
    assert "(7 tokens in, 1 out)" in out


def test_one_party_that_fails_does_not_hide_the_others(
    bench: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor(bench, "--mtbench-candidate=answers:nowhere.jsonl", judge="good_judge") == 1
    out = capsys.readouterr().out
    assert "WRONG: nowhere.jsonl: no such file" in out
    assert "graded 7" in out
