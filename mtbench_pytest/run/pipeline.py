"""Answers and judgments, produced in the background while tests wait for their own.

One thread runs an asyncio loop. `answer_queue.py` has every answer made once; each goes by `grading.py` to
`judge_queue.py` as soon as it is there, so that judging overlaps generation.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, wait
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from mtbench_pytest.core.aio import Serial, Tasks, cancel_all, off_loop
from mtbench_pytest.core.errors import MTBenchError, StoreError
from mtbench_pytest.core.records import SIDES, Answer, AnswerFailure, AnswerTask, Question, QuestionId, Side
from mtbench_pytest.core.row import Row
from mtbench_pytest.findings.drift import Drift
from mtbench_pytest.gate.drops import AskAgain
from mtbench_pytest.gate.early_stop import Course
from mtbench_pytest.models.base import Counts
from mtbench_pytest.run.answer_queue import AnswerQueue, Job, close_quietly
from mtbench_pytest.run.blocks import along
from mtbench_pytest.run.contest import Contest, is_free
from mtbench_pytest.run.grading import Grading, named, of_sample
from mtbench_pytest.run.judge_queue import JudgeQueue
from mtbench_pytest.run.pending import identify
from mtbench_pytest.run.progress import Progress
from mtbench_pytest.run.question_state import Case, Slot
from mtbench_pytest.store.leases import Alone, Peers
from mtbench_pytest.store.store import Store

_LOG = logging.getLogger("mtbench_pytest")
_PATIENCE = 2.0  # seconds to wait for what is asked to end
_GRACE = 1.0  # seconds for judge calls under way, which are paid for
_GLANCE = 0.02  # seconds between looks whether they have ended
_LISTEN = 0.5  # seconds between looks whether another process ended the run
_FATAL = "fatal"
_PORTION = 250  # questions taken up at once where all is free


class Pipeline:
    """Runs a contest in the background.

    Args:
        contest: Who answers, who judges.
        scope: All questions that may be requested; where a model plans its batches over all of them, an
            answer does not depend on which were. By default those of the bench.
        store: What is there already, and where what is made is kept.
        peers: The other processes of this run.
        record: Is told of each row before anybody else is, with what is known of the parties; it may block.
        ask_again: Which questions both sides of are graded again, once all else about them is known.
    """

    def __init__(
        self,
        contest: Contest,
        scope: Sequence[Question] | None = None,
        store: Store | None = None,
        peers: Peers | None = None,
        record: Callable[[Row, Mapping[str, Mapping[str, Any]]], None] | None = None,
        ask_again: AskAgain | None = None,
    ) -> None:
        self.contest = contest
        self.progress = Progress()
        self.identities: dict[str, Mapping[str, Any]] = {}
        self._scope = scope or contest.bench.questions
        self._scopes: dict[Slot, list[AnswerTask]] = {}
        self._store = store or Store()
        self._peers = peers or Alone()
        self._record = record
        self._cases: dict[QuestionId, Case] = {}
        self._fatal: BaseException | None = None
        self._closed = False
        self._under_way: list[Future[None]] = []
        self._loop = asyncio.new_event_loop()
        self._serial = Serial("mtbench-store")
        self._answers = AnswerQueue(self._store, self._peers, self._serial)
        self._judges: JudgeQueue | None = None
        if contest.judges:
            self._judges = JudgeQueue(
                contest.judges,
                contest.concurrency,
                self._store,
                self._peers,
                self._serial,
                about=contest.bench.digest if self._peers.shared else "",
                left=contest.left,
            )
        self._grading = Grading(contest, self._judges, self.identities, self.progress, ask_again)
        self._thread = threading.Thread(target=self._loop.run_forever, name="mtbench", daemon=True)
        self._thread.start()
        if self._peers.shared:
            self._under_way.append(asyncio.run_coroutine_threadsafe(self._listen(), self._loop))

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
        asked = self._open(new)
        self._count(new, unjudged)
        to_judge = [self._cases[question.question_id] for question in unjudged]
        for case in to_judge:
            case.judging = True
        self._begin(self._work(asked, to_judge), [*asked, *to_judge])

    def follow(self, course: Course) -> None:
        """Begins to judge questions that were not requested before, as a course leads; returns at once.

        A test of a question that the course does not come to gets `NotNeeded`.
        """
        cases = self._open(course.order)
        for case in cases:
            case.judging = True
            case.hold()
        self.progress.more = True
        self._begin(self._follow(course, cases), cases)

    def _open(self, questions: Sequence[Question]) -> list[Case]:
        if self._closed:
            raise RuntimeError("the pipeline is closed")
        contest = self.contest
        about = (contest.bench.name, self._loop, contest.drawn, contest.repeats, list(contest.judges))
        cases = [Case(question, *about) for question in questions]
        self._cases |= {case.question.question_id: case for case in cases}
        return cases

    def _begin(self, work: Coroutine[Any, Any, None], cases: Sequence[Case]) -> None:
        guarded = self._guard(work, cases)
        self._under_way = [one for one in self._under_way if not one.done()]
        # asyncio itself holds its tasks weakly: what waits for something of its own alone would be collected.
        self._under_way.append(asyncio.run_coroutine_threadsafe(guarded, self._loop))

    def answer(self, side: Side, question_id: QuestionId) -> Future[Answer | AnswerFailure]:
        """The answer of one side to a requested question."""
        return self._cases[question_id].outside[side].future()

    def row(self, question_id: QuestionId) -> Future[Row]:
        """All about a question requested to be judged.

        An `MTBenchError` in the future means that the run cannot go on.
        """
        return self._cases[question_id].row.future()

    def look(self) -> Progress:
        """Where the run stands."""
        models = [*self.contest.models.values(), *self._answers.copies]
        told = sum(model.tokens for model in models if isinstance(model, Counts))
        seen = replace(self.progress, tokens=self.progress.tokens + told)
        if (queue := self._judges) is not None:
            seen.calls, seen.calls_open, seen.calls_queued = queue.calls, queue.open, queue.queued
            seen.judgments_made = queue.made
        return seen

    def pace(self) -> dict[str, float]:
        """What was made here that costs something, and how long it took.

        Returns:
            `answer_tokens` in `answer_seconds`, with all models side by side; `judge_calls` of
            `judge_seconds` together, as if they had been made one after the other.
        """
        queue = self._judges
        return {
            "answer_tokens": self.look().tokens,
            "answer_seconds": self._answers.seconds,
            "judge_calls": 0 if queue is None else queue.calls,
            "judge_seconds": 0.0 if queue is None else queue.seconds,
        }

    @property
    def drifts(self) -> Mapping[str, Drift]:
        """By judge whether it still grades as it did, where that is known by now."""
        return self._grading.drifts

    @property
    def alive(self) -> bool:
        """Whether anything can still be finished."""
        return self._thread.is_alive()

    def finished(self) -> list[Row]:
        """What is known of every requested question by now, whole rows and parts of rows."""
        return [case.so_far() for case in list(self._cases.values())]

    def close(self, *, finish: bool = False) -> None:
        """Ends what is under way and frees models and connections.

        It never raises: what was judged must still reach the gate.

        Args:
            finish: First wait for all that this process has begun, however long that takes; other processes
                of the run wait for it too. Otherwise judge calls under way, which are paid for, have a
                second to end.
        """
        if self._closed:
            return
        self._closed = True
        patience = None if finish else _GRACE
        wait([asyncio.run_coroutine_threadsafe(self._wind_down(finish), self._loop)], timeout=patience)
        # First of all nobody waits any more: what a model says while it is being closed is no answer.
        ending = asyncio.run_coroutine_threadsafe(self._shut_down(), self._loop)
        closing = [
            threading.Thread(target=close_quietly, args=(model,), daemon=True)
            for model in [*self.contest.models.values(), *self._answers.copies]
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
        self._serial.close()

    async def _wind_down(self, finish: bool) -> None:
        """Begins nothing more, and waits for what is under way."""
        self._answers.stop()
        if self._judges is not None:
            self._judges.stop()
        while (self._judges is not None and self._judges.open) or (finish and self._answers.at_work):
            await asyncio.sleep(_GLANCE)

    async def _shut_down(self) -> None:
        await asyncio.gather(*cancel_all(), return_exceptions=True)
        for name, judge in self.contest.judges.items():
            try:
                await judge.aclose()
            except Exception:
                _LOG.warning("judge %s failed to close", name, exc_info=True)
        await self._loop.shutdown_asyncgens()

    def _count(
        self, asked: Sequence[Question], to_judge: Sequence[Question], sides: Collection[Side] = SIDES
    ) -> None:
        answers = sum(self.contest.drawn(side) for side in self.contest.models if side in sides)
        self.progress.answers_total += answers * len(asked)
        self.progress.judgments_total += sum(map(self.contest.judgments, to_judge))

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
            first = self._fatal is None
            self._end(error)
            if first and self._peers.shared:
                told = str(error) if isinstance(error, MTBenchError) else f"{type(error).__name__}: {error}"
                with suppress(StoreError):
                    await self._serial(self._peers.note, _FATAL, told)

    def _end(self, error: BaseException) -> None:
        """Nothing more can be had."""
        self._fatal = self._fatal or error
        self._answers.stop()
        if self._judges is not None:
            self._judges.stop()
        for case in list(self._cases.values()):
            case.fail(error)

    async def _listen(self) -> None:
        """Ends the run here when another process found that it cannot go on."""
        with suppress(StoreError):
            while not (told := await self._serial(self._peers.notes, [_FATAL])):
                await asyncio.sleep(_LISTEN)
            self._end(MTBenchError(told[_FATAL]))

    async def _work(self, asked: Sequence[Case], to_judge: Sequence[Case]) -> None:
        """Answers and judges; in portions where all is there at once, for what is under way takes room."""
        cases = list(dict.fromkeys([*asked, *to_judge]))
        size = _PORTION if self.contest.all_free else len(cases)
        new, unjudged = set(asked), set(to_judge)
        for first in range(0, len(cases), size):
            portion = cases[first : first + size]
            await self._work_on(
                [case for case in portion if case in new], [case for case in portion if case in unjudged]
            )

    async def _follow(self, course: Course, cases: Sequence[Case]) -> None:
        """Answers that a device makes cost nothing but time: they are made ahead of the blocks."""
        models = self.contest.models
        ahead = [side for side, model in models.items() if model.uses_device and not is_free(model)]
        beside = [side for side in models if side not in ahead]
        self._count(course.order, [], ahead)

        async def judge(block: Sequence[Case]) -> None:
            questions = [case.question for case in block]
            self._count(questions, questions, beside)
            await self._work_on(block, block, beside)

        async def recall(block: Sequence[Case]) -> bool:
            return await self._answers.recall(await self._jobs(block, ahead))

        by_id = {case.question.question_id: case for case in cases}
        await along(course, by_id, judge, recall, lambda: self._answer_all(cases, ahead))
        self.progress.answers_total -= sum(
            case.waits_for(slot) for case in cases for slot in case.slots if slot[0] in ahead
        )
        self.progress.more = False

    async def _work_on(
        self, asked: Sequence[Case], to_judge: Sequence[Case], sides: Collection[Side] = SIDES
    ) -> None:
        async with Tasks() as tasks:
            for case in to_judge:
                tasks.start(self._finish(case))
            if asked:
                tasks.start(self._answer_all(asked, sides))

    async def _answer_all(self, cases: Sequence[Case], sides: Collection[Side] = SIDES) -> None:
        await self._answers.answer(await self._jobs(cases, sides))

    async def _jobs(self, cases: Sequence[Case], asked: Collection[Side]) -> list[Job]:
        for party, who in self.contest.parties.items():
            if party not in self.identities:
                self.identities[party] = await off_loop(
                    partial(identify, party, who, self._store, self._peers)
                )
        self._grading.begin_check()
        sides = [side for side in SIDES if side in self.contest.models and side in asked]
        same = len(sides) == 2 and self.identities["candidate"] == self.identities["baseline"]
        groups = [SIDES] if same else [(side,) for side in sides]
        jobs = [self._job(group, 1, cases) for group in groups]
        further = [(side, n) for side in sides for n in range(2, self.contest.drawn(side) + 1)]
        jobs += [self._job((side,), n, cases) for side, n in further]
        return [job for job in jobs if job.tasks]

    def _job(self, sides: tuple[Side, ...], sample: int, cases: Sequence[Case]) -> Job:
        """What one model has to answer, for both sides where the two are the same model."""
        slot = (sides[0], sample)
        if slot not in self._scopes:
            self._scopes[slot] = self.contest.tasks(sides[0], self._scope, sample)
        by_id = {case.question.question_id: case for case in cases if case.waits_for(slot)}
        return Job(
            model=(model := self.contest.models[sides[0]]),
            identity=self.identities[sides[0]],
            tasks=self.contest.tasks(sides[0], [case.question for case in by_id.values()], sample),
            scope=self._scopes[slot],
            tell=lambda answer, made: self._deliver(
                answer, sides, sample, by_id[answer.question_id], made=made
            ),
            free=is_free(model),
        )

    def _deliver(
        self,
        answer: Answer | AnswerFailure,
        sides: tuple[Side, ...],
        sample: int,
        case: Case,
        *,
        made: bool,
    ) -> None:
        if made and isinstance(answer, Answer) and not isinstance(self.contest.models[sides[0]], Counts):
            self.progress.tokens += sum(reply.completion_tokens or 0 for reply in answer.replies)
        for side in sides:
            mine = named(answer, model=self.contest.models[side].name)
            for number in self._numbers(side, sample, case.question):
                self.progress.answers += 1
                self.progress.answers_made += made
                self.progress.failures += isinstance(mine, AnswerFailure)
                case.answered((side, number), of_sample(mine, number))

    def _numbers(self, side: Side, sample: int, question: Question) -> Sequence[int]:
        """Which of a side's samples an answer is: the first is all of them where none could differ."""
        if sample > 1 or self.contest.varies(side, question):
            return (sample,)
        return range(1, self.contest.drawn(side) + 1)

    async def _finish(self, case: Case) -> None:
        """Judges a case as its answers arrive and hands over its row."""
        await self._grading.judge(case)
        if self._record is not None and not any(drift.beyond for drift in self.drifts.values()):
            await self._serial(self._record, case.so_far(), self.identities)
        case.judged()
