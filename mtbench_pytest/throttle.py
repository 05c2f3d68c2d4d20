"""How many requests a server is sent at once: it falls where the server refuses them, and recovers."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

# Servers refuse at random too: no more than this share of a window means nothing.
_TOLERATED = 0.3
# In fewer replies than these, three in ten are too often chance.
_LEAST_WINDOW = 20
# The limit is back at the earlier peak after so many windows at most.
_STEPS = 8
_LONGEST_HOLD = 10.0


@dataclass(slots=True)
class Place:
    """One request's place among those under way.

    Attributes:
        number: How many requests were sent before it.
        answered: The server replied, whatever it said.
        refused: The server wants fewer requests.
        hold: Seconds for which a refused request still takes its place.
    """

    number: int
    answered: bool = False
    refused: bool = False
    hold: float = 0.0


class Throttle:
    """A limit on requests under way that follows what a server takes.

    There is none until the server refuses more than three in ten of a window: as many replies as there
    were requests under way at once, twenty at least. Then the limit is what was under way less the share
    refused, but no less than half of it. Each window without such a refusal adds an eighth of the peak, until
    the peak is reached and the limit lifted. Additive increase with multiplicative decrease settles at what
    the server takes (Chiu and Jain 1989, "Analysis of the increase and decrease algorithms for congestion
    avoidance in computer networks"); that the share decides how much it falls is as in Alizadeh et al. 2010,
    "Data center TCP". Replies to what was sent before a decrease do not count: one overload, one decrease.

    A refused request keeps its place for as long as the server asked to wait: another one sent in its
    place would only be refused too.

    It belongs to one event loop.
    """

    def __init__(self) -> None:
        self.limit: int | None = None
        self._under_way = 0
        self._held = 0
        # By tries left, then by arrival, so that no call is refused until it has no tries left.
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrived = 0
        self._sent = 0
        self._first = 0  # the first request whose reply counts
        self._peak = 0
        self._answered = 0
        self._refused = 0
        self._most = 0  # under way at once, in this window

    @asynccontextmanager
    async def place(self, retries: int = 0) -> AsyncIterator[Place]:
        """Waits for a place and holds it; the caller notes in it what came back.

        Args:
            retries: How often the same request was sent before; those with most go first.
        """
        await self._enter(retries)
        place = Place(self._sent)
        self._sent += 1
        try:
            yield place
        finally:
            self._leave(place)

    @property
    def _taken(self) -> int:
        return self._under_way + self._held

    @property
    def _free(self) -> bool:
        return self.limit is None or self._taken < self.limit

    async def _enter(self, retries: int) -> None:
        if self._free:
            self._under_way += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._arrived += 1
        heapq.heappush(self._waiting, (-retries, self._arrived, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the place was given away in the same moment
                self._under_way -= 1
                self._admit()
            raise

    def _leave(self, place: Place) -> None:
        if place.answered and place.number >= self._first:
            self._count(place.refused)
        self._under_way -= 1
        if place.refused:
            self._held += 1
            asyncio.get_running_loop().call_later(min(place.hold, _LONGEST_HOLD), self._release)
        self._admit()

    def _release(self) -> None:
        self._held -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._free:
            turn = heapq.heappop(self._waiting)[-1]
            if not turn.done():
                self._under_way += 1
                turn.set_result(None)

    def _count(self, refused: bool) -> None:
        self._answered += 1
        self._refused += refused
        self._most = max(self._most, self._taken)
        window = max(self._most, _LEAST_WINDOW)
        if self._refused > _TOLERATED * window:
            self._decrease(self._refused / self._answered)
        elif self._answered >= window:
            self._increase()
        else:
            return
        self._answered = self._refused = self._most = 0

    def _decrease(self, share: float) -> None:
        under_way = self._most if self.limit is None else min(self._most, self.limit)
        if self.limit is None:
            self._peak = under_way
        self.limit = max(1, round(under_way * max(0.5, 1 - share)))
        self._first = self._sent

    def _increase(self) -> None:
        if self.limit is not None:
            self.limit += max(1, self._peak // _STEPS)
            if self.limit >= self._peak:
                self.limit = None


_THROTTLES: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Throttle]] = WeakKeyDictionary()


def throttle_for(address: str) -> Throttle:
    """The throttle of a server in the running loop: one for candidate, baseline and judge alike."""
    return _THROTTLES.setdefault(asyncio.get_running_loop(), {}).setdefault(address, Throttle())
