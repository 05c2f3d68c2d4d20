"""The processes of one run, and how they agree on who does what: leases, notes and counters in the store.

A lease names a piece of work. Whoever holds it renews it while it works; of a process that was killed it
expires, and another one takes the work over.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Protocol

from mtbench_pytest.core.errors import MTBenchError, StoreError

if TYPE_CHECKING:
    from mtbench_pytest.store.database import Database

POLL = 0.05  # seconds between two looks at what another process does
_LEASE = 10.0  # seconds a lease is good for without being renewed
_BEAT = 2.0  # seconds between renewals
_REPORT = "report/"


class Peers(Protocol):
    """Who works on a run. Its methods block for a moment; any thread may call them."""

    shared: bool
    """Whether other processes may make what this one waits for."""

    def take(self, name: str) -> bool:
        """Takes a piece of work; False where anybody has it, this process included."""

    def release(self, name: str) -> None:
        """Gives a piece of work back."""

    def note(self, name: str, body: Any) -> None:
        """Tells the others something, as JSON; what is told first stays."""

    def notes(self, names: Collection[str]) -> dict[str, Any]:
        """What was told under these names."""

    def add(self, name: str, amount: float) -> float:
        """Adds to a counter of the run; returns the sum."""

    def report(self, body: Any) -> None:
        """Tells how far this process is, as JSON, in place of what it told before: see `reports`."""

    def close(self) -> None:
        """Gives everything back."""


class Alone:
    """A run in one process."""

    shared = False

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._counters: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, name: str) -> bool:
        """See `Peers.take`: only this process's own threads and tasks compete."""
        with self._lock:
            free = name not in self._held
            self._held.add(name)
            return free

    def release(self, name: str) -> None:
        """See `Peers.release`."""
        with self._lock:
            self._held.discard(name)

    def note(self, name: str, body: Any) -> None:
        """Nobody listens."""

    def notes(self, names: Collection[str]) -> dict[str, Any]:  # noqa: ARG002 - nobody else speaks
        """Nobody else speaks."""
        return {}

    def add(self, name: str, amount: float) -> float:
        """See `Peers.add`."""
        with self._lock:
            self._counters[name] = self._counters.get(name, 0.0) + amount
            return self._counters[name]

    def report(self, body: Any) -> None:
        """Nobody asks."""

    def close(self) -> None:
        """See `Peers.close`."""
        self._held.clear()


