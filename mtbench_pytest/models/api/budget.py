"""What a run may spend on calls to servers: so many calls, so much money, and not a call more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from mtbench_pytest.core.aio import off_loop
from mtbench_pytest.core.errors import BudgetError
from mtbench_pytest.models.api.throttle import current_hold
from mtbench_pytest.store.leases import Alone, Peers

_GLANCE = 0.02  # seconds between two looks; two benches have loops of their own, and no event spans them
_DELIVERY = 0.1  # seconds for the last replies to reach those who keep them


class Ledger:
    """What a run has spent, its processes together.

    Args:
        peers: Who keeps the totals; by default this process alone.
    """

    def __init__(self, peers: Peers | None = None) -> None:
        self._peers = peers or Alone()

    async def add(self, calls: int, cost: float) -> tuple[int, float]:
        """Adds to the totals, negative amounts too, and returns them."""
        return await off_loop(lambda: (round(self._peers.add("calls", calls)), self._peers.add("cost", cost)))


@dataclass(slots=True)
class Bill:
    """What one call costs: what was set aside for it, until the caller knows better."""

    cost: float


class Budget:
    """Lets calls through until the next one would exceed a limit; then no call more.

    What a call may cost is set aside before it is made, so that a wave of calls cannot exceed the limit
    together. Where only what is set aside stands in the way, a call waits for those under way to end, and
    gives its place among the calls at once (`throttle.held`) to them.

    Args:
        max_calls: Most calls, repeated ones once; None for no limit.
        max_cost: Most money, in whatever currency the prices are in; None for no limit.
        ledger: Keeps the totals; several processes may share one.
    """

    def __init__(self, max_calls: int | None, max_cost: float | None, ledger: Ledger | None = None) -> None:
        self.max_calls = max_calls
        self.max_cost = max_cost
        self._ledger = ledger or Ledger()
        self._under_way = 0
        self._ended = 0
        self._exceeded: float | None = None  # what the call was to cost that did not fit

    @asynccontextmanager
    async def call(self, most: float) -> AsyncIterator[Bill]:
        """One call; the caller corrects the bill when it knows what the call cost.

        A call that is cancelled, or that ends in nobody knows what, costs what was set aside.

        Args:
            most: What the call may cost.

        Raises:
            BudgetError: Where the call would exceed a limit. The calls under way have ended by then.
        """
        await self._set_aside(most)
        bill = Bill(most)
        try:
            yield bill
        finally:
            try:
                if bill.cost != most:
                    await self._ledger.add(0, bill.cost - most)
            finally:
                self._under_way -= 1
                self._ended += 1

    async def _set_aside(self, most: float) -> None:
        while self._exceeded is None:
            others, ended = self._under_way, self._ended
            self._under_way += 1
            fits = False
            try:
                if fits := self._fits(*await self._ledger.add(1, most)):
                    return
                calls, _ = await self._ledger.add(-1, -most)
            finally:
                if not fits:  # cancelled meanwhile, too: others wait for those under way
                    self._under_way -= 1
            if others and self._fits(calls + 1, most):
                await self._wait(ended)
            else:
                self._exceeded = most
        while self._under_way:
            await self._wait(self._ended)
        await asyncio.sleep(_DELIVERY)
        # Only now are the totals what was spent, without what was set aside.
        raise self._error(*await self._ledger.add(0, 0.0), self._exceeded)

    async def _wait(self, ended: int) -> None:
        """Waits until a call has ended, for who saw so many; until none is under way.

        It does so without a place: calls under way that are to be repeated need one before they can end.
        """
        current_hold().give()
        while self._under_way and self._ended == ended:
            await asyncio.sleep(_GLANCE)

    def _fits(self, calls: int, cost: float) -> bool:
        return (self.max_calls is None or calls <= self.max_calls) and (
            self.max_cost is None or cost <= self.max_cost
        )

    def _error(self, calls: int, cost: float, most: float) -> BudgetError:
        if self.max_calls is not None and calls >= self.max_calls:
            # Others may have set a call aside in the same moment, and will take it back.
            return BudgetError(f"{self.max_calls} calls made", f"--mtbench-max-calls {self.max_calls}")
        spent = f"{cost:.4g} spent in {calls} calls, and the next may cost {most:.2g}"
        return BudgetError(spent, f"--mtbench-max-cost {self.max_cost:g}")


@runtime_checkable
class Spends(Protocol):
    """A model or judge whose calls a budget counts."""

    def spend_from(self, budget: Budget) -> None:
        """Asks the budget before every call from now on.

        Raises:
            SpecError: Where the budget limits the cost and the spec says no prices.
        """
