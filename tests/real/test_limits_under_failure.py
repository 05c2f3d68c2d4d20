"""Limits on calls and on money, where calls fail: a run that waits for places must not wait for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from mtbench_pytest.core.errors import BudgetError, MTBenchError
from mtbench_pytest.models.api.budget import Budget
from mtbench_pytest.models.api.client import CallFailed, ChatClient, Completion, Server
from mtbench_pytest.models.api.server import Price
from mtbench_pytest.models.api.throttle import Places, held
from tests.real.server import ChatServer, Kind

Outcome = Completion | MTBenchError
PLACES = 4
PATIENCE = 60.0  # seconds; a run that waits for itself would wait for ever

FAILURES: Sequence[tuple[Kind, int, str]] = [
    ("status", 429, "calls"),
    ("status", 429, "money"),
    ("status", 500, "both"),
    ("status", 503, "calls"),
    ("status", 400, "money"),
    ("garbage", 0, "calls"),
    ("noise", 0, "both"),
    ("half", 0, "calls"),
    ("drop", 0, "money"),
]
LIMITS: dict[str, tuple[int | None, float | None]] = {
    "calls": (20, None),
    "money": (None, 0.00015),
    "both": (20, 0.00015),
}


def outcomes(server: ChatServer, budget: Budget, calls: int) -> list[Outcome]:
    """What becomes of calls that share some places, as a judge's do, and a budget."""
    settings = Server("judge-small", server.base_url, price=Price(1.0, 1.0), retries=3, concurrency=PLACES)
    client = ChatClient(settings, budget)
    places = Places(PLACES)

    async def one(number: int) -> Outcome:
        async with held(places):
            try:
                return await client.complete(
                    [{"role": "user", "content": f"question {number}"}], temperature=0, max_tokens=20
                )
            except MTBenchError as error:
                return error

    async def every() -> list[Outcome]:
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.gather(*map(one, range(calls)))
        finally:
            await client.aclose()

    return asyncio.run(every())


@pytest.mark.parametrize(("kind", "status", "limit"), FAILURES)
def test_calls_that_fail_now_and_then_end_at_the_limit(
    server: ChatServer, kind: Kind, status: int, limit: str
) -> None:
    """Every fifth call fails; one that is repeated gives its place to others, who may wait for its end."""
    server.fail(kind, status=status, every=5, retry_after=0.02 if status in (429, 503) else None)
    found = outcomes(server, Budget(*LIMITS[limit]), 60)
    made = [one for one in found if isinstance(one, Completion)]
    ended = [one for one in found if isinstance(one, BudgetError)]
    failed = [one for one in found if isinstance(one, CallFailed)]
    assert made, found[:3]
    assert ended, found[:3]
    assert len(made) + len(ended) + len(failed) == 60
    if limit != "money":
        assert len(made) + len(failed) <= 20
