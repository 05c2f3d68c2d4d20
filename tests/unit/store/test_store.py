"""The store: what goes in comes out; damage, another version and a full disk are told and cost nothing."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from mtbench_pytest.core.errors import StoreError
from mtbench_pytest.core.records import Answer, Reply
from mtbench_pytest.store.database import SCHEMA, Database, open_database, sqlite_url
from mtbench_pytest.store.store import Store
from tests.unit.factories import answer, game, judgment

KEY, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "store.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = open_database(sqlite_url(path))
    yield opened
    opened.close()


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


def limit(database: Database, pages: int) -> None:
    """SQLite's own limit on the size of the file stands for the disk's."""

    @event.listens_for(database.engine, "checkout")
    def set_limit(connection: Any, _record: object, _proxy: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")


# What goes in comes out.


def test_an_answer_comes_back_as_it_was(store: Store) -> None:
    given = Answer(
        "q7",
        "cand",
        (Reply("ü\u2028", "why", True, 3, 4), Reply("")),
        {"dtype": "bfloat16", "seeds": [1, 2], "nested": {"t": 0.7, "none": None}},
    )
    store.add_answer(KEY, given)
    assert store.answers([KEY, OTHER]) == {KEY: given}


@pytest.mark.parametrize("said", [judgment(7.5), game("tie"), game("A", "x", "y")])
def test_a_judgment_comes_back_as_it_was(store: Store, said: object) -> None:
    store.add_judgment(KEY, said)  # type: ignore[arg-type]
    assert store.judgments([OTHER, KEY]) == {KEY: said}


def test_the_first_record_of_a_key_stays(store: Store) -> None:
    store.add_judgment(KEY, judgment(3))
    store.add_judgment(KEY, judgment(9))
    assert store.judgments([KEY]) == {KEY: judgment(3)}


def test_a_run_that_makes_everything_anew(database: Database) -> None:
    """What is there from before gives way; what this run made is found."""
    older = Store(database)
    older.add_answer(KEY, answer())
    older.add_judgment(KEY, judgment(3))
    older.remember_identity(KEY, {"weights": "abc"})
    anew = Store(database, since=time.time())
    assert (anew.answers([KEY]), anew.judgments([KEY])) == ({}, {})
    assert anew.identity(KEY) == {"weights": "abc"}, "weights are what they are"
    anew.add_judgment(KEY, judgment(9))
    anew.add_judgment(KEY, judgment(5))
    assert anew.judgments([KEY]) == {KEY: judgment(9)}
    assert older.judgments([KEY]) == {KEY: judgment(9)}, "and so does a later run"
    assert older.answers([KEY]) == {KEY: answer()}


def test_more_keys_than_a_statement_takes(store: Store) -> None:
    store.add_judgment(KEY, judgment(3))
    assert list(store.judgments([f"{number:064d}" for number in range(3000)] + [KEY])) == [KEY]


def test_an_identity_is_remembered(store: Store) -> None:
    assert store.identity(KEY) is None
    store.remember_identity(KEY, {"kind": "x", "weights": "abc"})
    assert store.identity(KEY) == {"kind": "x", "weights": "abc"}


def test_another_process_finds_it(store: Store, path: Path) -> None:
    store.add_answer(KEY, answer())
    other = open_database(sqlite_url(path), check=False)
    assert Store(other).answers([KEY]) == {KEY: answer()}
    other.close()


def test_a_store_of_nothing_keeps_nothing() -> None:
    store = Store()
    store.add_answer(KEY, answer())
    store.add_judgment(KEY, judgment(3))
    store.remember_identity(KEY, {})
    assert (store.answers([KEY]), store.judgments([KEY]), store.identity(KEY)) == ({}, {}, None)
    store.close()


def test_columns_say_what_a_record_is(store: Store, path: Path) -> None:
    store.add_judgment(KEY, game("A", "new", "old", question_id=81, turn=2))
    with sqlite3.connect(path) as connection:
        row = connection.execute("SELECT question_id, turn, model, judge FROM judgments").fetchone()
    connection.close()
    assert row == ("81", "2", "new, old", "judge")


# Damage.


def test_a_record_that_was_altered_is_made_anew(
    store: Store, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.add_judgment(KEY, judgment(3))
    store.add_judgment(OTHER, judgment(4))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE judgments SET body = replace(body, '3', '9') WHERE key = ?", [KEY])
    connection.close()
    assert store.judgments([KEY, OTHER]) == {OTHER: judgment(4)}
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: a damaged record in judgments is made anew"
    ]
    store.add_judgment(KEY, judgment(5))
    assert store.judgments([KEY]) == {KEY: judgment(5)}


def test_a_page_of_rubbish_sets_the_file_aside(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = open_database(sqlite_url(path))
    for number in range(200):
        Store(first).add_judgment(f"{number:064d}", judgment(3, text="long " * 100))
    first.close()
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8192] = b"\xff" * 8192
    path.write_bytes(content)
    second = open_database(sqlite_url(path))
    assert Store(second).judgments([f"{number:064d}" for number in range(200)]) == {}
    second.close()
    (aside,) = path.parent.glob("store.damaged-*.db")
    assert aside.read_bytes()[middle : middle + 8] == b"\xff" * 8
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().endswith(f"; set aside as {aside.name}")


def test_another_version_is_refused_and_left_alone(path: Path) -> None:
    open_database(sqlite_url(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE mtbench_schema SET version = 99")
    connection.close()
    with pytest.raises(StoreError, match=rf"store.db: a store of version 99; expected version {SCHEMA},"):
        open_database(sqlite_url(path))
    assert [file.name for file in path.parent.glob("*.db")] == ["store.db"]


@pytest.mark.parametrize("url", ["nonsense", "nodriver://h/d", "sqlite:////proc/none/store.db"])
def test_what_cannot_be_opened_is_told_in_a_line(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_database(url)
    assert "\n" not in str(caught.value)
    assert "expected a database that can be opened and written, or --mtbench-store none" in str(caught.value)


def test_a_file_that_is_no_store_is_left_alone(tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("Not a database. " * 100)
    with pytest.raises(StoreError, match=r"notes.md: file is not a database; expected a database that can"):
        open_database(sqlite_url(notes))
    assert [file.name for file in tmp_path.iterdir()] == ["notes.md"]


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="a database in memory; expected one that outlives the run"):
        open_database(url)


def test_a_password_is_not_shown() -> None:
    with pytest.raises(StoreError) as caught:
        open_database("postgresql+nodriver://me:hunter22@host/db")
    assert "hunter22" not in str(caught.value)


# A full disk.


def fill(store: Store, count: int) -> list[str]:
    keys = [f"{number:064d}" for number in range(count)]
    for key in keys:
        store.add_judgment(key, judgment(3, text="long " * 200))
    return keys


def test_a_full_disk_loses_nothing_that_fits_later(
    store: Store, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    limit(database, 30)
    keys = fill(store, 100)
    kept = len(store.judgments(keys))
    assert 0 < kept < 100
    (record,) = caplog.records
    assert "database or disk is full" in record.getMessage()
    assert "the run goes on" in record.getMessage()
    limit(database, 10_000)
    store.add_judgment(KEY, judgment(4))
    assert len(store.judgments([*keys, KEY])) == 101


def test_what_never_fitted_is_told_at_the_end(
    store: Store, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    limit(database, 30)
    keys = fill(store, 100)
    lost = 100 - len(store.judgments(keys))
    store.close()
    assert caplog.records[-1].getMessage().endswith(f"; {lost} records could not be stored")


def test_processes_that_share_cannot_go_on_without_it(database: Database) -> None:
    limit(database, 30)
    with pytest.raises(StoreError, match="database or disk is full"):
        fill(Store(database, strict=True), 100)
