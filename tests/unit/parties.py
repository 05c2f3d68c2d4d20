"""Scripted models and judges in a pipeline, for tests that run one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mtbench_pytest.core.records import GradeTask, Question, QuestionId, Reply, Side, Task
from mtbench_pytest.core.row import Row
from mtbench_pytest.judges.base import Judge, JudgeReply
from mtbench_pytest.judges.scripted import ScriptedJudge
from mtbench_pytest.models.base import ChatModel
from mtbench_pytest.models.scripted import ScriptedModel
from mtbench_pytest.run.contest import Contest
from mtbench_pytest.run.pipeline import Pipeline
from tests.unit.factories import bench, questions

WAIT = 5.0  # seconds until a wait counts as endless
THREE = questions(3)


Entry = Sequence[str | Reply] | Exception


def says(word: str, asked: Sequence[Question] = THREE) -> dict[QuestionId, Entry]:
    """A script: for each question and turn a text of its own."""
    return {
        q.question_id: [f"{word} {turn} of {q.question_id}" for turn in range(1, len(q.turns) + 1)]
        for q in asked
    }


def fair(task: Task) -> str:
    """Grades the candidate 8 and the baseline 6; the candidate's answer wins."""
    if isinstance(task, GradeTask):
        return "[[8]]" if task.answer.model == "cand" else "[[6]]"
    return "[[A]]" if task.answer_a.model == "cand" else "[[B]]"


def model(name: str, **other: Entry) -> ScriptedModel:
    """Answers everything but what is given otherwise: `q2=...` replaces the entry of question 2."""
    return ScriptedModel(says(name) | {int(key[1:]): entry for key, entry in other.items()}, name)


def contest(
    candidate: ChatModel | None = None,
    baseline: ChatModel | None = None,
    judge: Judge | None = None,
    asked: Sequence[Question] = THREE,
    panel: Sequence[Judge] = (),
    **settings: Any,
) -> Contest:
    models: dict[Side, ChatModel] = {
        "candidate": candidate or model("cand"),
        "baseline": baseline or model("base"),
    }
    judges = panel or [judge or ScriptedJudge(fair)]
    return Contest(bench(asked), models, {one.name: one for one in judges}, **settings)


def contest_with(side: Side, party: ChatModel) -> Contest:
    return contest(party) if side == "candidate" else contest(baseline=party)


@contextmanager
def running(given: Contest, **kept: Any) -> Iterator[Pipeline]:
    pipeline = Pipeline(given, **kept)
    try:
        yield pipeline
    finally:
        pipeline.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "mtbench"]


def row(pipeline: Pipeline, question_id: QuestionId) -> Row:
    return pipeline.row(question_id).result(WAIT)


def rows_of(given: Contest, asked: Sequence[Question] = THREE) -> tuple[list[Row], Pipeline]:
    with running(given) as pipeline:
        pipeline.request(asked)
        return [row(pipeline, q.question_id) for q in asked], pipeline


def check_complete(pipeline: Pipeline) -> None:
    """Every count has reached its total."""
    progress = pipeline.progress
    assert progress.answers == progress.answers_total
    assert progress.judgments == progress.judgments_total


async def until(true: Callable[[], bool]) -> None:
    """Waits in an event loop for something another task brings about."""
    async with asyncio.timeout(WAIT):
        while not true():
            await asyncio.sleep(0.001)


class Endless(ScriptedJudge):
    """Never replies."""

    def __init__(self) -> None:
        super().__init__([])

    async def reply(self, task: Task, max_tokens: int) -> JudgeReply:  # noqa: ARG002
        self.asked.append(task)
        await asyncio.Event().wait()
        raise AssertionError


class Crowd:
    """How many calls are under way, and were at most."""

    now = most = 0


class Crowded(ScriptedJudge):
    """Judges fairly and takes its time; several may be counted in one crowd."""

    def __init__(self, crowd: Crowd, *, free: bool = True) -> None:
        super().__init__(fair, free=free)
        self.crowd = crowd

    async def reply(self, task: Task, max_tokens: int) -> JudgeReply:
        self.crowd.now += 1
        self.crowd.most = max(self.crowd.most, self.crowd.now)
        await asyncio.sleep(0.003)
        self.crowd.now -= 1
        return await super().reply(task, max_tokens)
