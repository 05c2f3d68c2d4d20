"""Two pieces that asyncio nearly has: a task group with plain errors, and work on a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, TypeVar, cast

from mtbench_pytest.errors import MTBenchError

T = TypeVar("T")


async def _never_cancelling_itself(work: Coroutine[Any, Any, None]) -> None:
    """A task group takes a task's own CancelledError for a quiet end; here somebody waits for its result."""
    try:
        await work
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise RuntimeError("a model or judge cancelled itself") from None


async def off_loop(work: Callable[[], T]) -> T:
    """Runs blocking work on a daemon thread: unlike the executor's, it does not hold up the end of a run."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(value: T | None, error: Exception | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(cast(T, value))

    def run() -> None:
        value: T | None = None
        error: Exception | None = None
        try:
            value = work()
        except Exception as caught:
            error = caught
        except BaseException as caught:  # a SystemExit raised again in the loop's thread would end the loop
            error = RuntimeError(f"{type(caught).__name__}: {caught}")
        if isinstance(error, StopIteration):  # which no future takes
            error = RuntimeError("StopIteration")
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, value, error)

    threading.Thread(target=run, name="mtbench-work", daemon=True).start()
    return await done


class Tasks:
    """`asyncio.TaskGroup` that raises the first error itself, not a group: callers look for one line."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Tasks:
        await self._group.__aenter__()
        return self

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts work that the group waits for."""
        task = self._group.create_task(_never_cancelling_itself(work))
        # A task that is cancelled before its first step never reaches the work, which then has to be closed.
        task.add_done_callback(lambda _: work.close())

    async def __aexit__(self, *exc: Any) -> None:
        try:
            await self._group.__aexit__(*exc)
        except BaseExceptionGroup as group:
            errors = list(_leaves(group))
            known = [error for error in errors if isinstance(error, MTBenchError)]
            raise (known or errors)[0] from None


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterable[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
