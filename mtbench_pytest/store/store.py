"""What has been paid for, kept by content hash: answers and judgments, as they come.

A key names all that a record depends on (`keys.py`), so a record never changes and can always be used again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from mtbench_pytest.core.errors import StoreError
from mtbench_pytest.core.records import Answer, Game, Judgment
from mtbench_pytest.core.serialize import answer_from_dict, judgment_from_dict, to_plain

if TYPE_CHECKING:
    from sqlalchemy import Table

    from mtbench_pytest.store.database import Database

T = TypeVar("T")

_LOG = logging.getLogger("mtbench_pytest")


class Store:
    """Answers and judgments by key. Any thread may use it.

    Where a record cannot be written (a full disk), the run goes on and the record is tried again with the
    next one and when the store is closed.

    Args:
        database: Where they are kept; None for a run that keeps nothing.
        strict: A record that cannot be written is an error. Processes that share a run need that: what one
            of them makes, the others find only here.
        since: Seconds since the epoch; answers and judgments from before are not used, and new ones
            replace them.
    """

    def __init__(self, database: Database | None = None, *, strict: bool = False, since: float = 0.0) -> None:
        self._database = database
        self._strict = strict
        self._since = since
        self._waiting: deque[tuple[Table, Mapping[str, Any]]] = deque()
        self._complained = False
        self._lock = threading.Lock()

    def answers(self, keys: Collection[str]) -> dict[str, Answer]:
        """Those of the answers that are there."""
        if self._database is None:
            return {}
        return dict(self._find(self._database.tables.answers, keys, answer_from_dict, self._since))

    def judgments(self, keys: Collection[str]) -> dict[str, Judgment | Game]:
        """Those of the judgments that are there; none of them is a failure."""
        if self._database is None:
            return {}
        return dict(self._find(self._database.tables.judgments, keys, judgment_from_dict, self._since))

    def identity(self, fingerprint: str) -> dict[str, Any] | None:
        """What `remember_identity` was told of this fingerprint."""
        if self._database is None:
            return None
        return dict(self._find(self._database.tables.identities, [fingerprint], dict)).get(fingerprint)

    def add_answer(self, key: str, answer: Answer) -> None:
        """Keeps an answer; where the key has one already, that one stays."""
        if self._database is not None:
            about = {"question_id": answer.question_id, "model": answer.model}
            self._add(self._database.tables.answers, key, to_plain(answer), about)

    def add_judgment(self, key: str, said: Judgment | Game) -> None:
        """Keeps a judgment; where the key has one already, that one stays."""
        if self._database is not None:
            models = said.model if isinstance(said, Judgment) else f"{said.model_a}, {said.model_b}"
            about = {
                "question_id": said.question_id,
                "turn": said.turn,
                "model": models,
                "judge": said.judge,
            }
            self._add(self._database.tables.judgments, key, to_plain(said), about)

    def remember_identity(self, fingerprint: str, identity: Mapping[str, Any]) -> None:
        """Keeps what a model's identity is, so that its weights need not be read again to know it."""
        if self._database is not None:
            self._add(self._database.tables.identities, fingerprint, identity, {})

    def forget_identity(self, fingerprint: str) -> None:
        """Undoes `remember_identity`."""
        if self._database is not None:
            self._database.delete(self._database.tables.identities, fingerprint)

    def close(self) -> None:
        """Writes what still waits, or says how much could not be. Who opened the database closes it."""
        with self._lock:
            if self._waiting and (problem := self._write()) is not None:
                _LOG.warning("%s; %d records could not be stored", problem, len(self._waiting))

    def _find(
        self,
        table: Table,
        keys: Collection[str],
        read: Callable[[Mapping[str, Any]], T],
        since: float = 0.0,
    ) -> Iterator[tuple[str, T]]:
        assert self._database is not None
        for row in self._database.rows(table, keys):
            if row.created < since:
                continue
            if _digest(row.body) == row.digest:
                yield row.key, read(json.loads(row.body))
            else:
                _LOG.warning("%s: a damaged record in %s is made anew", self._database.shown, table.name)
                self._database.delete(table, row.key)

    def _add(self, table: Table, key: str, record: Mapping[str, Any], about: Mapping[str, Any]) -> None:
        body = json.dumps(record, ensure_ascii=False)
        named = {name: str(value) for name, value in about.items()}
        row = {"key": key, "body": body, "digest": _digest(body), "created": time.time(), **named}
        with self._lock:
            self._waiting.append((table, row))
            problem = self._write()
        if problem is None:
            return
        if self._strict:
            raise problem
        if not self._complained:
            self._complained = True
            _LOG.warning("%s; the run goes on, and what could not be stored is tried again", problem)

    def _write(self) -> StoreError | None:
        """Writes all that waits; returns what went wrong."""
        assert self._database is not None
        while self._waiting:
            table, row = self._waiting[0]
            try:
                self._database.insert(table, row, since=self._since)
            except StoreError as error:
                return error
            self._waiting.popleft()
        return None


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()
