"""What a pipeline counts: all that is there, and apart from it what was made now and cost something."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from mtbench_pytest.core.errors import VerdictError
from mtbench_pytest.core.records import Answer, AnswerFailure, AnswerTask, Question, Reply, Task
from mtbench_pytest.judges.scripted import ScriptedJudge
from mtbench_pytest.models.scripted import ScriptedModel
from mtbench_pytest.run.contest import Contest
from mtbench_pytest.run.progress import Progress
from mtbench_pytest.store.database import Database, open_database, sqlite_url
from mtbench_pytest.store.leases import Workers
from mtbench_pytest.store.store import Store
from tests.unit.factories import questions
from tests.unit.parties import Endless, contest, fair, row, running, says, until

FOUR = questions(4)
TOKENS = 5  # a turn


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(sqlite_url(tmp_path / "store.db"))
    yield opened
    opened.close()


def talker(name: str, *, free: bool = False) -> ScriptedModel:
    script = {
        key: [Reply(text, completion_tokens=TOKENS) for text in texts if isinstance(text, str)]
        for key, texts in says(name, FOUR).items()
        if not isinstance(texts, Exception)
    }
    return ScriptedModel(script, name, free=free)


def dear() -> Contest:
    return contest(talker("cand"), talker("base"), ScriptedJudge(fair, free=False), FOUR)


def counted(
    given: Contest, store: Store | None = None, asked: Sequence[Question] = FOUR, peers: Workers | None = None
) -> Progress:
    with running(given, store=store, peers=peers) as pipeline:
        pipeline.request(asked)
        for question in asked:
            row(pipeline, question.question_id)
        return pipeline.look()


def test_what_is_made_is_counted() -> None:
    assert counted(dear()) == Progress(
        8, 8, 32, 32, tokens=8 * 2 * TOKENS, calls=32, answers_made=8, judgments_made=32
    )


def test_what_was_stored_is_not_made(database: Database) -> None:
    counted(dear(), Store(database), FOUR[:3])
    assert counted(dear(), Store(database)) == Progress(
        8, 8, 32, 32, tokens=2 * 2 * TOKENS, calls=8, answers_made=2, judgments_made=8
    )
    assert counted(dear(), Store(database)) == Progress(8, 8, 32, 32)


def test_what_costs_nothing_is_not_made() -> None:
    free = contest(talker("cand", free=True), talker("base", free=True), ScriptedJudge(fair), FOUR)
    assert counted(free) == Progress(8, 8, 32, 32)


def test_what_another_process_made_is_not_made_here(database: Database) -> None:
    """Failures, too, come from the others."""

    def say(task: Task) -> str | Exception:
        return VerdictError("at lunch") if task.question.question_id == 1 else fair(task)

    def given() -> Contest:
        return contest(talker("cand"), talker("base"), ScriptedJudge(say, free=False), FOUR)

    first, second = (Workers(database, "run", name) for name in ("gw0", "gw1"))
    made = counted(given(), Store(database), peers=first)
    assert (made.judgments, made.judgments_made, made.failures) == (32, 32, 8)
    assert counted(given(), Store(database), peers=second) == Progress(8, 8, 32, 32, failures=8)


def test_a_model_that_answers_for_both_sides_speaks_once() -> None:
    same = talker("cand")
    progress = counted(contest(same, same, ScriptedJudge(fair, free=False), FOUR))
    assert (progress.answers, progress.answers_made, progress.tokens) == (8, 8, 4 * 2 * TOKENS)
    assert progress.judgments_made == progress.judgments == progress.judgments_total
    assert 0 < progress.calls < progress.judgments, "both sides share their grades"


def test_the_tokens_of_a_model_that_tells_them_itself_are_not_counted_twice() -> None:
    class Telling(ScriptedModel):
        tokens = 0

        async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
            async for answer in super().answer(tasks):
                self.tokens += 100
                yield answer

    reply = Reply("x", completion_tokens=TOKENS)
    telling = Telling({q.question_id: [reply, reply] for q in FOUR}, "cand", free=False)
    progress = counted(contest(telling, talker("base"), ScriptedJudge(fair, free=False), FOUR))
    assert progress.tokens == 4 * 100 + 4 * 2 * TOKENS


def test_calls_that_wait_for_a_place() -> None:
    judge = Endless()
    judge.free = False
    given = contest(talker("cand"), talker("base"), judge, FOUR, concurrency=3)
    with running(given) as pipeline:
        pipeline.request(FOUR)
        asyncio.run(until(lambda: pipeline.look().calls_open == 32))
        asyncio.run(until(lambda: pipeline.look().calls_queued == 29))
        assert len(judge.asked) == 3
        assert pipeline.look().calls == 0
