"""Pieces that asyncio nearly has: a task group with plain errors, and work on threads of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, ParamSpec, TypeVar, cast

from mtbench_pytest.core.errors import MTBenchError

P = ParamSpec("P")
T = TypeVar("T")


async def never_cancelling_itself(work: Awaitable[T]) -> T:
    """A task's own CancelledError passes for a quiet end; here somebody waits for its result."""
    try:
        return await work
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


_CLOSING = "mtbench-closing"


async def unbroken(work: Coroutine[Any, Any, None]) -> None:
    """Runs work to its end, cancelled or not: half-closed connections would be left to the collector."""
    task = asyncio.create_task(work, name=_CLOSING)
    cancelled = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()


def cancel_all() -> list[asyncio.Task[Any]]:
    """Cancels every task of the running loop but this one and what is being closed; returns them all."""
    own = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks() if task is not own]
    for task in tasks:
        if task.get_name() != _CLOSING:
            task.cancel()
    return tasks


@asynccontextmanager
async def ended(items: AsyncIterator[T]) -> AsyncGenerator[AsyncIterator[T]]:
    """Within it items are taken; what they hold is let go at its end, not when they are collected."""
    try:
        yield items
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()


class Serial:
    """Short blocking work, done one piece after the other on one thread beside the event loop."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def __call__(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Does the work and returns its result."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(work, *args, **kwargs))

    def close(self) -> None:
        """Waits for the piece under way; no other begins."""
        self._thread.shutdown(cancel_futures=True)


class Tasks:
    """`asyncio.TaskGroup` that raises the first error itself, not a group: callers look for one line."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Tasks:
        await self._group.__aenter__()
        return self

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Starts work that the group waits for; it may be cancelled."""
        task = self._group.create_task(never_cancelling_itself(work))
        # A task that is cancelled before its first step never reaches the work, which then has to be closed.
        task.add_done_callback(lambda _: work.close())
        return task

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
