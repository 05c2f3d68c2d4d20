"""Judging block by block: nothing is asked of a judge before the look that may end the run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from mtbench_pytest.core.errors import ModelError, NotNeeded, ServiceError
from mtbench_pytest.core.records import Answer, AnswerFailure, AnswerTask, QuestionId, Task
from mtbench_pytest.gate.decision import Outcome
from mtbench_pytest.gate.early_stop import Course
from mtbench_pytest.judges.scripted import ScriptedJudge
from mtbench_pytest.models.scripted import ScriptedModel
from mtbench_pytest.run.pipeline import Pipeline
from tests.unit.factories import questions
from tests.unit.looks import Agreed
from tests.unit.parties import WAIT, check_complete, contest, fair, row, running, says

MANY = questions(40)
UNDECIDED: list[Outcome] = ["INCONCLUSIVE"] * 5


class OnDevice(ScriptedModel):
    """A model that holds a device's memory; after some answers it takes for ever."""

    uses_device = True

    def __init__(self, name: str, endless_from: int = 41, *, breaks_at: int = 41) -> None:
        super().__init__({**says(name, MANY), breaks_at: ModelError("no memory")}, name, free=False)
        self._endless_from = endless_from

    async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        async for said in super().answer(tasks):
            if int(said.question_id) >= self._endless_from:
                await asyncio.Event().wait()
            yield said


def server(name: str) -> ScriptedModel:
    return ScriptedModel(says(name, MANY), name, free=False)


def judged_by(judge: ScriptedJudge) -> set[QuestionId]:
    return {task.question.question_id for task in judge.asked}


def not_needed(pipeline: Pipeline, question_id: QuestionId) -> str:
    with pytest.raises(NotNeeded) as why:
        row(pipeline, question_id)
    return str(why.value)


def test_a_block_begins_after_the_look_at_the_last() -> None:
    judge, at_looks = ScriptedJudge(fair, free=False), list[int]()
    candidate, baseline = server("cand"), server("base")

    def watch() -> None:
        at_looks.append(len(judged_by(judge)))
        assert len(candidate.asked) == len(baseline.asked) == at_looks[-1]

    agreed = Agreed("INCONCLUSIVE", "INCONCLUSIVE", "PASS", watch=watch)
    with running(contest(candidate, baseline, judge, MANY)) as pipeline:
        pipeline.follow(Course(MANY, [], agreed))
        assert "after 24 of 40 questions" in not_needed(pipeline, 25)
        assert [row(pipeline, n).judged for n in range(1, 25)] == [True] * 24
        with pytest.raises(NotNeeded):
            pipeline.answer("candidate", 40).result(WAIT)
    assert at_looks == [8, 16, 24]
    assert agreed.asked == [(8, 8), (16, 16), (24, 24)]
    assert judged_by(judge) == set(range(1, 25))
    check_complete(pipeline)
    assert not pipeline.progress.more


def test_undecided_all_are_judged() -> None:
    with running(contest(server("cand"), server("base"), asked=MANY)) as pipeline:
        pipeline.follow(Course(MANY, [], Agreed(*UNDECIDED)))
        assert [row(pipeline, q.question_id).judged for q in MANY] == [True] * 40
    check_complete(pipeline)


def test_a_device_answers_ahead_and_is_stopped_with_the_run() -> None:
    """Its answers to later questions never come; nobody waits for them."""
    judge, candidate = ScriptedJudge(fair, free=False), OnDevice("cand", endless_from=30)
    with running(contest(candidate, server("base"), judge, MANY)) as pipeline:
        pipeline.follow(Course(MANY, [], Agreed("INCONCLUSIVE", "REGRESSION")))
        assert row(pipeline, 16).judged
        not_needed(pipeline, 17)
        with pytest.raises(NotNeeded):  # though its answer is there
            pipeline.answer("candidate", 20).result(WAIT)
    assert len(candidate.asked) > 16
    assert judged_by(judge) == set(range(1, 17))
    assert pipeline.progress.answers == pipeline.progress.answers_total


def test_questions_outside_of_the_course_are_answered_as_ever() -> None:
    course = Course(MANY[:16], [], Agreed("PASS"))
    with running(contest(OnDevice("cand"), OnDevice("base"), asked=MANY)) as pipeline:
        pipeline.follow(course)
        pipeline.request(MANY[16:], judged=False)
        assert isinstance(pipeline.answer("candidate", 40).result(WAIT), Answer)
        not_needed(pipeline, 16)


def test_a_question_of_the_course_is_not_requested_twice() -> None:
    judge = ScriptedJudge(fair)
    with running(
        contest(judge=judge, candidate=server("cand"), baseline=server("base"), asked=MANY)
    ) as pipeline:
        pipeline.follow(Course(MANY, [], Agreed("PASS")))
        pipeline.request([MANY[30]])
        not_needed(pipeline, 31)
    assert judged_by(judge) == set(range(1, 9))


def test_a_judge_that_breaks_down_ends_all_blocks() -> None:
    def broken(task: Task) -> str | Exception:
        return ServiceError("judge", "401", "a key") if task.question.question_id == 10 else fair(task)

    given = contest(server("cand"), server("base"), ScriptedJudge(broken, free=False), MANY)
    with running(given) as pipeline:
        pipeline.follow(Course(MANY, [], Agreed("INCONCLUSIVE")))
        assert row(pipeline, 1).judged
        for question_id in (10, 11, 40):
            with pytest.raises(ServiceError):
                row(pipeline, question_id)


def test_a_model_that_breaks_down_ahead_ends_all_blocks() -> None:
    with running(contest(OnDevice("cand", breaks_at=12), server("base"), asked=MANY)) as pipeline:
        pipeline.follow(Course(MANY, [], Agreed(*UNDECIDED)))
        with pytest.raises(ModelError):
            row(pipeline, 40)


def test_a_bug_in_a_look_leaves_no_test_waiting() -> None:
    with running(contest(server("cand"), server("base"), asked=MANY)) as pipeline:
        pipeline.follow(Course(MANY, [], Agreed()))
        with pytest.raises(IndexError):
            row(pipeline, 9)
