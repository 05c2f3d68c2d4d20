"""The desks of models and judge: what is stored or made by others is not made here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.core.errors import ServiceError, VerdictError
from mtbench_pytest.core.records import (
    Answer,
    AnswerFailure,
    AnswerTask,
    GradeTask,
    Question,
    QuestionId,
    Reply,
    Task,
)
from mtbench_pytest.core.row import Row
from mtbench_pytest.judges.base import JudgeReply
from mtbench_pytest.judges.scripted import ScriptedJudge
from mtbench_pytest.models.base import ChatModel
from mtbench_pytest.models.scripted import ScriptedModel
from mtbench_pytest.run.pipeline import Pipeline
from mtbench_pytest.store.database import Database, open_database, sqlite_url
from mtbench_pytest.store.leases import Workers
from mtbench_pytest.store.store import Store
from tests.unit.factories import questions
from tests.unit.parties import THREE, WAIT, Crowd, Crowded, contest, fair, row, running, says

SIX = questions(6)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(sqlite_url(tmp_path / "store.db"))
    yield opened
    opened.close()


def paid(name: str, asked: Sequence[Question] = SIX) -> ScriptedModel:
    return ScriptedModel(says(name, asked), name, free=False)


def paid_judge() -> ScriptedJudge:
    return ScriptedJudge(fair, free=False)


def rows(pipeline: Pipeline, asked: Sequence[Question]) -> list[Row]:
    pipeline.request(asked)
    return [row(pipeline, question.question_id) for question in asked]


# The store.


def test_what_is_stored_is_not_made_again(database: Database) -> None:
    judge = paid_judge()
    first = contest(paid("cand"), paid("base"), judge, SIX)
    with running(first, store=Store(database)) as pipeline:
        expected = rows(pipeline, SIX)
    assert len(judge.asked) == 6 * 8
    nobody = contest(
        ScriptedModel(says("cand", SIX), "cand", free=False),
        ScriptedModel(says("base", SIX), "base", free=False),
        ScriptedJudge([], free=False),
        SIX,
    )
    with running(nobody, store=Store(database)) as pipeline:
        assert rows(pipeline, SIX) == expected
    for model in nobody.models.values():
        assert isinstance(model, ScriptedModel)
        assert model.asked == []


def test_a_half_made_run_is_completed(database: Database) -> None:
    with running(contest(paid("cand"), paid("base"), paid_judge(), SIX), store=Store(database)) as pipeline:
        rows(pipeline, SIX[:2])
    candidate, judge = paid("cand"), paid_judge()
    with running(contest(candidate, paid("base"), judge, SIX), store=Store(database)) as pipeline:
        assert all(r.judged for r in rows(pipeline, SIX))
    assert candidate.asked == [3, 4, 5, 6]
    assert len(judge.asked) == 4 * 8


def test_what_another_model_answered_is_named_by_this_ones_name(database: Database) -> None:
    """The same weights under another name: the same answers and grades."""

    class Named(ScriptedModel):
        def identity(self) -> Mapping[str, Any]:
            return {"weights": "same"}

    for name in ("old-name", "new-name"):
        model = Named(says("cand"), name, free=False)
        judge = ScriptedJudge(lambda _: "[[7]]", free=False)
        with running(
            contest(model, Named(says("cand"), "base", free=False), judge), store=Store(database)
        ) as p:
            (found, *_) = rows(p, THREE)
        assert found.answers["candidate"].model == name
        assert {j.model for j in found.judgments["candidate"]} == {name}
        assert model.asked == ([1, 2, 3] if name == "old-name" else [])


# Batches.


class Batching(ScriptedModel):
    """Answers in batches of two, and in each answer names the batch."""

    uses_device = True

    def __init__(self, name: str, *, dependent: bool, lanes: Sequence[str] = ("cpu",)) -> None:
        super().__init__({}, name, free=False)
        self.dependent = dependent
        self.batches: list[list[QuestionId]] = []
        self._lanes = lanes
        self.lane = ""

    def identity(self) -> Mapping[str, Any]:
        return {"name": self.name, "batch_dependent": self.dependent}

    def plan(self, tasks: Sequence[AnswerTask]) -> list[list[AnswerTask]]:
        ordered = sorted(tasks, key=lambda task: str(task.question.question_id))
        return [ordered[start : start + 2] for start in range(0, len(ordered), 2)]

    def lanes(self) -> Sequence[str]:
        return self._lanes

    def on(self, lane: str) -> ChatModel:
        copy = Batching(self.name, dependent=self.dependent, lanes=self._lanes)
        copy.batches, copy.lane = self.batches, lane
        return copy

    async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        ids = [task.question.question_id for task in tasks]
        self.batches.append(ids)
        for task in tasks:
            await asyncio.sleep(0.005)
            replies = [f"{self.name} in {ids}, turn {turn}" for turn in (1, 2)]
            yield Answer(
                task.question.question_id,
                self.name,
                tuple(map(Reply, replies)),
                {"lane": self.lane},
            )


def test_a_part_is_answered_in_the_batches_of_the_whole(database: Database) -> None:
    """Else a sharded or resumed run would not give the answers of an undisturbed one."""
    whole = contest(Batching("cand", dependent=True), paid("base"), paid_judge(), SIX)
    with running(whole) as pipeline:
        expected = rows(pipeline, SIX)
    for part in (SIX[3:4], SIX):
        model = Batching("cand", dependent=True)
        with running(contest(model, paid("base"), paid_judge(), SIX), store=Store(database)) as pipeline:
            found = rows(pipeline, part)
            assert found == [r for r in expected if r.question_id in {q.question_id for q in part}]
        assert model.batches == ([[3, 4]] if len(part) == 1 else [[1, 2], [5, 6]])


def test_where_batches_change_nothing_only_what_is_missing_is_made(database: Database) -> None:
    for part, batches in ((SIX[3:4], [[4]]), (SIX, [[1, 2], [3, 5], [6]])):
        model = Batching("cand", dependent=False)
        with running(contest(model, paid("base"), paid_judge(), SIX), store=Store(database)) as pipeline:
            rows(pipeline, part)
        assert model.batches == batches


def test_another_bench_is_another_plan(database: Database) -> None:
    for scope, batches in ((SIX, [[1, 2]]), (SIX[:5], [[1, 2]])):
        model = Batching("cand", dependent=True)
        given = contest(model, paid("base"), paid_judge(), SIX)
        with running(given, scope=scope, store=Store(database)) as pipeline:
            rows(pipeline, SIX[:1])
        assert model.batches == batches, "not taken from the other's"


def test_lanes_share_the_batches() -> None:
    model = Batching("cand", dependent=True, lanes=("cuda:0", "cuda:1"))
    with running(contest(model, paid("base"), paid_judge(), SIX)) as pipeline:
        found = rows(pipeline, SIX)
    assert sorted(map(str, model.batches)) == ["[1, 2]", "[3, 4]", "[5, 6]"]
    assert {r.answers["candidate"].made_with["lane"] for r in found} == {"cuda:0", "cuda:1"}


def test_a_model_that_spans_devices_leaves_no_lane_to_another() -> None:
    events: list[str] = []

    class Noted(Batching):
        async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
            async for one in super().answer(tasks):
                events.append(self.name)
                yield one

    wide = Noted("cand", dependent=True, lanes=("all",))
    narrow = Noted("base", dependent=True, lanes=("cuda:0", "cuda:1"))
    with running(contest(wide, narrow, paid_judge(), SIX)) as pipeline:
        assert all(r.judged for r in rows(pipeline, SIX))
    assert events == ["cand"] * 6 + ["base"] * 6


class Forgetful(Batching):
    def plan(self, tasks: Sequence[AnswerTask]) -> list[list[AnswerTask]]:
        return super().plan(tasks)[1:]


def test_a_plan_that_leaves_a_question_out_is_told() -> None:
    with running(contest(Forgetful("cand", dependent=True), paid("base"), paid_judge(), SIX)) as pipeline:
        found = rows(pipeline, SIX)
    assert [r.question_id for r in found if not r.judged] == [1, 2]
    assert "the model's plan has no batch with this question" in str(found[0].failures)


# Several processes: here several pipelines, each with its own models and judge.


def share(database: Database, contests: Sequence[Any], asked: Sequence[Question] = SIX) -> list[list[Row]]:
    """Each contest in a pipeline of its own, all at once."""

    def work(number: int) -> list[Row]:
        peers = Workers(database, "run", f"gw{number}")
        pipeline = Pipeline(contests[number], store=Store(database, strict=True), peers=peers)
        found = rows(pipeline, asked)
        pipeline.close(finish=True)
        peers.close()
        return found

    with ThreadPoolExecutor(len(contests)) as pool:
        return list(pool.map(work, range(len(contests))))


def test_workers_make_everything_once_and_keep_the_judges_limit(database: Database) -> None:
    crowd = Crowd()
    judges = [Crowded(crowd, free=False) for _ in range(3)]
    models = [paid("cand") for _ in range(3)]
    devices = [Batching("base", dependent=True) for _ in range(3)]
    contests = [
        contest(model, device, judge, SIX, concurrency=4)
        for model, device, judge in zip(models, devices, judges, strict=True)
    ]
    found = share(database, contests)
    assert found[0] == found[1] == found[2]
    assert sorted(key for model in models for key in model.asked) == [1, 2, 3, 4, 5, 6]
    assert sorted(str(batch) for device in devices for batch in device.batches) == [
        "[1, 2]",
        "[3, 4]",
        "[5, 6]",
    ]
    assert sum(len(judge.asked) for judge in judges) == 6 * 8
    assert crowd.most == 4


def test_the_judges_role_is_given_back_where_nothing_is_left_to_ask(database: Database) -> None:
    """Another process finished the work between our look and our taking the role; a second bench needs it."""
    share(database, [contest(paid("cand"), paid("base"), paid_judge(), SIX)])
    table = database.tables.judgments
    with database.connected() as connection:
        finished = [dict(found._mapping) for found in connection.execute(table.select())]
        connection.execute(table.delete())

    class Late(Workers):
        def take(self, name: str) -> bool:
            for judgment in finished if name == "judge" else ():
                database.insert(table, judgment)
            return super().take(name)

    late, other = Late(database, "run", "late"), Workers(database, "run", "other")
    judge = paid_judge()
    pipeline = Pipeline(
        contest(paid("cand"), paid("base"), judge, SIX), store=Store(database, strict=True), peers=late
    )
    rows(pipeline, SIX)
    assert judge.asked == []
    deadline = time.monotonic() + WAIT
    while not other.take("judge"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    pipeline.close()
    late.close()
    other.close()


def test_a_failure_is_known_to_all_and_made_once(database: Database) -> None:
    def sulk(task: Task) -> str | Exception:
        return VerdictError("at lunch") if task.question.question_id == 2 else fair(task)

    judges = [ScriptedJudge(sulk, free=False) for _ in range(2)]
    models = [ScriptedModel({**says("cand", SIX), 5: ValueError("tired")}, "cand", free=False) for _ in "ab"]
    found = share(
        database,
        [contest(model, paid("base"), judge, SIX) for model, judge in zip(models, judges, strict=True)],
    )
    assert found[0] == found[1]
    assert [r.question_id for r in found[0] if not r.judged] == [2, 5]
    assert sum(len(judge.asked) for judge in judges) == 5 * 8 + 2
    assert len(models[0].asked) + len(models[1].asked) == 6


def test_what_ends_a_run_ends_it_for_all(database: Database) -> None:
    refused = ServiceError("http://h", "401", "a key")
    contests = [
        contest(paid("cand"), paid("base"), ScriptedJudge(lambda _: refused, free=False), SIX)
        for _ in range(2)
    ]
    pipelines = [
        Pipeline(given, store=Store(database, strict=True), peers=Workers(database, "run", f"gw{number}"))
        for number, given in enumerate(contests)
    ]
    for pipeline in pipelines:
        pipeline.request(SIX)
    for pipeline in pipelines:
        error = pipeline.row(1).exception(WAIT)
        assert "http://h: 401; expected a key" in str(error)
    for pipeline in pipelines:
        pipeline.close()


def test_an_end_lets_calls_under_way_finish_and_keeps_them(database: Database) -> None:
    class Patient(ScriptedJudge):
        async def reply(self, task: Task, max_tokens: int) -> JudgeReply:  # noqa: ARG002
            self.asked.append(task)
            await asyncio.sleep(0.3)
            return JudgeReply("[[7]]" if isinstance(task, GradeTask) else "[[A]]")

    judge = Patient([], free=False)
    given = contest(paid("cand"), paid("base"), judge, SIX, concurrency=5)
    pipeline = Pipeline(given, store=Store(database))
    pipeline.request(SIX)
    deadline = time.monotonic() + WAIT
    while len(judge.asked) < 5 and time.monotonic() < deadline:
        time.sleep(0.005)
    pipeline.close()
    assert len(judge.asked) == 5, "none begins after the end"
    again = ScriptedJudge(fair, free=False)
    with running(contest(paid("cand"), paid("base"), again, SIX), store=Store(database)) as pipeline:
        rows(pipeline, SIX)
    assert len(again.asked) == 6 * 8 - 5
