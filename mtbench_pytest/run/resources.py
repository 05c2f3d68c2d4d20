"""Where a session keeps what it pays for, and who it shares the work with; opened when first needed."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mtbench_pytest.core.errors import StoreError
from mtbench_pytest.models.api.budget import Budget, Ledger
from mtbench_pytest.run.settings import Settings
from mtbench_pytest.store.database import Database, open_database, sqlite_url
from mtbench_pytest.store.leases import Alone, Peers, Workers, release_leases, reports
from mtbench_pytest.store.store import Store

USUAL_STORE = Path(".mtbench", "store.db")  # at pytest's root


def usual_root(folder: Path) -> Path | None:
    """The nearest folder from here up that has a usual store, where there is one: pytest's root."""
    folders = (folder.absolute(), *folder.absolute().parents)
    return next((root for root in folders if (root / USUAL_STORE).is_file()), None)


Limits = tuple[int | None, float | None]
NO_LIMITS: Limits = (None, None)


@dataclass(frozen=True)
class Place:
    """What a process must know to join the others of its run.

    Attributes:
        url: Of the database.
        run: Names the run.
        worker: Names the process.
    """

    url: str
    run: str
    worker: str


class Resources:
    """A session's store and peers.

    Args:
        url: Of the store; None for a run that keeps nothing.
        place: Where the other processes of the run are met; None for a run in one process.
        limits: Most calls to servers, and most that they may cost.
        since: Seconds since the epoch; what the store has from before is not used.
    """

    def __init__(
        self,
        url: str | None,
        place: Place | None = None,
        limits: Limits = NO_LIMITS,
        since: float = 0.0,
    ) -> None:
        self.since = since
        self._url = url
        self._place = place
        self._limits = limits
        self._opened: list[Database] = []
        self._folder: Path | None = None

    @classmethod
    def of(cls, settings: Settings, root: Path, worker: Mapping[str, Any] | None) -> Resources:
        """The resources of a session.

        Args:
            root: pytest's; the usual store is there.
            worker: What xdist's controller told this worker; None on the controller and without xdist.
        """
        url = None if settings.store == "none" else settings.store or sqlite_url(root / USUAL_STORE)
        anew = settings.record == "all"
        since = (worker["mtbench_since"] if worker is not None else time.time()) if anew else 0.0
        place = None
        if worker is not None and (meeting := worker.get("mtbench_store")):
            place = Place(meeting, worker["testrunuid"], worker["workerid"])
        return cls(url, place, (settings.max_calls, settings.max_cost), since)

    @cached_property
    def store(self) -> Store:
        """The store.

        Raises:
            StoreError: Where it cannot be opened.
        """
        if self._place is None and self._url is None:
            return Store()
        return Store(self._database, strict=self._place is not None, since=self.since)

    @cached_property
    def peers(self) -> Peers:
        """The processes of the run.

        Raises:
            StoreError: Where the place they meet cannot be opened.
        """
        if self._place is None:
            return Alone()
        return Workers(self._database, self._place.run, self._place.worker)

    @cached_property
    def budget(self) -> Budget | None:
        """What the run may spend, its processes together; None for no limit."""
        return None if self._limits == NO_LIMITS else Budget(*self._limits, Ledger(self.peers))

    @property
    def shared(self) -> bool:
        """Whether other processes work on this run."""
        return self._place is not None

    def meeting_place(self) -> str:
        """Opens the database that worker processes will share, for one run where nothing is to be kept.

        Returns:
            Its URL.

        Raises:
            StoreError: Where it cannot be opened.
        """
        if self._url is None:
            self._folder = Path(tempfile.mkdtemp(prefix="mtbench-"))
            self._url = sqlite_url(self._folder / "store.db")
        _ = self._database
        return self._url

    def release_leases(self, run: str, worker: str) -> None:
        """Gives the work of a worker that is gone to the others."""
        for database in self._opened:
            with suppress(StoreError):  # it expires in any case
                release_leases(database, run, worker)

    def reports(self, run: str) -> list[Any]:
        """What each worker process last told of how far it is."""
        with suppress(StoreError):  # whose work it is will run into it and say so
            return [told for database in self._opened for told in reports(database, run)]
        return []

    def close(self) -> None:
        """Closes what was opened."""
        if "peers" in self.__dict__:
            self.peers.close()
        if "store" in self.__dict__:
            self.store.close()
        for database in self._opened:
            database.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @cached_property
    def _database(self) -> Database:
        # The controller has looked at it before it started the workers.
        database = (
            open_database(self._place.url, check=False) if self._place else open_database(str(self._url))
        )
        self._opened.append(database)
        return database