class Workers:
    """A run in several processes that share a database.

    Args:
        database: Where they meet.
        run: Names the run; what processes of other runs agree on is none of theirs.
        me: Names this process among them.
    """

    shared = True

    def __init__(self, database: Database, run: str, me: str) -> None:
        self._database = database
        self._run = run
        self._me = me
        self._held: set[str] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._heart: threading.Thread | None = None

    def take(self, name: str) -> bool:
        """See `Peers.take`."""
        from sqlalchemy.exc import IntegrityError

        with self._lock:
            if name in self._held:
                return False
            leases, now = self._database.tables.leases, time.time()
            mine = {"owner": self._me, "expires": now + _LEASE}
            found = self._one(leases, name)
            if found is None:
                row = {"name": self._name(name), "created": now, **mine}
                try:
                    with self._database.connected() as connection:
                        connection.execute(leases.insert().values(**row))
                except IntegrityError:  # another process was quicker
                    return False
            elif found.expires > now or not self._replace(name, found, mine):
                return False
            self._held.add(name)
            self._beat()
            return True

    def release(self, name: str) -> None:
        """See `Peers.release`."""
        leases = self._database.tables.leases
        with self._lock:
            self._held.discard(name)
            mine = (leases.c.name == self._name(name)) & (leases.c.owner == self._me)
            with self._database.connected() as connection:
                connection.execute(leases.delete().where(mine))

    def note(self, name: str, body: Any) -> None:
        """See `Peers.note`."""
        row = {"name": self._name(name), "body": json.dumps(body, default=str), "created": time.time()}
        self._database.insert(self._database.tables.notes, row)

    def notes(self, names: Collection[str]) -> dict[str, Any]:
        """See `Peers.notes`."""
        full = {self._name(name): name for name in names}
        found = self._database.rows(self._database.tables.notes, full)
        return {full[row.name]: json.loads(row.body) for row in found}

    def add(self, name: str, amount: float) -> float:
        """See `Peers.add`."""
        counters = self._database.tables.counters
        row = {"name": self._name(name), "value": 0.0, "created": time.time()}
        self._database.insert(counters, row)
        with self._database.connected() as connection:
            mine = counters.c.name == row["name"]
            connection.execute(counters.update().where(mine).values(value=counters.c.value + amount))
            return float(connection.execute(counters.select().where(mine)).one().value)

    def report(self, body: Any) -> None:
        """See `Peers.report`."""
        notes, name = self._database.tables.notes, self._name(f"{_REPORT}{self._me}")
        told = {"body": json.dumps(body), "created": time.time()}
        with self._database.connected() as connection:
            known = connection.execute(notes.update().where(notes.c.name == name).values(**told)).rowcount
        if not known:
            self._database.insert(notes, {"name": name, **told})

    def close(self) -> None:
        """See `Peers.close`."""
        self._stop.set()
        for name in list(self._held):
            self.release(name)

    def _replace(self, name: str, found: Any, mine: dict[str, Any]) -> bool:
        """Takes over a lease that was given up, unless another process was quicker."""
        leases = self._database.tables.leases
        same = (
            (leases.c.name == self._name(name))
            & (leases.c.owner == found.owner)
            & (leases.c.expires == found.expires)
        )
        with self._database.connected() as connection:
            return bool(connection.execute(leases.update().where(same).values(**mine)).rowcount)

    def _one(self, table: Any, name: str) -> Any:
        return next(iter(self._database.rows(table, [self._name(name)])), None)

    def _name(self, name: str) -> str:
        return f"{self._run}/{name}"

    def _beat(self) -> None:
        """Renews all leases from a thread of its own, however long the work keeps the others busy."""
        if self._heart is None:
            self._heart = threading.Thread(target=self._renew_all, name="mtbench-leases", daemon=True)
            self._heart.start()

    def _renew_all(self) -> None:
        leases = self._database.tables.leases
        while not self._stop.wait(_BEAT):
            with self._lock:
                names = [self._name(name) for name in self._held]
                mine = leases.c.name.in_(names) & (leases.c.owner == self._me)
                renewed = leases.update().where(mine).values(expires=time.time() + _LEASE)
                try:
                    with self._database.connected() as connection:
                        connection.execute(renewed)
                except StoreError:
                    continue  # the work itself will run into it and say so


def once(peers: Peers, name: str, make: Callable[[], Any]) -> Any:
    """What `make` returns, made by one process of the run and told to all; what it raises too. Blocks.

    Args:
        make: Returns JSON.

    Raises:
        MTBenchError: What `make` raised, here or in another process.
    """
    while (told := peers.notes([name]).get(name)) is None and not peers.take(name):
        time.sleep(POLL)
    if told is None:
        try:
            told = peers.notes([name]).get(name) or _tell(peers, name, make)  # told since the look above
        finally:
            peers.release(name)
    if "error" in told:
        raise MTBenchError(told["error"])
    return told["made"]


def _tell(peers: Peers, name: str, make: Callable[[], Any]) -> dict[str, Any]:
    try:
        told = {"made": make()}
    except MTBenchError as error:
        peers.note(name, {"error": str(error)})
        raise
    peers.note(name, told)
    return told


def release_leases(database: Database, run: str, worker: str) -> None:
    """Gives back what a worker that is gone had taken, so that the others need not wait until it expires."""
    leases = database.tables.leases
    its = leases.c.name.startswith(f"{run}/") & (leases.c.owner == worker)
    with database.connected() as connection:
        connection.execute(leases.delete().where(its))


def reports(database: Database, run: str) -> list[Any]:
    """What each process of a run last told of how far it is."""
    notes = database.tables.notes
    with database.connected() as connection:
        its = notes.c.name.startswith(f"{run}/{_REPORT}")
        return [json.loads(row.body) for row in connection.execute(notes.select().where(its))]
