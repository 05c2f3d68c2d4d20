"""A judge that writes prose: asked once more with twice the room, then a failure that keeps everything."""

from __future__ import annotations

import asyncio

import pytest

from mtbench_pytest.core.errors import ServiceError, VerdictError
from mtbench_pytest.core.records import Game, GameTask, GradeTask, JudgeFailure, Judgment, Task
from mtbench_pytest.judges.base import JudgeReply
from mtbench_pytest.judges.scripted import Said, ScriptedJudge
from tests.unit.factories import PROMPT, answer, question

GRADE = GradeTask(question(), 2, answer(), PROMPT)
GAME = GameTask(question(), 2, answer(), answer(1, "base"), PROMPT)


class Budgeted(ScriptedJudge):
    """Remembers how much room it was given."""

    def __init__(self, *said: Said) -> None:
        super().__init__(said)
        self.budgets: list[int] = []

    async def reply(self, task: Task, max_tokens: int) -> JudgeReply:
        self.budgets.append(max_tokens)
        return await super().reply(task, max_tokens)


def test_a_grade_is_read_from_the_reply() -> None:
    judge = Budgeted("Good. [[8]]")
    said = asyncio.run(judge.grade(GRADE))
    assert said == Judgment(1, 2, "cand", "scripted-judge", PROMPT, 8, "Good. [[8]]")
    assert judge.budgets == [2048]


def test_a_winner_is_read_from_the_reply() -> None:
    said = asyncio.run(Budgeted("[[B]]").play(GAME))
    assert said == Game(1, 2, "cand", "base", "scripted-judge", PROMPT, "B", "[[B]]")


@pytest.mark.parametrize(
    "first", ["no marker", "[[11]]", JudgeReply("[[3]] but", cut=True), JudgeReply("", True)]
)
def test_a_reply_without_a_verdict_is_asked_for_again_with_twice_the_room(first: Said) -> None:
    judge = Budgeted(first, "[[7]]")
    said = asyncio.run(judge.grade(GRADE))
    assert isinstance(said, Judgment)
    assert (said.grade, said.text) == (7, "[[7]]")
    assert judge.budgets == [2048, 4096]


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ("still none", "no grade in the form [[n]]"),
        ("[[0]]", "grade is 0, not from 1 to 10"),
        (JudgeReply("[[9]] and", cut=True), "cut off at 4096 tokens"),
    ],
)
def test_then_it_is_a_failure_that_keeps_prompt_and_reply(second: Said, reason: str) -> None:
    judge = Budgeted("none", second, "[[10]]")
    said = asyncio.run(judge.grade(GRADE))
    assert isinstance(said, JudgeFailure)
    assert reason in said.reason
    assert said.prompt == PROMPT
    assert said.reply == (second.text if isinstance(second, JudgeReply) else second)
    assert (said.question_id, said.turn, said.models, said.judge) == (1, 2, ("cand",), "scripted-judge")
    assert len(judge.asked) == 2


def test_a_failed_game_names_both_models_a_first() -> None:
    said = asyncio.run(Budgeted("[[7]]", "[[D]]").play(GAME))
    assert isinstance(said, JudgeFailure)
    assert said.models == ("cand", "base")
    assert "[[D]]" in said.reason


def test_what_the_judge_says_cannot_be_had_is_not_asked_for_again() -> None:
    judge = Budgeted(VerdictError("the prompt is too long"), "[[7]]")
    said = asyncio.run(judge.grade(GRADE))
    assert isinstance(said, JudgeFailure)
    assert said.reason == "the prompt is too long"
    assert len(judge.asked) == 1


def test_a_first_reply_is_kept_where_the_second_cannot_be_had() -> None:
    said = asyncio.run(Budgeted("no marker", VerdictError("the prompt is too long")).grade(GRADE))
    assert isinstance(said, JudgeFailure)
    assert (said.reason, said.reply) == ("the prompt is too long", "no marker")


def test_what_ends_the_run_is_passed_on() -> None:
    with pytest.raises(ServiceError):
        asyncio.run(Budgeted(ServiceError("http://h", "401", "a key")).grade(GRADE))


def test_all_turns_can_be_compared() -> None:
    assert Budgeted().game_turns(question(turns=3)) == (1, 2, 3)


def test_a_script_that_runs_out_fails() -> None:
    judge = ScriptedJudge(["[[7]]"])
    asyncio.run(judge.grade(GRADE))
    with pytest.raises(AssertionError, match="the script ran out at question 1"):
        asyncio.run(judge.grade(GRADE))
