"""The throttle against simulated servers, in simulated time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from mtbench_pytest.models.api.throttle import Throttle, throttle_for

TRIES = 7


class SimulatedTime(asyncio.SelectorEventLoop):
    """A loop that jumps to its next timer and never sleeps."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__()
        selector: Any = self._selector  # type: ignore[attr-defined]  # there is no public way
        look = selector.select

        def jump(timeout: float | None) -> Any:
            assert timeout is not None, "nothing will ever happen again"
            self._now += timeout
            return look(0)

        selector.select = jump

    def time(self) -> float:
        return self._now


def simulate(work: Callable[[], Coroutine[Any, Any, None]]) -> float:
    """Runs work; returns how long it would have taken, in seconds."""
    with asyncio.Runner(loop_factory=SimulatedTime) as runner:
        runner.run(work())
        return runner.get_loop().time()


@dataclass
class Service:
    """A server and the way the SDK calls it: it waits as asked and tries again.

    Attributes:
        refuses: Told how many requests are being served, says whether the next one is refused.
        late: A refusal takes as long as a reply.
        uneven: Draws how long a request is on its way, and each reply takes: no two the same.
    """

    refuses: Callable[[int], bool]
    late: bool = False
    uneven: random.Random | None = None
    latency: float = 0.5
    retry_after: float = 1.0
    throttle: Throttle = field(default_factory=Throttle)
    busy: int = 0
    served: int = 0
    refused: int = 0
    failed: int = 0
    worst: int = 0

    async def call(self) -> None:
        for tries in range(1, TRIES + 1):
            self.worst = max(self.worst, tries)
            async with self.throttle.place(tries - 1) as place:
                place.refused = await self.request()
                place.answered, place.hold = True, self.retry_after
            if not place.refused:
                self.served += 1
                return
            await asyncio.sleep(self.retry_after)
        self.failed += 1

    async def request(self) -> bool:
        if self.uneven:
            await asyncio.sleep(0.002 * self.uneven.random())
        refuse = self.refuses(self.busy)
        self.refused += refuse
        self.busy += not refuse
        if self.late or not refuse:
            await asyncio.sleep(self.latency * (self.uneven.expovariate(1) if self.uneven else 1))
        self.busy -= not refuse
        return refuse

    def run(self, calls: int, concurrency: int = 32) -> float:
        """Makes calls side by side; returns the seconds."""

        async def all_calls() -> None:
            room = asyncio.Semaphore(concurrency)

            async def one() -> None:
                async with room:
                    await self.call()

            await asyncio.gather(*(one() for _ in range(calls)))

        return simulate(all_calls)


@pytest.mark.parametrize("late", [False, True], ids=["refused at once", "refused late"])
@pytest.mark.parametrize("seed", range(3))
def test_random_refusals_cost_their_own_wait_and_no_concurrency(seed: int, late: bool) -> None:
    draw = random.Random(seed)
    service = Service(lambda _: draw.random() < 0.1, late)
    seconds = service.run(3200)
    assert (service.served, service.failed) == (3200, 0)
    # A call takes 0.5 s, and in one case of nine waits a second more; a late refusal takes its 0.5 s too.
    ideal = 3200 / 32 * (0.5 + (1.5 if late else 1.0) / 9)
    assert seconds < ideal + 5, "a few seconds for the last calls' retries"


@pytest.mark.parametrize("late", [False, True], ids=["refused at once", "refused late"])
@pytest.mark.parametrize("capacity", [1, 4, 12, 24])
def test_a_server_that_takes_few_at_once_gets_about_so_many(capacity: int, late: bool) -> None:
    service = Service(lambda busy: busy >= capacity, late)
    seconds = service.run(40 * capacity)
    assert (service.served, service.failed) == (40 * capacity, 0)
    assert service.worst < TRIES, "no call came near its last try"
    least = 40 * service.latency
    assert least <= seconds < 1.5 * least, "the server is kept busy"
    # Without a limit every call that is not served asks again every second.
    assert service.refused < 0.3 * service.served + 3 * 32


@pytest.mark.parametrize("retry_after", [0.5, 1.0])
@pytest.mark.parametrize("capacity", [2, 4, 8])
def test_no_call_of_an_uneven_server_is_refused_until_it_has_no_tries_left(
    capacity: int, retry_after: float
) -> None:
    for seed in range(8):
        service = Service(lambda busy: busy >= capacity, uneven=random.Random(seed), retry_after=retry_after)
        seconds = service.run(160)
        assert (service.served, service.failed) == (160, 0)
        assert service.worst < TRIES
        assert seconds < 1.8 * 160 / capacity * service.latency


def test_who_waits_for_quiet_and_gives_up_keeps_nobody_waiting() -> None:
    throttle = Throttle()
    throttle.limit = 4
    entered: list[tuple[str, float]] = []

    async def enter(name: str, retries: int = 0) -> None:
        async with throttle.place(retries):
            entered.append((name, asyncio.get_running_loop().time()))
            await asyncio.sleep(5.0)

    async def go() -> None:
        first = [asyncio.create_task(enter("first")) for _ in range(2)]
        await asyncio.sleep(1)
        often_refused = asyncio.create_task(enter("often refused", retries=6))
        behind = asyncio.create_task(enter("behind"))
        await asyncio.sleep(1)
        often_refused.cancel()
        await asyncio.gather(*first, often_refused, behind, return_exceptions=True)

    simulate(go)
    assert entered == [("first", 0), ("first", 0), ("behind", 2)]


def test_after_a_storm_the_limit_is_lifted_again() -> None:
    service = Service(lambda _: asyncio.get_running_loop().time() < 4)
    limits: list[int | None] = []

    async def watch() -> None:
        for _ in range(250):
            limits.append(service.throttle.limit)
            await asyncio.sleep(0.1)

    async def both() -> None:
        room = asyncio.Semaphore(32)

        async def one() -> None:
            async with room:
                await service.call()

        await asyncio.gather(watch(), *(one() for _ in range(1000)))

    simulate(both)
    assert limits[0] is None
    assert min(limit for limit in limits if limit is not None) <= 4
    assert limits[-1] is None
    assert (service.served, service.failed) == (1000, 0)


def test_without_refusals_there_is_no_limit() -> None:
    service = Service(lambda _: False)
    assert service.run(320) == pytest.approx(5.0)
    assert service.throttle.limit is None


def test_who_gives_up_waiting_takes_no_place() -> None:
    throttle = Throttle()
    throttle.limit = 1
    entered: list[int] = []

    async def enter(number: int, seconds: float) -> None:
        async with throttle.place():
            entered.append(number)
            await asyncio.sleep(seconds)

    async def go() -> None:
        tasks = [asyncio.create_task(enter(number, 1.0)) for number in range(4)]
        await asyncio.sleep(0.5)
        tasks[1].cancel()
        await asyncio.sleep(0.5)
        tasks[2].cancel()  # in the moment in which it may have been given the place
        await asyncio.gather(*tasks, return_exceptions=True)

    simulate(go)
    assert entered[0] == 0
    assert entered[-1] == 3
    assert 1 not in entered


def test_one_server_has_one_throttle_in_a_loop() -> None:
    async def go() -> tuple[Throttle, Throttle, Throttle]:
        return throttle_for("http://a/v1"), throttle_for("http://a/v1"), throttle_for("http://b/v1")

    first, again, other = asyncio.run(go())
    assert first is again
    assert first is not other
    assert asyncio.run(go())[0] is not first
