"""A store on PostgreSQL: what several machines share."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
import sqlalchemy

from tests.plugin.harness import BARE_AND_XDIST, Example

PAID = {
    "candidate": "python:stage:model?paid=1",
    "baseline": "python:stage:model?paid=1&name=old",
    "judge": "python:stage:judge?paid=1",
}


@pytest.fixture
def store(postgresql: str) -> Iterator[str]:
    """The URL of a database without tables."""
    yield postgresql
    engine = sqlalchemy.create_engine(postgresql)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("DROP SCHEMA public CASCADE"))
        connection.execute(sqlalchemy.text("CREATE SCHEMA public"))
    engine.dispose()


def counts(store: str) -> tuple[int, int]:
    """How many answers and judgments are in a store."""
    engine = sqlalchemy.create_engine(store)
    with engine.connect() as connection:
        answers, judgments = (
            connection.execute(sqlalchemy.text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in ("answers", "judgments")
        )
    engine.dispose()
    return answers, judgments


@BARE_AND_XDIST
def test_a_second_run_asks_nobody(chat: Example, store: str, workers: tuple[str, ...]) -> None:
    first = chat.run(*workers, f"--mtbench-store={store}", **PAID)
    assert (first.decision, first.status, len(chat.asked())) == ("PASS", 0, 6 * (2 + 8)), first.out
    assert counts(store) == (12, 48)
    chat.forget()
    second = chat.run(*workers, f"--mtbench-store={store}", **PAID)
    assert (second.decision, second.status, chat.asked()) == ("PASS", 0, [])


def test_two_runs_at_once_share_it(chat: Example, store: str) -> None:
    options = [f"--mtbench-{name}={spec}" for name, spec in PAID.items()]
    command = [sys.executable, "-m", "pytest", "-q", *options, f"--mtbench-store={store}"]
    runs = [
        subprocess.Popen([*command, f"--mtbench-report=report-{number}"], cwd=chat.path)
        for number in range(2)
    ]
    assert [run.wait(120) for run in runs] == [0, 0]
    results = [json.loads((chat.path / f"report-{n}" / "result.json").read_text()) for n in range(2)]
    assert results[0]["rows"] == results[1]["rows"]
    assert counts(store) == (12, 48)


def test_a_server_that_is_not_there_is_told_in_a_line(chat: Example) -> None:
    run = chat.run("--mtbench-store=postgresql+psycopg://me:hunter22@127.0.0.1:1/runs", **PAID)
    (line,) = [line for line in (run.out + run.err).splitlines() if "ERROR" in line]
    assert run.status == 4
    assert "postgresql+psycopg://me:***@127.0.0.1:1/runs" in line
    assert "hunter22" not in run.out + run.err
