"""The judges' queue: every judgment is had once, from the store, from another process or from its judge."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from mtbench_pytest.bench.verdicts import check_grade
from mtbench_pytest.core.aio import Serial, never_cancelling_itself
from mtbench_pytest.core.errors import (
    BudgetError,
    JudgeError,
    JudgeLeft,
    MTBenchError,
    StoreError,
    VerdictError,
)
from mtbench_pytest.core.records import Game, GradeTask, JudgeFailure, Judgment, Task, repeat_of
from mtbench_pytest.core.serialize import judge_failure_from_dict, to_plain
from mtbench_pytest.core.text import one_line
from mtbench_pytest.gate.leaving import why_too_few
from mtbench_pytest.judges.base import Judge
from mtbench_pytest.models.api.throttle import Places, held
from mtbench_pytest.run.contest import is_free
from mtbench_pytest.store.keys import judgment_key
from mtbench_pytest.store.leases import POLL, Peers
from mtbench_pytest.store.store import Store

Result = Judgment | Game | JudgeFailure

_LOG = logging.getLogger("mtbench_pytest")

_ROLE = "judge"
_LONGEST = 500  # characters of a reason
_LATEST = 100  # judgments of a free judge that are kept, for the sides of a question; it can be asked again


class Asked(NamedTuple):
    """Who is asked, and the key of what."""

    judge: str
    key: Hashable


class JudgeQueue:
    """Takes judging tasks and answers them.

    A judge that costs nothing is asked here, in every process: nothing is stored, nobody needs to share. The
    calls of all judges that cost something are made by one process of the run, which holds the role: so the
    limit on calls is the run's, and nobody asks twice.

    A judge of a panel that can grade nothing any more leaves it, and the others go on; one that judges alone
    ends the run, and so does a panel of which too few are left.

    Args:
        judges: By name.
        concurrency: Most calls under way at once, of all judges together.
        about: Names what is judged, to the other processes of the run.
        left: The judges that left before anything was asked, and why.

    Attributes:
        left: By name the judges that have left, and why.
        calls: How many calls that cost something have ended.
        seconds: That these took, one after the other.
        queued: How many wait for a place among the calls at once.
        made: How many judgments were handed over that took a call here.
    """

    def __init__(
        self,
        judges: Mapping[str, Judge],
        concurrency: int,
        store: Store,
        peers: Peers,
        serial: Serial,
        *,
        about: str = "",
        left: Mapping[str, str] | None = None,
    ) -> None:
        self.left: dict[str, str] = dict(left or {})
        self._judges = judges
        self._store = store
        self._peers = peers
        self._serial = serial
        self._about = about
        self._free = {name for name, judge in judges.items() if is_free(judge)}
        self._places = Places(concurrency)
        self._results: dict[Asked, asyncio.Future[Result]] = {}
        self._latest: deque[Asked] = deque()
        self._fresh: dict[Asked, Task] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._stopped = False
        self._made: set[Asked] = set()
        self.calls = 0
        self.seconds = 0.0
        self.queued = 0
        self.made = 0

    async def get(self, judge: str, identity: Mapping[str, Any], task: Task) -> Result:
        """A judge's judgment of a task; tasks of one key share it.

        Args:
            judge: Its name.
            identity: The judge's.

        Raises:
            JudgeLeft: The judge has left the panel.
            MTBenchError: No judgment can be had; whatever else a judge's own code raises.
        """
        if judge in self.left:
            raise self._gone(judge)
        extra = self._judges[judge].key_extra(task)
        if judge in self._free:
            # Shared within this process only, and dearer to hash than to have.
            return await self._at_once(Asked(judge, (task.prompt, repr(extra), repeat_of(task))), task)
        asked = Asked(judge, judgment_key(identity, task, extra))
        # Several may wait for it: one that is cancelled must not cancel it for the others.
        result = await asyncio.shield(self._in_time(asked, task))
        self.made += asked in self._made
        return result

    async def leave(self, judge: str, why: str) -> None:
        """Has a judge leave the panel: nobody waits for it any more, in any process of the run."""
        if judge in self.left:
            return
        why = one_line(why, _LONGEST)  # a server said it
        self._leave(judge, why)
        _LOG.warning("judge %s has left the panel: %s", judge, why)
        if self._peers.shared:
            await self._serial(self._peers.note, self._left_note(judge), why)

    def _leave(self, judge: str, why: str) -> None:
        self.left[judge] = why
        for asked in [asked for asked in self._fresh if asked.judge == judge]:
            del self._fresh[asked]
        error = self._gone(judge)
        for asked in self._results:
            if asked.judge == judge or not isinstance(error, JudgeLeft):
                self._raise(asked, error)

    def _gone(self, judge: str) -> Exception:
        """What is told of a judge that has left: the end of the run where too few stay."""
        too_few = why_too_few(len(self._judges), self.left)
        return JudgeError(too_few) if too_few else JudgeLeft(self.left[judge])

    def _left_note(self, judge: str) -> str:
        return f"left/{self._about}/{judge}"

    def _may_leave(self, error: Exception) -> bool:
        """Whether an error is one judge's of several, and concerns no other."""
        shared = isinstance(error, BudgetError | StoreError)
        return len(self._judges) > 1 and isinstance(error, MTBenchError) and not shared

    async def _at_once(self, asked: Asked, task: Task) -> Result:
        """Asks here and now, and keeps the latest judgments: they can be had again."""
        if (known := self._results.get(asked)) is not None:
            return await asyncio.shield(known)
        self._results[asked] = asyncio.get_running_loop().create_future()
        try:
            async with held(self._places):
                result = await self._ask(asked.judge, task)
        except Exception as error:
            if self._may_leave(error):
                await self.leave(asked.judge, str(error))
                raise self._gone(asked.judge) from None
            self._raise(asked, error)
            raise
        self._settle(asked, result)
        self._latest.append(asked)
        if len(self._latest) > _LATEST:
            del self._results[self._latest.popleft()]
        return result

    def _in_time(self, asked: Asked, task: Task) -> asyncio.Future[Result]:
        if (result := self._results.get(asked)) is None:
            result = self._results[asked] = asyncio.get_running_loop().create_future()
            self._fresh[asked] = task
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
                mine = await self._serial(self._peers.take, _ROLE)
                if not mine:
                    await asyncio.sleep(POLL)
                    continue
                try:
                    await self._ask_all()
                finally:
                    await self._serial(self._peers.release, _ROLE)
        except Exception as error:
            self._fail(error)

    async def _ask_all(self) -> None:
        """Asks for all that is wanted and not in the store, also for what comes meanwhile."""
        while not self._stopped:
            self._wake.clear()
            for asked in await self._look():
                self._begin(asked, self._fresh.pop(asked))
            if not self._fresh and not self._under_way:
                break
            await self._wake.wait()
        # The role is kept until the last call has ended: another process would make it again.
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _look(self) -> list[Asked]:
        """Takes what the store has, and what another process could not have; returns the others."""
        looked = list(self._fresh)
        if not looked:
            return []
        keys = [str(asked.key) for asked in looked]
        found: dict[str, Result] = {**await self._serial(self._store.judgments, keys)}
        if self._peers.shared:
            found |= await self._hear(keys)
        for asked in looked:
            if (result := found.get(str(asked.key))) is not None:
                self._fresh.pop(asked, None)
                self._settle(asked, result)
        return [asked for asked in looked if asked in self._fresh]

    async def _hear(self, keys: Sequence[str]) -> dict[str, Result]:
        """What other processes could not have, and the judges that left there."""
        failed = {_note(key): key for key in keys}
        gone = {self._left_note(judge): judge for judge in self._judges if judge not in self.left}
        told = await self._serial(self._peers.notes, [*failed, *(gone if len(self._judges) > 1 else ())])
        for name, judge in gone.items():
            if name in told:
                self._leave(judge, told[name])
        return {failed[name]: judge_failure_from_dict(body) for name, body in told.items() if name in failed}

    def _begin(self, asked: Asked, task: Task) -> None:
        call = asyncio.create_task(self._call(asked, task))
        self._under_way.add(call)
        call.add_done_callback(self._ended)

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._under_way.discard(call)
        self._wake.set()

    async def _call(self, asked: Asked, task: Task) -> None:
        self.queued += 1
        async with held(self._places):
            self.queued -= 1
            if self._stopped or asked.judge in self.left:
                return
            try:
                started = time.monotonic()
                result = await self._ask(asked.judge, task)
                self.seconds += time.monotonic() - started
                self.calls += 1
                self._made.add(asked)
                # Within the limit: what is not stored yet is still under way.
                await self._keep(str(asked.key), result)
            except Exception as error:
                if self._may_leave(error):
                    await self.leave(asked.judge, str(error))
                else:
                    self._raise(asked, error)
            else:
                self._settle(asked, result)

    async def _ask(self, name: str, task: Task) -> Result:
        judge = self._judges[name]
        asked = judge.grade(task) if isinstance(task, GradeTask) else judge.play(task)
        result = await never_cancelling_itself(asked)
        return _checked(result) if isinstance(result, Judgment) else result

    async def _keep(self, key: str, result: Result) -> None:
        if not isinstance(result, JudgeFailure):
            await self._serial(self._store.add_judgment, key, result)
        elif self._peers.shared:
            await self._serial(self._peers.note, _note(key), to_plain(result))

    def _settle(self, asked: Asked, result: Result) -> None:
        if not self._results[asked].done():
            self._results[asked].set_result(result)

    def _raise(self, asked: Asked, error: Exception) -> None:
        if not self._results[asked].done():
            self._results[asked].set_exception(error)
            # Whoever waited may be gone: asyncio must not complain that nobody looks.
            self._results[asked].exception()

    def _fail(self, error: Exception) -> None:
        for asked in list(self._fresh):
            self._raise(asked, error)


def _note(key: str) -> str:
    return f"judgment/{key}"


def _checked(judgment: Judgment) -> Judgment | JudgeFailure:
    """A judgment whose grade is one; a judge of the user's own may give anything."""
    try:
        check_grade(judgment.grade)
    except VerdictError as error:
        return JudgeFailure(
            judgment.question_id,
            judgment.turn,
            (judgment.model,),
            judgment.judge,
            judgment.prompt,
            f"the judge gave {error}",
            judgment.text,
            unread=True,
            repeat=judgment.repeat,
        )
    return judgment
