"""The database behind the store: its tables, its version, and what is done with a damaged file.

The only module that speaks SQL, through SQLAlchemy Core. That is imported when a database is opened: a run
on recorded data needs none.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtbench_pytest.core.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import URL, Column, Connection, Engine, Row, Table

SCHEMA = 1

_LOG = logging.getLogger("mtbench_pytest")
_PATIENCE = 30  # seconds a writer waits for another process's transaction
_AT_ONCE = 500  # keys asked for in one statement: databases limit their parameters
_KEEP_SHARED = 24 * 3600.0  # seconds until what a run's processes agreed on is rubbish
_MAGIC = b"SQLite format 3"
_EXPECTED = "a database that can be opened and written, or --mtbench-store none"


class Tables:
    """The tables. Keys are sha256 in hexadecimal; a body is JSON, and `digest` its sha256.

    `leases`, `notes` and `counters` are what the processes of a run agree on (`leases.py`).
    """

    def __init__(self) -> None:
        from sqlalchemy import Column, Float, Integer, MetaData, String, Table, Text

        self.all = MetaData()

        def records(name: str, *about: str) -> Table:
            columns: list[Column[Any]] = [
                Column("key", String(64), primary_key=True),
                *(Column(word, Text, nullable=False) for word in about),
                Column("body", Text, nullable=False),
                Column("digest", String(64), nullable=False),
                Column("created", Float, nullable=False),
            ]
            return Table(name, self.all, *columns)

        def shared(name: str, *columns: Column[Any]) -> Table:
            key = Column("name", String(200), primary_key=True)
            return Table(name, self.all, key, *columns, Column("created", Float, nullable=False))

        self.schema = Table("mtbench_schema", self.all, Column("version", Integer, nullable=False))
        self.answers = records("answers", "question_id", "model")
        self.judgments = records("judgments", "question_id", "turn", "model", "judge")
        self.identities = records("identities")
        self.leases = shared(
            "leases",
            Column("owner", String(200), nullable=False),
            Column("expires", Float, nullable=False),
        )
        self.notes = shared("notes", Column("body", Text, nullable=False))
        self.counters = shared("counters", Column("value", Float, nullable=False))


class Database:
    """An open database with our tables in it. Any thread may use it.

    Args:
        url: As SQLAlchemy has it.

    Attributes:
        shown: How messages call it: a path, or the URL without its password.
    """

    def __init__(self, url: str) -> None:
        import sqlalchemy

        parsed = sqlalchemy.make_url(url)
        self.path = _file_of(parsed)
        self.in_memory = parsed.get_backend_name() == "sqlite" and self.path is None
        self.shown = str(self.path or parsed.render_as_string())
        self.tables = Tables()
        patience = {"timeout": _PATIENCE} if self.path else {}
        self.engine: Engine = sqlalchemy.create_engine(parsed, connect_args=patience)
        if self.path:
            sqlalchemy.event.listen(self.engine, "connect", _set_up_sqlite)

    def rows(self, table: Table, keys: Collection[str]) -> Iterator[Row[Any]]:
        """The rows of these keys that are there.

        Raises:
            StoreError: Where the database fails.
        """
        (key,) = table.primary_key.columns
        wanted = list(keys)
        for start in range(0, len(wanted), _AT_ONCE):
            query = table.select().where(key.in_(wanted[start : start + _AT_ONCE]))
            with self.connected() as connection:
                found = connection.execute(query).all()
            yield from found

    def insert(self, table: Table, row: Mapping[str, Any], since: float = 0.0) -> None:
        """Writes a row in a transaction of its own; one that is there already stays.

        Args:
            since: Seconds since the epoch; a row from before gives way.

        Raises:
            StoreError: Where it cannot be written.
        """
        from sqlalchemy.exc import IntegrityError

        try:
            with self.connected() as connection:
                if since:
                    older = (table.c.key == row["key"]) & (table.c.created < since)
                    connection.execute(table.delete().where(older))
                connection.execute(table.insert(), dict(row))
        except IntegrityError:
            return

    def delete(self, table: Table, key: str) -> None:
        """Removes a record.

        Raises:
            StoreError: Where the database fails.
        """
        with self.connected() as connection:
            connection.execute(table.delete().where(table.c.key == key))

    def connected(self) -> _Transaction:
        """A context with a connection, whose work is one transaction.

        Raises:
            StoreError: Where the database fails, in one line.
        """
        return _Transaction(self)

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()

    def check(self) -> None:
        """Makes the tables that are not there yet, and looks whether what is there is ours and whole.

        Raises:
            StoreError: Where another version of the project made it.
            DBAPIError: Where it is damaged or cannot be used.
        """
        from sqlalchemy import select, text

        self.tables.all.create_all(self.engine)
        with self.engine.begin() as connection:
            if self.path and (found := connection.execute(text("PRAGMA quick_check(1)")).scalar()) != "ok":
                raise _Damaged(str(found))
            version = connection.execute(select(self.tables.schema.c.version)).scalar()
            if version is None:
                connection.execute(self.tables.schema.insert().values(version=SCHEMA))
            elif version != SCHEMA:
                raise StoreError(
                    self.shown,
                    f"a store of version {version}",
                    f"version {SCHEMA}, or another --mtbench-store",
                )
            for table in (self.tables.leases, self.tables.notes, self.tables.counters):
                connection.execute(table.delete().where(table.c.created < time.time() - _KEEP_SHARED))


class _Transaction:
    """`Engine.begin()` whose errors are ours."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._inner = database.engine.begin()

    def __enter__(self) -> Connection:
        try:
            return self._inner.__enter__()
        except Exception as error:
            raise self._told(error) from None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        try:
            self._inner.__exit__(kind, error, trace)
        except Exception as failed:
            raise self._told(failed) from None
        if error is not None and (told := self._told(error)) is not error:
            raise told from None

    def _told(self, error: BaseException) -> BaseException:
        from sqlalchemy.exc import DBAPIError, IntegrityError

        if isinstance(error, DBAPIError) and not isinstance(error, IntegrityError):
            return StoreError(self._database.shown, _first_line(error), _EXPECTED)
        return error


