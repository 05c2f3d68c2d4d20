"""The judge's desk: every judgment is had once, from the store, from another process or from the judge."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Hashable, Mapping
from typing import Any

from mtbench_pytest.crew import POLL, Crew
from mtbench_pytest.judges.base import GradeTask, Judge, Task, repeat_of
from mtbench_pytest.keys import judgment_key
from mtbench_pytest.records import Game, JudgeFailure, Judgment
from mtbench_pytest.store import Store
from mtbench_pytest.tasks import Serial, never_cancelling_itself
from mtbench_pytest.throttle import Places, held
from mtbench_pytest.wire import judge_failure_from_dict, to_plain

Result = Judgment | Game | JudgeFailure

_ROLE = "judge"
_LATEST = 100  # judgments of a free judge that are kept, for the sides of a question; it can be asked again


class JudgeDesk:
    """Takes judging tasks and answers them.

    A judge that costs nothing is asked here, in every process. Of a judge that costs something, one
    process of the run holds the role: so the limit on calls is the run's, and nobody asks twice.

    Args:
        concurrency: Most calls under way at once.
        free: The judge costs nothing: nothing is stored, nobody needs to share.

    Attributes:
        calls: How many calls that cost something have ended.
        seconds: That these took, one after the other.
        queued: How many wait for a place among the calls at once.
        made: How many judgments were handed over that took a call here.
    """

    def __init__(
        self, judge: Judge, concurrency: int, store: Store, crew: Crew, serial: Serial, *, free: bool
    ) -> None:
        self._judge = judge
        self._store = store
        self._crew = crew
        self._serial = serial
        self._free = free
        self._places = Places(concurrency)
        self._results: dict[Hashable, asyncio.Future[Result]] = {}
        self._latest: deque[Hashable] = deque()
        self._fresh: dict[str, Task] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._stopped = False
        self._made: set[str] = set()
        self.calls = 0
        self.seconds = 0.0
        self.queued = 0
        self.made = 0

    async def get(self, identity: Mapping[str, Any], task: Task) -> Result:
        """The judgment of a task; tasks of one key share it.

        Raises:
            MTBenchError: No judgment can be had; whatever else a judge's own code raises.
        """
        extra = self._judge.key_extra(task)
        if self._free:
            # Shared within this process only, and dearer to hash than to have.
            return await self._at_once((task.prompt, repr(extra), repeat_of(task)), task)
        key = judgment_key(identity, task, extra)
        # Several may wait for it: one that is cancelled must not cancel it for the others.
        result = await asyncio.shield(self._in_time(key, task))
        self.made += key in self._made
        return result

    async def _at_once(self, key: Hashable, task: Task) -> Result:
        """Asks here and now, and keeps the latest judgments: they can be had again."""
        if (known := self._results.get(key)) is not None:
            return await asyncio.shield(known)
        self._results[key] = asyncio.get_running_loop().create_future()
        try:
            async with held(self._places):
                result = await self._ask(task)
        except Exception as error:
            self._raise(key, error)
            raise
        self._settle(key, result)
        self._latest.append(key)
        if len(self._latest) > _LATEST:
            del self._results[self._latest.popleft()]
        return result

    def _in_time(self, key: str, task: Task) -> asyncio.Future[Result]:
        if (result := self._results.get(key)) is None:
            result = self._results[key] = asyncio.get_running_loop().create_future()
            self._fresh[key] = task
            self._wake.set()
            self._serving = self._serving or asyncio.create_task(self._serve())
        return result

    @property
    def open(self) -> int:
        """How many calls are under way, or wait for a place."""
        return len(self._under_way)

    def stop(self) -> None:
        """No call begins from here on; those under way may end."""
        self._stopped = True
        self._wake.set()

    async def _serve(self) -> None:
        """Looks where the judgments asked for can be had, for as long as any is asked for."""
        try:
            while not self._stopped:
                if not self._fresh:
                    self._wake.clear()
                    await self._wake.wait()
                await self._look()
                if not self._fresh:
                    continue
                mine = await self._serial(self._crew.take, _ROLE)
                if not mine:
                    await asyncio.sleep(POLL)
                    continue
                try:
                    await self._ask_all()
                finally:
                    await self._serial(self._crew.release, _ROLE)
        except Exception as error:
            self._fail(error)

    async def _ask_all(self) -> None:
        """Asks for all that is wanted and not in the store, also for what comes meanwhile."""
        while not self._stopped:
            self._wake.clear()
            for key in await self._look():
                self._begin(key, self._fresh.pop(key))
            if not self._fresh and not self._under_way:
                break
            await self._wake.wait()
        # The role is kept until the last call has ended: another process would make it again.
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _look(self) -> list[str]:
        """Takes what the store has, and what another process could not have; returns the other keys."""
        looked = list(self._fresh)
        if not looked:
            return []
        found: dict[str, Result] = {**await self._serial(self._store.judgments, looked)}
        if self._crew.shared:
            names = {_note(key): key for key in looked}
            told = await self._serial(self._crew.notes, list(names))
            found |= {names[name]: judge_failure_from_dict(body) for name, body in told.items()}
        for key, result in found.items():
            self._fresh.pop(key, None)
            self._settle(key, result)
        return [key for key in looked if key in self._fresh]

    def _begin(self, key: str, task: Task) -> None:
        call = asyncio.create_task(self._call(key, task))
        self._under_way.add(call)
        call.add_done_callback(self._ended)

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._under_way.discard(call)
        self._wake.set()

    async def _call(self, key: str, task: Task) -> None:
        self.queued += 1
        async with held(self._places):
            self.queued -= 1
            if self._stopped:
                return
            try:
                started = time.monotonic()
                result = await self._ask(task)
                self.seconds += time.monotonic() - started
                self.calls += 1
                self._made.add(key)
                # Within the limit: what is not stored yet is still under way.
                await self._keep(key, result)
            except Exception as error:
                self._raise(key, error)
            else:
                self._settle(key, result)

    async def _ask(self, task: Task) -> Result:
        asked = self._judge.grade(task) if isinstance(task, GradeTask) else self._judge.play(task)
        return await never_cancelling_itself(asked)

    async def _keep(self, key: str, result: Result) -> None:
        if not isinstance(result, JudgeFailure):
            await self._serial(self._store.add_judgment, key, result)
        elif self._crew.shared:
            await self._serial(self._crew.note, _note(key), to_plain(result))

    def _settle(self, key: Hashable, result: Result) -> None:
        if not self._results[key].done():
            self._results[key].set_result(result)

    def _raise(self, key: Hashable, error: Exception) -> None:
        if not self._results[key].done():
            self._results[key].set_exception(error)
            # Whoever waited may be gone: asyncio must not complain that nobody looks.
            self._results[key].exception()

    def _fail(self, error: Exception) -> None:
        for key in list(self._fresh):
            self._raise(key, error)


def _note(key: str) -> str:
    return f"judgment/{key}"
