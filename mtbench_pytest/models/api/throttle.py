"""How many requests a server is sent at once: it falls where the server refuses them, and recovers."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from weakref import WeakKeyDictionary

# Servers refuse at random too: no more than this share of a window means nothing.
_TOLERATED = 0.3
# In fewer replies than these, three in ten are too often chance.
_LEAST_WINDOW = 20
# The limit is back at the earlier peak after so many windows at most.
_STEPS = 8
# So many refusals of one request are ordinary; after more it waits for quiet.
_ORDINARY = 3
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


class Places:
    """At most so many at once; who was sent back most often goes first, else in order.

    It belongs to one event loop.

    Args:
        limit: How many; None for any number.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self._inside: list[int] = []  # by their retries
        # By retries, then by arrival, so that no request is sent back until its call has no tries left.
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrived = 0

    async def enter(self, retries: int = 0) -> None:
        """Waits for a place and takes it."""
        first = not self._waiting or retries > -self._waiting[0][0]
        if first and self._room_for(retries):
            self._inside.append(retries)
            return
        turn = asyncio.get_running_loop().create_future()
        self._arrived += 1
        heapq.heappush(self._waiting, (-retries, self._arrived, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self.admit()  # those behind it need not wait for as much room
            else:  # the place was given away in the same moment
                self.leave(retries)
            raise

    def leave(self, retries: int = 0) -> None:
        """Gives a place back, to whoever is next.

        Args:
            retries: Those it was entered with.
        """
        self._inside.remove(retries)
        self.admit()

    def admit(self) -> None:
        """Gives free places to those who wait."""
        while self._waiting:
            retries, _, turn = self._waiting[0]
            if not turn.done():
                if not self._room_for(-retries):
                    return
                self._inside.append(-retries)
                turn.set_result(None)
            heapq.heappop(self._waiting)

    def _room_for(self, retries: int) -> bool:
        del retries  # all are alike here
        return self.limit is None or len(self._inside) < self.limit


class Hold:
    """One call's place, which it may give away while it waits."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._mine: int | None = None  # the retries it was entered with

    async def take(self, retries: int = 0) -> None:
        """Waits for a place, unless it has one."""
        if self._mine is None:
            await self._places.enter(retries)
            self._mine = retries

    def give(self) -> None:
        """Gives the place away, if it has one."""
        if self._mine is not None:
            retries, self._mine = self._mine, None
            self._places.leave(retries)


_HELD: ContextVar[Hold | None] = ContextVar("mtbench-place", default=None)


@asynccontextmanager
async def held(places: Places) -> AsyncIterator[None]:
    """Within it a place is held; calls to servers give it to others while they wait to be repeated."""
    hold = Hold(places)
    await hold.take()
    token = _HELD.set(hold)
    try:
        yield
    finally:
        _HELD.reset(token)
        hold.give()


def current_hold() -> Hold:
    """The place held around this call; where there is none, one of any number."""
    return _HELD.get() or Hold(Places())


class Throttle(Places):
    """A limit on requests under way that follows what a server takes.

    There is none until the server refuses more than three in ten of a window: as many replies as there
    were requests under way at once, twenty at least. Then the limit is what was under way less the share
    refused, but no less than half of it. Each window without such a refusal adds an eighth of the peak, until
    the peak is reached and the limit lifted. Additive increase with multiplicative decrease settles at what
    the server takes (Chiu and Jain 1989, "Analysis of the increase and decrease algorithms for congestion
    avoidance in computer networks"); that the share decides how much it falls is as in Alizadeh et al. 2010,
    "Data center TCP". Replies to what was sent before a decrease do not count: one overload, one decrease.

    A refused request keeps its place for as long as the server asked to wait: another one sent in its
    place would only be refused too. One that was refused more than three times waits until half of the places
    are free, after each further refusal until half of the rest is free too, and while it is under way no
    more are taken: at last it is alone, before its call has no tries left.

    It belongs to one event loop.
    """

    def __init__(self) -> None:
        super().__init__()
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
        await self.enter(retries)
        place = Place(self._sent)
        self._sent += 1
        try:
            yield place
        finally:
            if place.answered and place.number >= self._first:
                self._count(place.refused)
            if place.refused:
                # Only the place is held: the request itself needs no quiet any more.
                self._inside.remove(retries)
                self._inside.append(0)
                asyncio.get_running_loop().call_later(min(place.hold, _LONGEST_HOLD), self.leave)
                self.admit()  # the limit may have risen
            else:
                self.leave(retries)

    def _room_for(self, retries: int) -> bool:
        most = max(retries, *self._inside, _ORDINARY)
        if most == _ORDINARY:
            return super()._room_for(retries)
        under_way = len(self._inside)
        usual = max(self._most, under_way) if self.limit is None else self.limit
        return under_way < max(1, usual >> (most - _ORDINARY))

    def _count(self, refused: bool) -> None:
        self._answered += 1
        self._refused += refused
        self._most = max(self._most, len(self._inside))
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
