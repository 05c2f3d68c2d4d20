"""How the pipeline's work overlaps and how it ends: no wait is for ever, no thread is left."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import CancelledError, wait
from contextlib import suppress
from typing import Any

import pytest

from mtbench_pytest.core.errors import ModelError, MTBenchError, ServiceError
from mtbench_pytest.core.records import (
    SIDES,
    Answer,
    AnswerFailure,
    AnswerTask,
    GradeTask,
    Reply,
    Side,
    Task,
)
from mtbench_pytest.judges.base import JudgeReply
from mtbench_pytest.judges.scripted import ScriptedJudge
from mtbench_pytest.models.scripted import ScriptedModel
from mtbench_pytest.run.contest import Contest
from mtbench_pytest.run.pipeline import Pipeline
from tests.unit.parties import (
    THREE,
    WAIT,
    Crowd,
    Crowded,
    Endless,
    contest,
    contest_with,
    fair,
    model,
    row,
    rows_of,
    running,
    says,
    until,
)

# Order and overlap.


class Noted(ScriptedModel):
    """Notes in a list shared with others when it begins, ends and is closed."""

    def __init__(self, name: str, events: list[str], *, device: bool, free: bool = False) -> None:
        super().__init__(says(name), name, free=free)
        self.events = events
        self.uses_device = device

    async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        self.events.append(f"{self.name} begins")
        async for one in super().answer(tasks):
            await asyncio.sleep(0.005)
            yield one
        self.events.append(f"{self.name} ends")

    def close(self) -> None:
        self.events.append(f"{self.name} closed")


def test_models_on_the_device_take_turns_and_leave_it_empty() -> None:
    events: list[str] = []
    rows_of(contest(Noted("cand", events, device=True), Noted("base", events, device=True)))
    assert events[:5] == ["cand begins", "cand ends", "cand closed", "base begins", "base ends"]
    assert "base closed" in events


def test_free_models_stay_open_for_who_asks_one_by_one() -> None:
    events: list[str] = []
    candidate, baseline = (Noted(name, events, device=True, free=True) for name in ("cand", "base"))
    given = contest(candidate, baseline)
    with running(given) as pipeline:
        for asked in THREE:
            pipeline.request([asked])
            row(pipeline, asked.question_id)
        assert not [event for event in events if event.endswith("closed")]
    assert [event for event in events if event.endswith("closed")] == ["cand closed", "base closed"]


class Meeting(ScriptedModel):
    """Answers only once another one is answering too."""

    def __init__(self, name: str, here: set[str]) -> None:
        super().__init__(says(name), name)
        self.here = here

    async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        self.here.add(self.name)
        await until(lambda: len(self.here) == 2)
        async for one in super().answer(tasks):
            yield one


def test_servers_run_side_by_side() -> None:
    here: set[str] = set()
    rows, _ = rows_of(contest(Meeting("cand", here), Meeting("base", here)))
    assert all(r.judged for r in rows)


def test_a_server_does_not_wait_for_the_device() -> None:
    here: set[str] = set()
    candidate = Meeting("cand", here)
    candidate.uses_device = True
    rows, _ = rows_of(contest(candidate, Meeting("base", here)))
    assert all(r.judged for r in rows)


class Waiting(ScriptedModel):
    """Goes on to its second question only when the judge has seen the first."""

    judge: ScriptedJudge

    async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        async for one in super().answer(tasks):
            if one.question_id == 2:
                await until(lambda: bool(self.judge.asked))
            yield one


def test_judging_begins_before_generation_ends() -> None:
    candidate = Waiting(says("x"), "cand")
    candidate.judge = ScriptedJudge(fair)
    rows, _ = rows_of(contest(candidate, judge=candidate.judge))
    assert all(r.judged for r in rows)


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_calls_at_once_than_allowed(limit: int) -> None:
    crowd = Crowd()
    judge = Crowded(crowd)
    rows_of(contest(judge=judge, concurrency=limit))
    assert crowd.most == limit
    assert len(judge.asked) == 24


# What ends a run reaches everybody.


def check_fatal(given: Contest, kind: type[Exception], said: str) -> None:
    with running(given) as pipeline:
        pipeline.request(THREE[:2])
        for question_id in (1, 2):
            with pytest.raises(kind, match=said):
                row(pipeline, question_id)
        pipeline.request(THREE[2:])
        with pytest.raises(kind, match=said):
            row(pipeline, 3)
        with pytest.raises(kind, match=said):
            pipeline.answer("candidate", 3).result(WAIT)


KEY = ServiceError("http://h", "401", "a key")


@pytest.mark.parametrize("side", SIDES)
def test_an_error_of_a_model_reaches_every_wait(side: Side) -> None:
    broken = model(side, q1=ModelError("the weights are corrupt"))
    check_fatal(contest_with(side, broken), ModelError, "the weights are corrupt")


def test_an_error_of_a_judge_reaches_every_wait() -> None:
    check_fatal(contest(judge=ScriptedJudge(lambda _: KEY)), ServiceError, "401")


def test_a_bug_in_a_judge_reaches_every_wait() -> None:
    check_fatal(contest(judge=ScriptedJudge(lambda _: ValueError("bug"))), ValueError, "bug")


def test_a_script_that_ran_out_reaches_every_wait() -> None:
    check_fatal(contest(judge=ScriptedJudge(["[[7]]"])), AssertionError, "ran out")


class NoIdentity(ScriptedModel):
    def identity(self) -> Mapping[str, Any]:
        raise ModelError("no such weights")


def test_a_model_that_cannot_be_identified_reaches_every_wait() -> None:
    check_fatal(contest(NoIdentity({}, "cand")), ModelError, "no such weights")


class Stranger(ScriptedModel):
    """Answers a question that nobody asked."""

    async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        async for one in super().answer(tasks):
            yield one
        yield AnswerFailure(99, self.name, "")


def test_a_model_that_answers_what_nobody_asked_reaches_every_wait() -> None:
    with running(contest(Stranger(says("x"), "cand"), judge=Endless())) as pipeline:
        pipeline.request(THREE)
        with pytest.raises(ModelError, match="answered question 99 twice or unasked"):
            row(pipeline, 1)


class Cancelled(ScriptedModel):
    """As a library may do that loses a cancellation of its own."""

    async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        async for one in super().answer(tasks):
            if one.question_id == 2:
                raise asyncio.CancelledError
            yield one


def test_a_model_that_cancels_itself_leaves_nobody_waiting() -> None:
    with running(contest(Cancelled(says("x"), "cand"))) as pipeline:
        pipeline.request(THREE)
        assert wait([pipeline.row(2)], timeout=10).done


class CancelledJudge(ScriptedJudge):
    async def reply(self, task: Task, max_tokens: int) -> JudgeReply:
        if isinstance(task, GradeTask) and task.turn == 2:
            raise asyncio.CancelledError
        return await super().reply(task, max_tokens)


def test_a_judge_that_cancels_itself_leaves_no_row_without_a_reason() -> None:
    with running(contest(judge=CancelledJudge(fair))) as pipeline:
        pipeline.request(THREE[:1])
        ended = pipeline.row(1)
        assert wait([ended], timeout=10).done
        assert ended.exception() is not None or ended.result().failures


def test_an_error_wakes_those_who_wait_for_another_request() -> None:
    """Whoever asks question by question has several requests under way."""
    candidate = model("cand", q2=ModelError("gone"))
    with running(contest(candidate, judge=Endless())) as pipeline:
        pipeline.request(THREE[:1])
        assert isinstance(pipeline.answer("candidate", 1).result(WAIT), Answer)
        pipeline.request(THREE[1:2])
        with pytest.raises(ModelError):
            row(pipeline, 2)
        with pytest.raises(ModelError):
            pipeline.row(1).result(1)


# The end.


class Stuck(ScriptedModel):
    """Generates in a thread until it is closed, as a model on a device does."""

    uses_device = True

    def __init__(self) -> None:
        super().__init__({}, "stuck")
        self.begun, self.ended = threading.Event(), threading.Event()

    async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        self.begun.set()
        await asyncio.to_thread(self.ended.wait)
        for task in tasks:
            yield AnswerFailure(task.question.question_id, self.name, "closed")

    def close(self) -> None:
        self.ended.set()


def check_closes(pipeline: Pipeline) -> None:
    """Closing returns soon, ends the thread and wakes who waits."""
    waited = pipeline.row(1)
    before = time.monotonic()
    pipeline.close()
    assert time.monotonic() - before < 6
    assert not [thread for thread in threading.enumerate() if thread.name == "mtbench"]
    assert waited.done()
    with pytest.raises((CancelledError, MTBenchError)):
        waited.result(0)
    pipeline.close()  # again, harmlessly


def test_closing_while_a_model_generates() -> None:
    stuck = Stuck()
    pipeline = Pipeline(contest(stuck))
    pipeline.request(THREE)
    assert stuck.begun.wait(WAIT)
    check_closes(pipeline)


def test_closing_while_a_judge_is_called() -> None:
    judge = Endless()
    pipeline = Pipeline(contest(judge=judge))
    pipeline.request(THREE)
    assert pipeline.answer("candidate", 1).result(WAIT)
    assert pipeline.answer("baseline", 1).result(WAIT)
    check_closes(pipeline)


class JudgeFailsToClose(ScriptedJudge):
    async def aclose(self) -> None:
        raise OSError("the connection is gone")


class ModelFailsToClose(ScriptedModel):
    def close(self) -> None:
        raise OSError("the device is gone")


@pytest.mark.parametrize(
    "given",
    [contest(judge=JudgeFailsToClose(fair)), contest(ModelFailsToClose(says("x"), "cand"))],
    ids=["judge", "model"],
)
def test_a_party_that_fails_to_close_leaves_no_thread(given: Contest) -> None:
    pipeline = Pipeline(given)
    pipeline.request(THREE[:1])
    row(pipeline, 1)
    with suppress(OSError):
        pipeline.close()
    left = pipeline._thread.is_alive()
    if left:  # what is left here would be blamed on the next test
        pipeline._loop.call_soon_threadsafe(pipeline._loop.stop)
        pipeline._thread.join(WAIT)
        pipeline._loop.close()
    assert not left


def test_closing_before_anything_was_asked() -> None:
    pipeline = Pipeline(contest())
    pipeline.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "mtbench"]


class Exiting(ScriptedModel):
    """As a library may do that was written for the command line."""

    def identity(self) -> Mapping[str, Any]:
        raise SystemExit(3)


def test_a_model_that_exits_reaches_every_wait() -> None:
    with running(contest(Exiting(says("x"), "cand"))) as pipeline:
        pipeline.request(THREE)
        with pytest.raises(RuntimeError, match="SystemExit: 3"):
            row(pipeline, 1)


class Brief(ScriptedModel):
    """Gives up after the first turn of a question."""

    async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        for task in tasks:
            yield Answer(task.question.question_id, self.name, (Reply("one"),))


def test_an_answer_that_lacks_a_turn_is_a_failure_of_its_question() -> None:
    with running(contest(Brief({}, "cand"))) as pipeline:
        pipeline.request(THREE)
        failure = row(pipeline, 1).failures[0]
    assert isinstance(failure, AnswerFailure)
    assert failure.reason == "1 replies; expected 2, one for each turn of the question"


def test_what_is_finished_is_there_when_no_test_has_waited() -> None:
    with running(contest(model("cand"), judge=Endless())) as pipeline:
        pipeline.request(THREE)
        pipeline.answer("baseline", 3).result(timeout=5)
        pipeline.answer("candidate", 3).result(timeout=5)
        kept = pipeline.finished()
    assert [set(found.answers) for found in kept] == [{"candidate", "baseline"}] * 3
    assert not any(found.judgments for found in kept)


class Half(ScriptedJudge):
    """Answers for the first turn and takes for ever over the second."""

    def __init__(self) -> None:
        super().__init__(fair, free=False)

    async def reply(self, task: Task, max_tokens: int) -> JudgeReply:
        if task.turn == 2:
            await asyncio.Event().wait()
        return await super().reply(task, max_tokens)


def test_a_judgment_is_kept_though_the_next_never_comes() -> None:
    """It is paid for."""
    with running(contest(model("cand"), judge=Half())) as pipeline:
        pipeline.request(THREE)
        deadline = time.monotonic() + 5
        while not pipeline.finished()[0].verdicts and time.monotonic() < deadline:
            time.sleep(0.01)
        kept = pipeline.finished()[0]
    assert {side: [one.turn for one in found] for side, found in kept.judgments.items()} == {
        "candidate": [1],
        "baseline": [1],
    }
    assert [verdict.turn for verdict in kept.verdicts] == [1]
    assert not kept.judged
