"""Names for grades that are to be made in this run, whatever an earlier one left in the store."""

from __future__ import annotations

import time
from contextlib import suppress
from uuid import uuid4

from mtbench_pytest.core.errors import StoreError
from mtbench_pytest.store.keys import digest
from mtbench_pytest.store.leases import Crew, once
from mtbench_pytest.store.store import Store

_DAY = 24 * 3600.0  # seconds after which a run that was cut off is none to go on with


def fresh_nonce(crew: Crew, about: str) -> str:
    """A name that no other run has; its processes agree on one.

    Args:
        about: What it is for.
    """
    return str(once(crew, f"nonce/{about}", lambda: uuid4().hex))


class Regrading:
    """A run that grades all anew. One that was cut off goes on with the grades it has.

    Args:
        about: What is graded anew.
    """

    def __init__(self, store: Store, about: str) -> None:
        self._store = store
        self._about = about
        self._key = digest("regrading", about)

    def nonce(self, crew: Crew) -> str:
        """The name of its grades."""
        return str(once(crew, f"nonce/{self._about}", self._name))

    def done(self) -> None:
        """The next run of it begins anew."""
        with suppress(StoreError):  # it does in any case after a day
            self._store.forget_identity(self._key)

    def _name(self) -> str:
        known = self._store.identity(self._key)
        if known is not None and time.time() - known["since"] < _DAY:
            return str(known["nonce"])
        self.done()
        nonce = uuid4().hex
        self._store.remember_identity(self._key, {"nonce": nonce, "since": time.time()})
        return nonce
