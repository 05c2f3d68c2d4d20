"""How processes of one run agree: leases, what they tell each other, counters."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtbench_pytest.core.errors import ModelError, MTBenchError
from mtbench_pytest.store import leases as crew_module
from mtbench_pytest.store.database import Database, open_database, sqlite_url
from mtbench_pytest.store.leases import Alone, Peers, Workers, once, release_leases, reports


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(sqlite_url(tmp_path / "store.db"))
    yield opened
    opened.close()


@pytest.fixture
def pair(database: Database) -> Iterator[tuple[Workers, Workers]]:
    workers = (Workers(database, "run", "gw0"), Workers(database, "run", "gw1"))
    yield workers
    for worker in workers:
        worker.close()


def test_a_piece_of_work_is_one_workers(pair: tuple[Workers, Workers]) -> None:
    first, second = pair
    assert first.take("judge")
    assert not first.take("judge"), "nor twice its own"
    assert not second.take("judge")
    assert second.take("device")
    first.release("judge")
    assert second.take("judge")


def test_one_process_competes_with_itself_only() -> None:
    alone = Alone()
    assert alone.take("judge")
    assert not alone.take("judge")
    alone.release("judge")
    assert alone.take("judge")


def test_another_run_is_none_of_ours(database: Database, pair: tuple[Workers, Workers]) -> None:
    other = Workers(database, "another run", "gw0")
    assert pair[0].take("judge")
    pair[0].note("word", 1)
    assert other.take("judge")
    assert other.notes(["word"]) == {}
    other.close()


def test_work_is_given_back_at_the_end(pair: tuple[Workers, Workers]) -> None:
    first, second = pair
    assert first.take("judge")
    first.close()
    assert second.take("judge")


def test_a_worker_that_is_gone_has_nothing(database: Database, pair: tuple[Workers, Workers]) -> None:
    first, second = pair
    assert first.take("judge")
    assert second.take("device")
    release_leases(database, "run", "gw0")
    assert second.take("judge")
    assert not first.take("device"), "only the dead one's"


def test_a_lease_expires_unless_it_is_renewed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew_module, "_LEASE", 0.3)
    monkeypatch.setattr(crew_module, "_BEAT", 0.05)
    living, dead, heir = (Workers(database, "run", name) for name in ("living", "dead", "heir"))
    assert living.take("kept")
    assert dead.take("left")
    dead._stop.set()  # its heart stops and nothing is given back, as when it is killed
    deadline = time.monotonic() + 5
    while not heir.take("left"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.4)
    assert not heir.take("kept")
    for worker in (living, heir):
        worker.close()


def test_one_of_many_takes_a_lease(database: Database) -> None:
    workers = [Workers(database, "run", f"gw{number}") for number in range(8)]
    taken = []
    threads = [
        threading.Thread(target=lambda worker=worker: taken.append(worker.take("judge")))
        for worker in workers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 7 + [True]
    for worker in workers:
        worker.close()


def test_what_is_told_first_stays(pair: tuple[Workers, Workers]) -> None:
    first, second = pair
    first.note("word", {"a": [1, None]})
    second.note("word", "another")
    assert second.notes(["word", "nothing"]) == {"word": {"a": [1, None]}}


@pytest.mark.parametrize("shared", [False, True])
def test_counters_add_up(pair: tuple[Workers, Workers], shared: bool) -> None:
    members: tuple[Peers, Peers] = pair if shared else (alone := Alone(), alone)
    assert [member.add("calls", 2.5) for member in members] == [2.5, 5.0]
    assert members[0].add("cost", 1) == 1


def test_once_is_once(pair: tuple[Workers, Workers]) -> None:
    made = []

    def make() -> str:
        made.append(1)
        time.sleep(0.1)
        return "done"

    results: list[str] = []
    threads = [
        threading.Thread(target=lambda worker=worker: results.append(once(worker, "it", make)))
        for worker in pair
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (made, results) == ([1], ["done", "done"])


def test_what_went_wrong_once_went_wrong_for_all(pair: tuple[Workers, Workers]) -> None:
    def fail() -> None:
        raise ModelError("no chat template")

    with pytest.raises(ModelError, match="no chat template"):
        once(pair[0], "it", fail)
    with pytest.raises(MTBenchError, match="no chat template"):
        once(pair[1], "it", lambda: pytest.fail("made twice"))


def test_the_last_report_of_each_counts(database: Database, pair: tuple[Workers, Workers]) -> None:
    assert reports(database, "run") == []
    for made in (1, 2):
        pair[0].report({"made": made})
    pair[1].report({"made": 7})
    Workers(database, "run 2", "gw0").report({"made": 100})
    assert sorted(told["made"] for told in reports(database, "run")) == [2, 7]
