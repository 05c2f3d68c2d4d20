"""What was paid for is not paid for twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.plugin.harness import BARE_AND_XDIST, Example, wait_until

PAID = {
    "candidate": "python:stage:model?paid=1",
    "baseline": "python:stage:model?paid=1&name=old",
    "judge": "python:stage:judge?paid=1",
}
USUAL = Path(".mtbench", "store.db")
SAME = ("decision", "endpoints", "categories", "rows")


def records(store: Path) -> tuple[int, int]:
    """How many answers and judgments are in a store."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
        (answers,), (judgments,) = (
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            for table in ("answers", "judgments")
        )
    connection.close()
    return answers, judgments


@BARE_AND_XDIST
def test_a_second_run_asks_nobody(chat: Example, workers: tuple[str, ...]) -> None:
    first = chat.run(*workers, **PAID)
    report = first.report()
    assert (first.decision, len(chat.asked())) == ("PASS", 6 * (2 + 8))
    assert records(chat.path / USUAL) == (12, 48)
    chat.forget()
    second = chat.run(**PAID)
    assert (second.decision, second.status, chat.asked()) == ("PASS", 0, [])
    assert {key: second.report()[key] for key in SAME} == {key: report[key] for key in SAME}


def test_what_is_free_is_not_kept(chat: Example) -> None:
    assert chat.run().decision == "PASS"
    assert not (chat.path / ".mtbench").exists()


def test_recorded_answers_are_judged_once(chat: Example) -> None:
    assert chat.run(judge=PAID["judge"]).decision == "PASS"
    assert records(chat.path / USUAL) == (0, 48)
    chat.forget()
    assert chat.run(judge=PAID["judge"]).decision == "PASS"
    assert chat.asked() == []


def test_another_model_is_another_answer(chat: Example) -> None:
    chat.run(**PAID)
    chat.forget()
    chat.run(**{**PAID, "candidate": "python:stage:model?paid=1&name=newer"})
    assert {line.split()[2] for line in chat.asked("answer")} == {"newer"}
    assert len(chat.asked("answer")) == 6
    assert not [line for line in chat.asked("grade") if line.endswith(" old")]


def test_a_part_of_a_bench_is_a_part_of_the_work(chat: Example) -> None:
    chat.run("-k", "travel", **PAID)
    assert len(chat.asked("answer")) == 2 * 3
    chat.run(**PAID)
    assert len(chat.asked()) == len(set(chat.asked())) == 6 * (2 + 8)


def test_a_failure_is_tried_again(chat: Example) -> None:
    """Also the good twin of a failed game is kept."""
    run = chat.run(**{**PAID, "judge": "python:stage:judge?paid=1&fail=3"})
    assert (run.decision, run.outcomes["errors"]) == ("NO VERDICT", 1)
    assert len(chat.asked()) == len(set(chat.asked()))
    chat.forget()
    assert chat.run(**PAID).decision == "PASS"
    assert {line.split()[1] for line in chat.asked()} == {"3"}
    assert len(chat.asked()) == 8


def test_a_model_that_failed_is_asked_again(chat: Example) -> None:
    run = chat.run(**{**PAID, "candidate": "python:stage:model?paid=1&fail=3"})
    assert (run.decision, run.outcomes["errors"]) == ("NO VERDICT", 1)
    chat.forget()
    assert chat.run(**PAID).decision == "PASS"
    assert chat.asked("answer") == ["answer 3 live"]


def test_none_keeps_nothing(chat: Example) -> None:
    for _ in range(2):
        chat.forget()
        assert chat.run("--mtbench-store=none", **PAID).decision == "PASS"
        assert len(chat.asked()) == len(set(chat.asked())) == 60
    assert not (chat.path / ".mtbench").exists()


def test_a_store_has_a_place_of_its_own(chat: Example) -> None:
    assert chat.run("--mtbench-store=kept/here.db", **PAID).decision == "PASS"
    assert records(chat.path / "kept" / "here.db") == (12, 48)
    url = f"sqlite:///{chat.path}/kept/here.db"
    chat.forget()
    assert chat.run(f"--mtbench-store={url}", **PAID).decision == "PASS"
    assert chat.asked() == []
    assert not (chat.path / ".mtbench").exists()


