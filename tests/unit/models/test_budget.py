"""A budget lets calls through until the next one would exceed it, and never a wave of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from mtbench_pytest.core.errors import BudgetError, MTBenchError, SpecError
from mtbench_pytest.core.specs import parse_spec
from mtbench_pytest.judges.openai import OpenAIJudge
from mtbench_pytest.models.api.budget import Budget, Ledger, Spends
from mtbench_pytest.models.api.client import ChatClient
from mtbench_pytest.models.api.server import Price, Server
from mtbench_pytest.models.openai import OpenAIModel


class Till:
    """Makes calls and notes what came of them."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.spent: list[float] = []
        self.refused: list[BudgetError] = []
        self.under_way = 0
        self.peak = 0

    async def call(self, most: float = 0.0, real: float = 0.0) -> None:
        try:
            async with self.budget.call(most) as bill:
                self.under_way += 1
                self.peak = max(self.peak, self.under_way)
                try:
                    await asyncio.sleep(0.01)
                finally:
                    self.under_way -= 1
                bill.cost = real
                self.spent.append(real)
        except BudgetError as error:
            assert not self.under_way, "the calls under way ended first"
            self.refused.append(error)


def together(*calls: Awaitable[None]) -> None:
    async def go() -> None:
        await asyncio.gather(*calls)

    asyncio.run(go())


def totals(ledger: Ledger) -> tuple[int, float]:
    return asyncio.run(ledger.add(0, 0.0))


def test_as_many_calls_as_allowed_and_no_more() -> None:
    ledger = Ledger()
    till = Till(Budget(5, None, ledger))
    together(*(till.call() for _ in range(12)))
    assert (len(till.spent), len(till.refused)) == (5, 7)
    assert totals(ledger) == (5, 0.0)
    assert {str(error) for error in till.refused} == {
        "--mtbench-max-calls 5: 5 calls made; expected a larger limit to go on: what was made is kept"
    }


def test_a_wave_of_calls_does_not_exceed_the_cost_together() -> None:
    ledger = Ledger()
    till = Till(Budget(None, 5.0, ledger))
    together(*(till.call(most=1.0, real=0.3) for _ in range(50)))
    assert len(till.spent) == 14, "4.2 spent: another call might have cost 1"
    assert totals(ledger)[1] == pytest.approx(4.2)
    assert str(till.refused[0]) == (
        "--mtbench-max-cost 5: 4.2 spent in 14 calls, and the next may cost 1; "
        "expected a larger limit to go on: what was made is kept"
    )


def test_what_is_only_set_aside_makes_a_call_wait_and_not_fail() -> None:
    till = Till(Budget(None, 3.0))
    together(*(till.call(most=1.0, real=0.1) for _ in range(15)))
    assert (len(till.spent), till.refused) == (15, [])
    assert till.peak == 3


def test_after_the_first_refusal_nothing_goes_through() -> None:
    till = Till(Budget(None, 1.0))
    together(till.call(most=2.0))
    together(till.call(most=0.1))
    assert len(till.refused) == 2


def test_without_limits_everything_goes_through() -> None:
    till = Till(Budget(None, None))
    together(*(till.call(most=1e9) for _ in range(5)))
    assert len(till.spent) == 5


def test_a_cancelled_call_costs_what_was_set_aside() -> None:
    ledger = Ledger()
    till = Till(Budget(None, 3.0, ledger))

    async def go() -> None:
        task = asyncio.create_task(till.call(most=2.0, real=0.1))
        while not till.under_way:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await till.call(most=2.0)

    asyncio.run(go())
    assert totals(ledger) == (1, 2.0)
    assert len(till.refused) == 1


def test_nobody_waits_for_a_call_that_was_cancelled_before_it_was_let_through() -> None:
    till = Till(Budget(1, None))

    async def go() -> None:
        task = asyncio.create_task(till.call())
        await asyncio.sleep(0)  # it asks the ledger now, on another thread
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await till.call()

    asyncio.run(asyncio.wait_for(go(), 5))
    assert len(till.spent) + len(till.refused) == 1


def test_a_call_that_fails_gives_back_what_it_did_not_cost() -> None:
    ledger = Ledger()
    budget = Budget(None, 3.0, ledger)

    async def go() -> None:
        async with budget.call(2.0) as bill:
            bill.cost = 0.5
            raise MTBenchError("refused")

    with pytest.raises(MTBenchError, match="refused"):
        asyncio.run(go())
    assert totals(ledger) == (1, 0.5)


def test_processes_that_share_a_ledger_share_the_limit() -> None:
    ledger = Ledger()
    tills = [Till(Budget(7, None, ledger)), Till(Budget(7, None, ledger))]
    together(*(till.call() for _ in range(6) for till in tills))
    assert sum(len(till.spent) for till in tills) == 7
    assert all(till.refused for till in tills)


def test_tokens_times_prices() -> None:
    assert Price(2.5, 10.0).of(1_000_000, 100_000) == pytest.approx(3.5)


def test_a_server_without_prices_is_refused_where_the_cost_is_limited() -> None:
    parties: list[Spends] = [
        OpenAIModel.from_spec(parse_spec("openai:gpt")),
        OpenAIJudge.from_spec(parse_spec("openai:gpt")),
    ]
    for party in parties:
        party.spend_from(Budget(10, None))
        with pytest.raises(
            SpecError, match=r"^openai:gpt: no prices; expected openai:gpt\?input_price=2.50&out"
        ):
            party.spend_from(Budget(None, 1.0))


def test_prices_come_from_the_spec_and_are_no_part_of_the_identity() -> None:
    plain, _ = Server.from_spec(parse_spec("openai:m"), {})
    priced, _ = Server.from_spec(parse_spec("openai:m?input_price=2.50&output_price=10"), {})
    assert priced.price == Price(2.5, 10.0)
    assert plain.price is None
    assert priced.identity() == plain.identity()


@pytest.mark.parametrize("given", ["input_price", "output_price"])
def test_one_price_without_the_other_is_refused(given: str) -> None:
    with pytest.raises(SpecError, match=f"{given} without .*_price; expected both"):
        Server.from_spec(parse_spec(f"openai:m?{given}=1"), {})


def test_whoever_calls_servers_spends() -> None:
    assert isinstance(OpenAIModel(Server("m")), Spends)
    assert isinstance(OpenAIJudge(Server("m")), Spends)
    assert isinstance(ChatClient(Server("m")), Spends)
