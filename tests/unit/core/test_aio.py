"""What is being closed is closed to its end, whoever is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from mtbench_pytest.core.aio import cancel_all, ended, unbroken


async def close(steps: list[str]) -> None:
    steps.append("begins")
    await asyncio.sleep(0.02)
    steps.append("ends")


def test_closing_goes_on_though_its_task_is_cancelled_twice() -> None:
    steps: list[str] = []

    async def go() -> None:
        task = asyncio.create_task(unbroken(close(steps)))
        for _ in range(2):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(go())
    assert steps == ["begins", "ends"]


def test_what_is_being_closed_is_spared_when_all_is_cancelled() -> None:
    steps: list[str] = []

    async def go() -> None:
        closing = asyncio.create_task(unbroken(close(steps)))
        other = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0.005)
        await asyncio.gather(*cancel_all(), return_exceptions=True)
        assert closing.cancelled()
        assert other.cancelled()

    asyncio.run(go())
    assert steps == ["begins", "ends"]


def test_an_error_of_closing_is_told() -> None:
    async def fail() -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        asyncio.run(unbroken(fail()))


def test_a_generator_that_is_left_is_ended_at_once() -> None:
    steps: list[str] = []

    async def items() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            steps.append("ended")

    async def go() -> None:
        async with ended(items()) as found:
            async for _ in found:
                break
        assert steps == ["ended"]

    asyncio.run(go())
