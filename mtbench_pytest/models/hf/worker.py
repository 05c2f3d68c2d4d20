"""A bridge from blocking code to the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Generator
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from mtbench_pytest.core.errors import ModelError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None


async def in_thread(items: Generator[T], stop: threading.Event) -> AsyncIterator[T]:
    """Iterates a blocking generator in one worker thread, item by item.

    The thread is a daemon: an interpreter that exits does not wait for it.

    Args:
        items: Runs, and is closed, in the worker only.
        stop: Set when the caller leaves early. The worker looks at it between items; whatever blocks
            inside `items` for long should look at it too.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[_Item[T] | _End] = asyncio.Queue()

    def put(entry: _Item[T] | _End) -> None:
        # The loop may be gone where the caller was interrupted; then nobody waits for the entry.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(queue.put_nowait, entry)

    def work() -> None:
        error: BaseException | None = None
        try:
            for value in items:
                put(_Item(value))
                if stop.is_set():
                    break
        except BaseException as caught:
            error = caught
        finally:
            items.close()
            put(_End(error))

    threading.Thread(target=work, name="mtbench-generate", daemon=True).start()
    try:
        while isinstance(entry := await queue.get(), _Item):
            yield entry.value
        if entry.error is not None:
            raise entry.error
    finally:
        stop.set()


def check(stop: threading.Event, name: str) -> None:
    """Goes on unless asked to stop.

    Raises:
        ModelError: Where `stop` is set.
    """
    if stop.is_set():
        raise ModelError(f"{name}: closed while it was answering")
