"""Answers and judgments, produced in the background while tests wait for their own.

One thread runs an asyncio loop. Models that hold a device's memory take turns there, servers run side by
side, and every finished answer goes to the judge at once. What has the same content hash is made once.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, wait
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from mtbench_pytest.case import Case
from mtbench_pytest.contest import Contest
from mtbench_pytest.errors import ModelError
from mtbench_pytest.judges.base import GameTask, GradeTask, Judge, Task
from mtbench_pytest.models.base import ChatModel, Counts
from mtbench_pytest.records import (
    SIDES,
    Answer,
    AnswerFailure,
    AnswerTask,
    Game,
    JudgeFailure,
    Judgment,
    Question,
    QuestionId,
    Row,
    Side,
    Verdict,
)
from mtbench_pytest.tasks import Tasks, off_loop

T = TypeVar("T")

_LOG = logging.getLogger("mtbench_pytest")
_PATIENCE = 2.0  # seconds to wait for what is asked to end


@dataclass
class Progress:
    """Counts of what a run has done; `total` figures grow as questions are requested."""

    answers: int = 0
    answers_total: int = 0
    judgments: int = 0
    judgments_total: int = 0
    failures: int = 0
    tokens: int = 0


class Pipeline:
    """Runs a contest in the background.

    Args:
        contest: Who answers, who judges.
        keep_loaded: Keep both models in memory, for a caller that requests questions one by one;
            otherwise a model is closed when its part of a request is done.
    """

    def __init__(self, contest: Contest, *, keep_loaded: bool = False) -> None:
        self.contest = contest
        self.progress = Progress()
        self.identities: dict[str, Mapping[str, Any]] = {}
        self._keep_loaded = keep_loaded
        self._cases: dict[QuestionId, Case] = {}
        self._memo: dict[str, asyncio.Future[Judgment | Game | JudgeFailure]] = {}
        self._fatal: BaseException | None = None
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._calls = asyncio.Semaphore(contest.concurrency)
        self._device = asyncio.Lock()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mtbench", daemon=True)
        self._thread.start()

    def request(self, questions: Iterable[Question], *, judged: bool = True) -> None:
        """Begins work on the questions that are not under way yet; returns at once.

        Args:
            judged: Also grade and compare the answers; a question may first be requested without.
        """
        wanted = list(questions)
        new = [q for q in wanted if q.question_id not in self._cases]
        unjudged = [
            q for q in wanted if judged and not ((case := self._cases.get(q.question_id)) and case.judging)
        ]
        if not new and not unjudged:
            return
        if self._closed:
            raise RuntimeError("the pipeline is closed")
        self._count(new, unjudged)
        asked = [Case(question, self.contest.bench.name, self._loop) for question in new]
        self._cases |= {case.question.question_id: case for case in asked}
        to_judge = [self._cases[question.question_id] for question in unjudged]
        for case in to_judge:
            case.judging = True
        asyncio.run_coroutine_threadsafe(
            self._guard(self._work(asked, to_judge), [*asked, *to_judge]), self._loop
        )

    def answer(self, side: Side, question_id: QuestionId) -> Future[Answer | AnswerFailure]:
        """The answer of one side to a requested question."""
        return self._cases[question_id].outside[side]

    def row(self, question_id: QuestionId) -> Future[Row]:
        """All about a question requested to be judged.

        An `MTBenchError` in the future means that the run cannot go on.
        """
        return self._cases[question_id].row

    def look(self) -> Progress:
        """Where the run stands."""
        counting = [model for model in self.contest.models.values() if isinstance(model, Counts)]
        return replace(self.progress, tokens=sum(model.tokens for model in counting))

    @property
    def alive(self) -> bool:
        """Whether anything can still be finished."""
        return self._thread.is_alive()

    def finished(self) -> list[Row]:
        """What is known of every requested question by now, whole rows and parts of rows."""
        return [case.so_far() for case in list(self._cases.values())]

    def close(self) -> None:
        """Ends what is under way and frees models and connections.

        It never raises and never waits long: what was judged must still reach the gate.
        """
        if self._closed:
            return
        self._closed = True
        # First of all nobody waits any more: what a model says while it is being closed is no answer.
        ending = asyncio.run_coroutine_threadsafe(self._shut_down(), self._loop)
        closing = [
            threading.Thread(target=_quietly, args=(model.close, model.name), daemon=True)
            for model in self.contest.models.values()
        ]
        for thread in closing:
            thread.start()
        wait([ending], timeout=_PATIENCE)
        for thread in closing:
            thread.join(timeout=_PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=_PATIENCE)
        if not self._thread.is_alive():
            self._loop.close()

    async def _shut_down(self) -> None:
        own = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not own]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.contest.judge is not None:
            try:
                await self.contest.judge.aclose()
            except Exception:
                _LOG.warning("judge %s failed to close", self.contest.judge.name, exc_info=True)
        await self._loop.shutdown_asyncgens()

    def _count(self, asked: Sequence[Question], to_judge: Sequence[Question]) -> None:
        self.progress.answers_total += len(self.contest.models) * len(asked)
        for question in to_judge:
            games = 2 * len(self._game_turns(question))
            self.progress.judgments_total += len(SIDES) * len(question.turns) + games

    def _game_turns(self, question: Question) -> tuple[int, ...]:
        return self._judge.game_turns(question) if self.contest.pairwise else ()

    @property
    def _judge(self) -> Judge:
        assert self.contest.judge is not None, "a contest without a judge is asked for answers only"
        return self.contest.judge

    async def _guard(self, work: Coroutine[Any, Any, None], cases: Sequence[Case]) -> None:
        """Runs work; whatever ends it early wakes every test that waits for these cases."""
        try:
            if self._fatal is not None:
                work.close()
                raise self._fatal
            await work
        except asyncio.CancelledError:
            for case in cases:
                case.fail(CancelledError())
            raise
        except Exception as error:  # a bug in a model or judge must not leave a test waiting for ever
            self._fatal = self._fatal or error
            for case in list(self._cases.values()):
                case.fail(error)

    async def _work(self, asked: Sequence[Case], to_judge: Sequence[Case]) -> None:
        async with Tasks() as tasks:
            for case in to_judge:
                tasks.start(self._finish(case))
            if asked:
                tasks.start(self._answer_all(asked))

    async def _answer_all(self, cases: Sequence[Case]) -> None:
        by_id = {case.question.question_id: case for case in cases}
        await self._identify()
        sides = [side for side in SIDES if side in self.contest.models]
        if len(sides) == 2 and self.identities["candidate"] == self.identities["baseline"]:
            await self._answer_side(SIDES, by_id)
            return
        async with Tasks() as tasks:
            # Started in this order, the candidate is the first to take the device.
            for side in sides:
                tasks.start(self._answer_side((side,), by_id))

    async def _identify(self) -> None:
        """Learns what answers and judgments depend on; a digest of weights takes its time."""
        parties: dict[str, ChatModel | Judge] = dict(self.contest.models.items())
        if self.contest.judge is not None:
            parties["judge"] = self.contest.judge
        for name, party in parties.items():
            if name not in self.identities:
                self.identities[name] = await off_loop(party.identity)

    async def _answer_side(self, sides: tuple[Side, ...], by_id: Mapping[QuestionId, Case]) -> None:
        """Answers all cases with one model, for both sides where the two are the same model."""
        model = self.contest.models[sides[0]]
        if model.uses_device:
            async with self._device:
                await self._stream(model, sides, by_id)
        else:
            await self._stream(model, sides, by_id)

    async def _stream(
        self, model: ChatModel, sides: tuple[Side, ...], by_id: Mapping[QuestionId, Case]
    ) -> None:
        tasks = [AnswerTask(case.question, self.contest.sampling(case.question)) for case in by_id.values()]
        waiting = dict(by_id)
        async for answer in model.answer(tasks):
            case = waiting.pop(answer.question_id, None)
            if case is None:
                raise ModelError(
                    f"model {model.name}: answered question {answer.question_id!r} twice or unasked; "
                    "expected one answer a question"
                )
            self._deliver(_with_every_turn(answer, case.question), sides, case)
        for question_id, case in waiting.items():
            self._deliver(AnswerFailure(question_id, model.name, "the model gave no answer"), sides, case)
        if not self._keep_loaded:
            await off_loop(lambda: _quietly(model.close, model.name))

    def _deliver(self, answer: Answer | AnswerFailure, sides: tuple[Side, ...], case: Case) -> None:
        for side in sides:
            mine = replace(answer, model=self.contest.models[side].name)
            self.progress.answers += 1
            self.progress.failures += isinstance(mine, AnswerFailure)
            case.answers[side].set_result(mine)
            case.outside[side].set_result(mine)

    async def _finish(self, case: Case) -> None:
        """Judges a case as its answers arrive and hands over its row."""
        case.game_turns = self._game_turns(case.question)
        async with Tasks() as tasks:
            for side in SIDES:
                tasks.start(self._grade(case, side))
            tasks.start(self._compare(case))
        case.row.set_result(case.so_far())

    async def _grade(self, case: Case, side: Side) -> None:
        answer = await case.answers[side]
        turns = range(1, len(case.question.turns) + 1)
        if isinstance(answer, AnswerFailure):
            self.progress.judgments_total -= len(turns)
            return
        async with Tasks() as tasks:
            for turn in turns:
                tasks.start(self._grade_turn(case, side, turn, answer))

    async def _grade_turn(self, case: Case, side: Side, turn: int, answer: Answer) -> None:
        question = case.question
        prompt = self.contest.bench.prompts.pick("single", question, turn).fill(question, answer.turns)
        task = GradeTask(question, turn, answer, prompt)
        result = await self._once(task, lambda: self._judge.grade(task))
        # Two sides, or two questions of one wording, may share a judgment: they do not share their names.
        if isinstance(result, JudgeFailure):
            mine = replace(result, question_id=question.question_id, models=(answer.model,))
            case.failures.append(mine)
        elif isinstance(result, Judgment):
            named = replace(result, question_id=question.question_id, model=answer.model)
            case.judgments[side].append(named)

    async def _compare(self, case: Case) -> None:
        candidate, baseline = [await case.answers[side] for side in SIDES]
        if isinstance(candidate, AnswerFailure) or isinstance(baseline, AnswerFailure):
            self.progress.judgments_total -= 2 * len(case.game_turns)
            return
        async with Tasks() as tasks:
            for turn in case.game_turns:
                tasks.start(self._compare_turn(case, turn, candidate, baseline))

    async def _compare_turn(self, case: Case, turn: int, candidate: Answer, baseline: Answer) -> None:
        """Two games, order swapped; the same conversation on both sides is a tie without a call."""
        question = case.question
        if candidate.turns[:turn] == baseline.turns[:turn]:
            self.progress.judgments_total -= 2
            case.verdicts.append(Verdict(question.question_id, turn))
            return
        games = await asyncio.gather(
            self._play(question, turn, candidate, baseline), self._play(question, turn, baseline, candidate)
        )
        played = [game for game in games if isinstance(game, Game)]
        case.failures += [game for game in games if isinstance(game, JudgeFailure)]
        if len(played) == len(games):
            case.verdicts.append(Verdict(question.question_id, turn, (played[0], played[1])))

    async def _play(self, question: Question, turn: int, a: Answer, b: Answer) -> Game | JudgeFailure:
        prompt = self.contest.bench.prompts.pick("pairwise", question, turn).fill(question, a.turns, b.turns)
        task = GameTask(question, turn, a, b, prompt)
        result = await self._once(task, lambda: self._judge.play(task))
        assert not isinstance(result, Judgment)
        if isinstance(result, JudgeFailure):
            return replace(result, question_id=question.question_id, models=(a.model, b.model))
        return replace(result, question_id=question.question_id, model_a=a.model, model_b=b.model)

    async def _once(
        self, task: Task, ask: Callable[[], Awaitable[Judgment | Game | JudgeFailure]]
    ) -> Judgment | Game | JudgeFailure:
        """Asks the judge, once for everything of one key."""
        key = self._key(task)
        if key not in self._memo:
            self._memo[key] = asyncio.ensure_future(self._limited(ask))
        result = await self._memo[key]
        self.progress.judgments += 1
        self.progress.failures += isinstance(result, JudgeFailure)
        return result

    async def _limited(self, ask: Callable[[], Awaitable[T]]) -> T:
        async with self._calls:
            return await ask()

    def _key(self, task: Task) -> str:
        extra = self._judge.key_extra(task)
        parts = (self.identities["judge"], task.prompt.system, task.prompt.user, extra)
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _with_every_turn(answer: Answer | AnswerFailure, question: Question) -> Answer | AnswerFailure:
    given, wanted = len(getattr(answer, "replies", ())), len(question.turns)
    if isinstance(answer, AnswerFailure) or given == wanted:
        return answer
    reason = f"{given} replies; expected {wanted}, one for each turn of the question"
    return AnswerFailure(answer.question_id, answer.model, reason)


def _quietly(close: Callable[[], None], name: str) -> None:
    """Closes a model; what goes wrong there is logged, for every answer is already in."""
    try:
        close()
    except Exception:
        _LOG.warning("model %s failed to close", name, exc_info=True)
