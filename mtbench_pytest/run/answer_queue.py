"""The models' queue: every answer is had once, from the store, from another process or from the model."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from mtbench_pytest.core.aio import Serial, Tasks, ended, off_loop
from mtbench_pytest.core.errors import ModelError
from mtbench_pytest.core.records import Answer, AnswerFailure, AnswerTask, QuestionId
from mtbench_pytest.core.serialize import answer_failure_from_dict, to_plain
from mtbench_pytest.models.base import ALL_DEVICES, ChatModel, Lanes, Plans
from mtbench_pytest.store.keys import AnswerKeys, digest
from mtbench_pytest.store.leases import POLL, Peers, once
from mtbench_pytest.store.store import Store

_LOG = logging.getLogger("mtbench_pytest")

Tell = Callable[[Answer | AnswerFailure, bool], None]


@dataclass
class Job:
    """What one model has to answer.

    Attributes:
        identity: The model's, which names it among the processes of a run.
        tasks: What is asked.
        scope: All that may ever be asked in this run; the tasks are among them.
        tell: Is called with each answer, and whether it was made now by a model that costs something.
        free: Asking it costs nothing.
        lanes: Devices it can be on.
        missing: Tasks not answered yet, by key.
    """

    model: ChatModel
    identity: Mapping[str, Any]
    tasks: Sequence[AnswerTask]
    scope: Sequence[AnswerTask]
    tell: Tell
    free: bool
    lanes: Sequence[str] = ("device",)

    def __post_init__(self) -> None:
        self.name = digest(self.identity)
        self.key = AnswerKeys(self.identity, self.scope)
        self.missing = {self.key(task): task for task in self.tasks}

    def hand_over(self, key: str, answer: Answer | AnswerFailure, *, made: bool = False) -> None:
        """Passes on an answer that was asked for."""
        if task := self.missing.pop(key, None):
            self.tell(replace(answer, question_id=task.question.question_id), made)


class AnswerQueue:
    """Takes jobs and has every answer made once.

    Models that hold a device's memory take turns there, servers run side by side. Where several processes
    share a run, one of them has each lane (a device, or a server's model), and the others wait for what
    comes of it.

    Attributes:
        at_work: How many models answer just now.
        seconds: In which any model that costs something did, its loading included.
    """

    def __init__(self, store: Store, peers: Peers, serial: Serial) -> None:
        self._store = store
        self._peers = peers
        self._serial = serial
        self._device = asyncio.Lock()
        self._prepared: set[str] = set()
        self._plans: dict[str, Sequence[Sequence[AnswerTask]]] = {}
        self._stopped = False
        self.copies: list[ChatModel] = []
        self.at_work = 0
        self.seconds = 0.0
        self._dear = 0
        self._since = 0.0

    async def answer(self, jobs: Sequence[Job]) -> None:
        """Has all jobs' tasks answered; candidates come first.

        Raises:
            MTBenchError: A model can answer no more questions; whatever else its own code raises.
        """
        devices = [job for job in jobs if job.model.uses_device and not job.free]
        async with Tasks() as tasks:
            for job in jobs:
                if job.free:
                    tasks.start(self._freely(job))
            for served in _by_model(job for job in jobs if not (job.free or job.model.uses_device)):
                tasks.start(self._on_server(served))
            if devices:
                tasks.start(self._on_devices(devices))

    async def recall(self, jobs: Sequence[Job]) -> bool:
        """Hands over what was answered before; whether that is all."""
        return not any([await self._look(job) for job in jobs])

    def stop(self) -> None:
        """No batch begins from here on."""
        self._stopped = True

    # Where answers come from.

    async def _freely(self, job: Job) -> None:
        """Every process asks for itself; the model stays open for what is asked later."""
        async with self._device if job.model.uses_device else nullcontext():
            await self._stream(job, job.model, job.tasks)

    async def _on_server(self, jobs: Sequence[Job]) -> None:
        """Works through one model's jobs; it is closed once, for that ends all it has under way."""
        for job in jobs:
            while await self._look(job):
                async with self._taken(f"model/{job.name}") as mine:
                    if mine and await self._look(job):
                        await self._stream(job, job.model, list(job.missing.values()))
                if not mine:
                    await asyncio.sleep(POLL)
        await self._close(jobs[0].model)

    async def _on_devices(self, jobs: Sequence[Job]) -> None:
        async with self._device:  # a later request waits for an earlier one
            while open_jobs := [job for job in jobs if await self._look(job)]:
                lanes = await self._find_lanes(open_jobs)
                if self._peers.shared:
                    await self._on_one_lane(lanes, open_jobs)
                else:
                    async with Tasks() as tasks:
                        for lane in lanes:
                            tasks.start(self._on_lane(lane, open_jobs))
                    for job in open_jobs:
                        self._give_up(job)

    async def _on_one_lane(self, lanes: Iterable[str], jobs: Sequence[Job]) -> None:
        """Works on the first lane that no other process has; a process beyond the lanes waits."""
        for lane in lanes:
            async with self._taken(f"lane/{lane}") as mine:
                if mine:
                    await self._on_lane(lane, jobs)
                    break
        await asyncio.sleep(POLL)

    async def _on_lane(self, lane: str, jobs: Sequence[Job]) -> None:
        """Works through the batches that nobody else has, model by model: each is loaded once."""
        for same in _by_model(jobs):
            model = None
            for job in same:
                if lane not in job.lanes or not await self._look(job):
                    continue
                model = model or await self._copy(job, lane)
                for batch in await self._batches(job):
                    async with self._taken(f"batch/{digest([job.key(task) for task in batch])}") as mine:
                        if mine and await self._wanted(job, batch):
                            await self._stream(job, model, self._of_batch(job, batch))
            if model is not None:
                await self._close(model)

    async def _wanted(self, job: Job, batch: Sequence[AnswerTask]) -> bool:
        """Whether some of a batch is still to be answered."""
        if self._peers.shared:
            await self._look(job)
        return any(job.key(task) in job.missing for task in batch)

    def _of_batch(self, job: Job, batch: Sequence[AnswerTask]) -> Sequence[AnswerTask]:
        """All of a batch where it changes answers, else what is missing of it."""
        return batch if job.key.planned else [task for task in batch if job.key(task) in job.missing]

    async def _batches(self, job: Job) -> Sequence[Sequence[AnswerTask]]:
        # Processes that share a run must plan the same tasks, whatever is missing when each of them looks.
        asked = (
            job.scope if job.key.planned else job.tasks if self._peers.shared else list(job.missing.values())
        )
        if not isinstance(model := job.model, Plans):
            return [asked]
        name = digest(job.name, sorted(map(job.key, asked)))
        if name not in self._plans:
            self._plans[name] = await off_loop(lambda: model.plan(asked))
        return self._plans[name]

    async def _find_lanes(self, jobs: Sequence[Job]) -> Sequence[str]:
        """The devices the jobs can be on. Only one process of a run looks: that loads torch."""
        for job in jobs:
            if isinstance(model := job.model, Lanes):
                job.lanes = await off_loop(partial(once, self._peers, f"lanes/{job.name}", model.lanes))
        if any(ALL_DEVICES in job.lanes for job in jobs):  # which leaves no other device alone
            for job in jobs:
                job.lanes = (ALL_DEVICES,)
        return list(dict.fromkeys(lane for job in jobs for lane in job.lanes))

    async def _copy(self, job: Job, lane: str) -> ChatModel:
        if len(job.lanes) == 1 or not isinstance(model := job.model, Lanes):
            return job.model
        copy = await off_loop(lambda: model.on(lane))
        self.copies.append(copy)
        return copy

    # What becomes of them.

    async def _look(self, job: Job) -> bool:
        """Takes what the store has, and what another process could not have; whether any is missing."""
        if job.missing and not job.free:
            keys = list(job.missing)
            for key, answer in (await self._serial(self._store.answers, keys)).items():
                job.hand_over(key, answer)
            if self._peers.shared:
                told = await self._serial(self._peers.notes, [_note(key) for key in keys])
                for key in keys:
                    if body := told.get(_note(key)):
                        job.hand_over(key, answer_failure_from_dict(body))
        return bool(job.missing) and not self._stopped

    async def _stream(self, job: Job, model: ChatModel, tasks: Sequence[AnswerTask]) -> None:
        """Has a model answer tasks, and keeps and passes on what it says."""
        if self._stopped:
            return
        self.at_work += 1
        try:
            await self._prepare(job, model)
            waiting = {task.question.question_id: task for task in tasks}
            with self._timed(job):
                async with ended(model.answer(tasks)) as answers:
                    async for answer in answers:
                        await self._take(job, model, waiting, answer)
            for task in waiting.values():
                await self._keep(job, task, _failed(model, task, "the model gave no answer"))
        finally:
            self.at_work -= 1

    @contextmanager
    def _timed(self, job: Job) -> Iterator[None]:
        """Within it the clock runs, once however many models answer side by side."""
        if job.free:
            yield
            return
        if not self._dear:
            self._since = time.monotonic()
        self._dear += 1
        try:
            yield
        finally:
            self._dear -= 1
            if not self._dear:
                self.seconds += time.monotonic() - self._since

    async def _take(
        self,
        job: Job,
        model: ChatModel,
        waiting: dict[QuestionId, AnswerTask],
        answer: Answer | AnswerFailure,
    ) -> None:
        task = waiting.pop(answer.question_id, None)
        if task is None:
            raise ModelError(
                f"model {model.name}: answered question {answer.question_id!r} twice or unasked; "
                "expected one answer a question"
            )
        given, wanted = len(getattr(answer, "replies", ())), len(task.question.turns)
        if isinstance(answer, Answer) and given != wanted:
            reason = f"{given} replies; expected {wanted}, one for each turn of the question"
            answer = _failed(model, task, reason)
        await self._keep(job, task, answer)

    async def _keep(self, job: Job, task: AnswerTask, answer: Answer | AnswerFailure) -> None:
        key = job.key(task)
        if not job.free and isinstance(answer, Answer):
            await self._serial(self._store.add_answer, key, answer)
        elif not job.free and self._peers.shared:
            await self._serial(self._peers.note, _note(key), to_plain(answer))
        job.hand_over(key, answer, made=not job.free)

    def _give_up(self, job: Job) -> None:
        """What no batch holds will never be answered."""
        for key, task in list(job.missing.items()) if not self._stopped else ():
            job.hand_over(key, _failed(job.model, task, "the model's plan has no batch with this question"))

    async def _prepare(self, job: Job, model: ChatModel) -> None:
        """Another process may have prepared its own copy of the model, and not ours."""
        if self._peers.shared and not job.free and job.name not in self._prepared:
            self._prepared.add(job.name)
            await off_loop(lambda: model.prepare([task.question for task in job.scope]))

    async def _close(self, model: ChatModel) -> None:
        await off_loop(lambda: close_quietly(model))

    @asynccontextmanager
    async def _taken(self, name: str) -> AsyncGenerator[bool]:
        """Within it, a piece of work is this process's alone; False where it is somebody else's."""
        mine = await self._serial(self._peers.take, name)
        try:
            yield mine
        finally:
            if mine:
                await self._serial(self._peers.release, name)


def _by_model(jobs: Iterable[Job]) -> list[list[Job]]:
    """The jobs of each model together, in the order in which the models come."""
    groups: dict[int, list[Job]] = {}
    for job in jobs:
        groups.setdefault(id(job.model), []).append(job)
    return list(groups.values())


def close_quietly(model: ChatModel) -> None:
    """Closes a model; what goes wrong there is logged, for every answer is already in."""
    try:
        model.close()
    except Exception:
        _LOG.warning("model %s failed to close", model.name, exc_info=True)


def _failed(model: ChatModel, task: AnswerTask, reason: str) -> AnswerFailure:
    return AnswerFailure(task.question.question_id, model.name, reason)


def _note(key: str) -> str:
    return f"answer/{key}"