def test_the_usual_folder_stays_out_of_version_control(chat: Example) -> None:
    chat.run(**PAID)
    assert (chat.path / ".mtbench" / ".gitignore").read_text() == "*\n"


@BARE_AND_XDIST
def test_a_damaged_store_is_set_aside(chat: Example, workers: tuple[str, ...]) -> None:
    store = chat.path / USUAL
    store.parent.mkdir()
    store.write_bytes(b"no database, whatever its name says" * 100)
    run = chat.run(*workers, **PAID)
    assert run.decision == "PASS"
    assert len(chat.asked()) == 60
    (aside,) = store.parent.glob("store.damaged-*.db")
    told = [line for line in (run.out + run.err).splitlines() if aside.name in line]
    assert len(told) == 1
    assert "file is not a database; set aside as" in told[0]
    assert records(store) == (12, 48)


def test_a_store_of_another_version_is_refused(chat: Example) -> None:
    chat.run(**PAID)
    chat.forget()
    with sqlite3.connect(chat.path / USUAL) as connection:
        connection.execute("UPDATE mtbench_schema SET version = 99")
    connection.close()
    chat.run(**PAID).refused("store.db: a store of version 99", "expected version 1")


@pytest.mark.parametrize(
    ("store", "words"),
    [
        ("new.jsonl/store.db", "expected a database that can be opened"),
        ("nonsense://somewhere", "nonsense: "),
    ],
)
def test_a_store_that_cannot_be_opened(chat: Example, store: str, words: str) -> None:
    chat.run(f"--mtbench-store={store}", **PAID).refused(words, "--mtbench-store none")


def test_a_full_disk_does_not_end_the_run(chat: Example) -> None:
    """SQLite's own limit on the size of a file stands for the disk's."""
    chat.own_process = True
    limit = chat.path / "conftest.py"
    limit.write_text(
        "from sqlalchemy import Engine, event\n"
        "@event.listens_for(Engine, 'connect')\n"
        "def limit(connection, _):\n"
        "    connection.execute('PRAGMA max_page_count = 20')\n"
    )
    run = chat.run(**PAID)
    assert (run.decision, run.status) == ("PASS", 0)
    assert len(chat.asked()) == 60
    assert run.out.count("database or disk is full; expected") == 2, "once at once, once with what is lost"
    assert "records could not be stored" in run.out
    limit.unlink()
    chat.own_process = False
    kept = sum(records(chat.path / USUAL))
    chat.forget()
    assert chat.run(**PAID).decision == "PASS"
    assert 0 < len(chat.asked()) == 60 - kept


def killed(example: Example, spec: str, reached: Callable[[], bool]) -> None:
    """Runs pytest and kills it, as no process can catch, once it has got somewhere."""
    options = [f"--mtbench-{name}={of}" for name, of in {**PAID, "candidate": spec}.items()]
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *options],
        cwd=example.path,
        env={**os.environ, "PYTHONPATH": str(example.path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            wait_until(reached, process)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_killed_run_goes_on_where_it_was(chat: Example) -> None:
    """When it waits for the candidate's fifth answer, and has stored all that it could have by then."""
    (chat.path / "hold").touch()
    held = f"{PAID['candidate']}&hold=5"

    def stored() -> bool:
        try:
            answers, judgments = records(chat.path / USUAL)
        except sqlite3.OperationalError:  # not there yet
            return False
        return answers == 6 + 4 and judgments >= 4 * 8

    killed(chat, held, stored)
    (chat.path / "hold").unlink()
    assert chat.run(**{**PAID, "candidate": held}).decision == "PASS"
    asked = chat.asked()
    again = {line for line in asked if asked.count(line) > 1}
    assert "answer 5 live" in again
    # Grades of the baseline's further answers may have been under way.
    assert not [line for line in again if line.split()[1] not in ("5", "6")]
    assert len(set(asked)) == 60
