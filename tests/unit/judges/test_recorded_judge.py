"""Recorded judgments as a judge: repeated where they fit, refused or failed where they do not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.core.errors import FileError, JudgeError, SpecError
from mtbench_pytest.core.records import Game, GameTask, GradeTask, JudgeFailure, Judgment
from mtbench_pytest.core.specs import parse_spec
from mtbench_pytest.judges import build_judge
from mtbench_pytest.judges.recorded import RecordedJudge
from tests.unit.factories import answer, book, pair_line, question, single_line, write_jsonl

ASKED = question(1, turns=1)
MODELS = ("cand", "base")
BOTH = [single_line(7), single_line(6, model="base")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gpt-4.jsonl"


def judge_of(path: Path, *lines: dict[str, Any], judge: str | None = None) -> RecordedJudge:
    return RecordedJudge(write_jsonl(path, lines), judge)


def grade(judge: RecordedJudge, model: str = "cand") -> Judgment | JudgeFailure:
    given = answer(1, model, (f"{model} says",))
    prompt = book().pick("single", ASKED, 1).fill(ASKED, given.turns)
    return asyncio.run(judge.grade(GradeTask(ASKED, 1, given, prompt)))


def play(judge: RecordedJudge, a: str, b: str) -> Game | JudgeFailure:
    first, second = answer(1, a, (f"{a} says",)), answer(1, b, (f"{b} says",))
    prompt = book().pick("pairwise", ASKED, 1).fill(ASKED, first.turns, second.turns)
    return asyncio.run(judge.play(GameTask(ASKED, 1, first, second, prompt)))


@pytest.mark.parametrize("text", ["on reflection fine", "Rating: [[7]]", "[[3]], no: Rating: 7/10", "[[x]]"])
def test_the_recorded_score_is_kept(path: Path, text: str) -> None:
    said = grade(judge_of(path, single_line(7, judgment=text)))
    assert isinstance(said, Judgment)
    assert (said.grade, said.text, said.judge, said.prompt.name) == (7, text, "gpt-4", "one")


def test_a_score_that_its_own_text_contradicts_is_a_failure_that_names_both(path: Path) -> None:
    said = grade(judge_of(path, single_line(7, judgment="on reflection [[3]]")))
    assert isinstance(said, JudgeFailure)
    told = "gpt-4.jsonl:1: grade 7 is recorded, and the judge's reply beside it says 3"
    assert told in said.reason


def test_a_winner_that_its_own_text_contradicts_is_a_failure(path: Path) -> None:
    """In the second game model_2 stood in place A."""
    line = pair_line("model_1", "model_1", g1_judgment="[[A]]", g2_judgment="[[A]]")
    judge = judge_of(path, line)
    assert isinstance(play(judge, "cand", "base"), Game)
    second = play(judge, "base", "cand")
    assert isinstance(second, JudgeFailure)
    assert "winner B is recorded, and the judge's reply beside it says A" in second.reason


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([single_line(7, model="other")], "holds no grade of it"),
        ([single_line(7, turn=2)], "holds no grade of it"),
        ([single_line(-1, judgment="$ERROR$")], "gpt-4.jsonl:1 records a failed judge call (score -1)"),
        ([single_line(7), single_line(0)], ""),
        ([single_line(7, user_prompt="q1.1 | base says")], "gpt-4.jsonl:1 was recorded for another prompt"),
        ([single_line(7, user_prompt="q1.1 | cand says")], ""),
        ([single_line(7, judge=["gpt-4", "x"], user_prompt="[q1.1] another answer")], "for another prompt"),
    ],
)
def test_what_cannot_be_had_is_a_failure_and_no_grade(
    path: Path, lines: list[dict[str, Any]], reason: str
) -> None:
    said = grade(judge_of(path, *lines))
    if not reason:
        assert isinstance(said, Judgment)
        assert said.grade == 7
        return
    assert isinstance(said, JudgeFailure)
    assert reason in said.reason
    assert (said.models, said.question_id, said.turn) == (("cand",), 1, 1)
    assert said.prompt.user == "q1.1 | cand says"
    if "no grade" not in reason:
        assert said.reply == lines[0]["judgment"]


def test_the_prompt_of_a_judgment_is_the_one_that_was_sent(path: Path) -> None:
    """A name beside the text of another prompt would be a false record."""
    said = grade(judge_of(path, single_line(7, judge=["gpt-4", "x"], user_prompt="X: q1.1 | cand says")))
    assert not isinstance(said, Judgment) or said.prompt.user == "X: q1.1 | cand says"


@pytest.mark.parametrize(
    ("models", "a", "b", "winners", "seen"),
    [
        (("cand", "base"), "cand", "base", ("model_1", "tie"), ("A", "first game")),
        (("cand", "base"), "base", "cand", ("tie", "model_1"), ("B", "second game")),
        (("cand", "base"), "base", "cand", ("tie", "model_2"), ("A", "second game")),
        (("base", "cand"), "cand", "base", ("tie", "model_1"), ("B", "second game")),
        (("base", "cand"), "cand", "base", ("tie", "model_2"), ("A", "second game")),
        (("base", "cand"), "base", "cand", ("model_2", "tie"), ("B", "first game")),
        (("cand", "base"), "cand", "base", ("tie", "model_1"), ("tie", "first game")),
    ],
)
def test_games_in_the_order_asked_for(
    path: Path, models: tuple[str, str], a: str, b: str, winners: tuple[str, str], seen: tuple[str, str]
) -> None:
    """Game 1 showed model_1 first, game 2 model_2."""
    said = play(judge_of(path, *BOTH, pair_line(*winners, models=models)), a, b)
    assert isinstance(said, Game)
    assert (said.winner, said.text) == seen
    assert (said.model_a, said.model_b, said.prompt.name) == (a, b, "pair")


def test_a_game_that_failed_or_is_not_there_is_a_failure(path: Path) -> None:
    absent = play(judge_of(path, *BOTH), "cand", "base")
    assert isinstance(absent, JudgeFailure)
    assert "holds no such game" in absent.reason
    failed = play(judge_of(path, *BOTH, pair_line("error", "tie", g1_judgment="$ERROR$")), "cand", "base")
    assert isinstance(failed, JudgeFailure)
    assert "gpt-4.jsonl:3 records a failed game" in failed.reason
    assert failed.models == ("cand", "base")


def test_a_failed_game_keeps_what_came_back(path: Path) -> None:
    failed = play(judge_of(path, *BOTH, pair_line("error", "tie", g1_judgment="$ERROR$")), "cand", "base")
    assert isinstance(failed, JudgeFailure)
    assert failed.reply == "$ERROR$"


def test_a_game_recorded_for_another_answer_is_a_failure(path: Path) -> None:
    sent: dict[str, Any] = {
        "g1_user_prompt": "q1.1 | cand says | base says",
        "g2_user_prompt": "q1.1 | base says | other",
    }
    judge = judge_of(path, *BOTH, pair_line("tie", "tie", **sent))
    assert isinstance(play(judge, "cand", "base"), Game)
    assert isinstance(play(judge, "base", "cand"), JudgeFailure)


# Refusals before anything is spent.


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([single_line(7)], "no grades of 'base'; expected one of cand"),
        (
            [*BOTH, single_line(5, judge=["qwen", "one"])],
            "judgments of several judges; expected ?judge= one of",
        ),
        ([], "no judgments"),
    ],
)
def test_what_cannot_be_used_is_refused(path: Path, lines: list[dict[str, Any]], problem: str) -> None:
    judge = judge_of(path, *lines)
    with pytest.raises(FileError) as error:
        judge.prepare([ASKED], MODELS, pairwise=False)
    assert str(error.value).startswith(f"{path}: {problem}")
    assert "\n" not in str(error.value)


def test_candidate_and_baseline_are_graded_under_one_prompt(path: Path) -> None:
    judge = judge_of(path, single_line(7), single_line(6, model="base", judge=["gpt-4", "other"]))
    with pytest.raises(JudgeError) as error:
        judge.prepare([ASKED], MODELS, pairwise=False)
    assert (
        "gpt-4.jsonl:2: question 1 turn 1 was graded under prompt 'other' for base but 'one' for cand"
        in str(error.value)
    )


def test_prompts_of_questions_not_selected_do_not_matter(path: Path) -> None:
    other = ["gpt-4", "other"]
    unequal = [single_line(7, question_id=2), single_line(6, question_id=2, model="base", judge=other)]
    judge = judge_of(path, *BOTH, *unequal)
    judge.prepare([ASKED], MODELS, pairwise=False)
    assert isinstance(grade(judge), Judgment)


def test_games_that_were_never_played_are_refused_only_where_wanted(path: Path) -> None:
    judge = judge_of(path, *BOTH, pair_line("tie", "tie", models=("cand", "third")))
    judge.prepare([ASKED], MODELS, pairwise=False)
    with pytest.raises(FileError, match=r"no pairwise comparison of cand and base; .*--mtbench-pairwise off"):
        judge.prepare([ASKED], MODELS, pairwise=True)


def test_one_judge_is_taken_of_several(path: Path) -> None:
    others = [single_line(2, judge=["qwen", "one"]), single_line(2, model="base", judge=["qwen", "one"])]
    judge = judge_of(path, *BOTH, *others, judge="qwen")
    judge.prepare([ASKED], MODELS, pairwise=False)
    said = grade(judge)
    assert isinstance(said, Judgment)
    assert (said.grade, said.judge, judge.name) == (2, "qwen", "qwen")


def test_a_judge_that_is_not_in_the_files_is_refused(path: Path) -> None:
    with pytest.raises(FileError, match=r"no judgments by 'claude'; expected one of gpt-4"):
        judge_of(path, *BOTH, judge="claude").prepare([ASKED], MODELS, pairwise=False)


def test_only_turns_that_were_compared_are_played(path: Path) -> None:
    judge = judge_of(
        path, *BOTH, pair_line("tie", "tie", turn=2), pair_line("tie", "tie", ("cand", "x"), turn=1)
    )
    judge.prepare([ASKED], MODELS, pairwise=True)
    assert judge.game_turns(question(1, turns=2)) == (2,)
    assert judge.game_turns(question(1, turns=1)) == ()


def test_the_judge_is_named_by_its_lines_once_they_are_read(path: Path) -> None:
    judge = RecordedJudge(write_jsonl(path.with_name("anything_single.jsonl"), BOTH))
    assert judge.name == "anything"
    judge.prepare([ASKED], MODELS, pairwise=False)
    assert judge.name == "gpt-4"
    assert judge.identity()["judge"] == "gpt-4"


def test_built_from_a_spec(path: Path) -> None:
    write_jsonl(path, BOTH)
    judge = build_judge(parse_spec(f"judgments:{path}?judge=gpt-4"))
    assert judge.name == "gpt-4"
    with pytest.raises(FileError, match="no such file or folder"):
        build_judge(parse_spec("judgments:nowhere.jsonl"))
    with pytest.raises(SpecError, match="no file"):
        build_judge(parse_spec("judgments"))
    with pytest.raises(SpecError, match="unknown parameter 'jugde'"):
        build_judge(parse_spec(f"judgments:{path}?jugde=x"))