class _Damaged(Exception):
    """SQLite's own check found something."""


def open_database(url: str, *, check: bool = True) -> Database:
    """Opens a database, made where there is none. A damaged SQLite file is set aside, and a new one made.

    Args:
        url: As SQLAlchemy has it.
        check: Off where another process of this run has just checked it.

    Raises:
        StoreError: Where it cannot be opened, or another version of the project made it.
    """
    from sqlalchemy.exc import SQLAlchemyError

    shown = url.partition("://")[0]
    try:
        database = Database(url)
        shown = database.shown
        if database.in_memory:
            raise StoreError(
                shown, "a database in memory", "one that outlives the run, or --mtbench-store none"
            )
        if database.path:
            _make_folder(database.path.parent)
        if check:
            database.check()
    except StoreError:
        raise
    except (SQLAlchemyError, _Damaged) as error:
        if not _is_damage(error) or database.path is None or not _is_ours(database.path):
            raise StoreError(shown, _first_line(error), _EXPECTED) from None
        database.close()
        aside = _set_aside(database.path)
        _LOG.warning("%s: %s; set aside as %s", shown, _first_line(error), aside.name)
        return open_database(url)
    except OSError as error:
        raise StoreError(shown, (error.strerror or str(error)).lower(), _EXPECTED) from None
    except ImportError as error:
        raise StoreError(shown, f"{error.name} is not installed", "the database's driver") from None
    return database


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{path.absolute()}"


def _file_of(url: URL) -> Path | None:
    sqlite = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)) if sqlite else None


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # A write-ahead log lets others read while one writes. With it, NORMAL loses nothing when a process dies.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _make_folder(folder: Path) -> None:
    """A folder of ours keeps itself out of version control, as pytest's cache does."""
    if not folder.exists():
        folder.mkdir(parents=True)
        (folder / ".gitignore").write_text("*\n")


def _is_damage(error: Exception) -> bool:
    import sqlite3

    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, _Damaged) or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _is_ours(path: Path) -> bool:
    """Whether a damaged file may be moved: not where the user has named some other file by mistake."""
    with path.open("rb") as file:
        return path.suffix in (".db", ".sqlite", ".sqlite3") or file.read(len(_MAGIC)) == _MAGIC


def _set_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.stem}.damaged-{time.strftime('%Y%m%d-%H%M%S')}{path.suffix}")
    path.rename(aside)
    for companion in ("-wal", "-shm"):
        log = path.with_name(path.name + companion)
        if log.exists():  # left beside a new file, it would be played back into it
            log.rename(aside.with_name(aside.name + companion))
    return aside


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return " ".join(str(cause).split()) or type(cause).__name__
