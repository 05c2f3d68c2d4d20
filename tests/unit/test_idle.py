"""What is loaded while a run waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from mtbench_pytest.bench import languages
from mtbench_pytest.gate import stats
from mtbench_pytest.plugin import idle


@pytest.fixture(autouse=True)
def once_more() -> Iterator[None]:
    """As in a process that has not waited yet."""
    idle.use_idle_time.cache_clear()
    yield
    idle.use_idle_time.cache_clear()


def loaders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "mtbench-idle"]


def test_nobody_waits_for_it_and_it_is_done_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loading, go_on = threading.Event(), threading.Event()
    times = []

    def load() -> None:
        times.append(1)
        loading.set()
        assert go_on.wait(10)

    monkeypatch.setattr(languages, "warm_up", load)
    idle.use_idle_time(controller=True)
    idle.use_idle_time(controller=True)
    (thread,) = loaders()
    assert loading.wait(10)
    go_on.set()
    thread.join()
    assert times == [1]


def test_a_worker_reports_no_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(stats, "warm_up", lambda: loaded.append("stats"))
    monkeypatch.setattr(languages, "warm_up", lambda: loaded.append("languages"))
    idle.use_idle_time(controller=False)
    for thread in loaders():
        thread.join()
    assert loaded == ["stats"]
