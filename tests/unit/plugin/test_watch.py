"""Workers tell how far they are, where that has changed; the controller shows it until the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from mtbench_pytest.core.errors import StoreError
from mtbench_pytest.plugin import progress as live
from mtbench_pytest.plugin import progress as watch
from mtbench_pytest.plugin.progress import LiveLine
from mtbench_pytest.run.progress import Progress
from mtbench_pytest.store.leases import Alone
from tests.unit.parties import WAIT
from tests.unit.plugin.test_live_line import Screen


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_EVERY", 0.001)
    monkeypatch.setattr(live, "_LOG_EVERY", 0.0)


class Board(Alone):
    """Keeps what is reported; fails as often as it is told to."""

    def __init__(self, fail: int = 0) -> None:
        super().__init__()
        self.fail = fail
        self.told: list[Any] = []

    def report(self, body: Any) -> None:
        if self.fail:
            self.fail -= 1
            raise StoreError("store.db", "locked", "a database")
        self.told.append(body)


def soon(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_only_what_is_new_is_told() -> None:
    board, looks = Board(), iter([1, 1, 1, 2, 2, 3])
    at_end = threading.Event()

    def look() -> dict[str, Progress]:
        made = next(looks, None)
        if made is None:
            at_end.set()
        return {"chat": Progress(made or 3)}

    worker = watch.telling(board, look)
    assert at_end.wait(WAIT)
    worker.close()
    assert [told["chat"]["answers"] for told in board.told] == [1, 2, 3]


def test_what_could_not_be_told_is_told_again() -> None:
    board = Board(fail=2)
    worker = watch.telling(board, lambda: {"chat": Progress(4)})
    soon(lambda: board.told)
    worker.close()
    assert len(board.told) == 1


def test_the_controller_shows_what_it_is_told_until_it_is_closed() -> None:
    screen, told = Screen(isatty=True), list[watch.Told]()
    controller = watch.showing(LiveLine(lambda: screen, plain=True), lambda: told)
    assert not screen.said, "nothing to show"
    told.append({"chat": {"answers": 3, "answers_total": 6}})
    soon(lambda: screen.said)
    controller.close()
    written = len(screen.said)
    time.sleep(0.01)
    assert len(screen.said) == written
    assert screen.said[1] == ("line", "mtbench: 3/6 answers, 0/0 judgments, 0 s")


def test_a_terminal_that_nobody_reads_is_no_error() -> None:
    class Broken(Screen):
        tries = 0

        def ensure_newline(self) -> None:
            self.tries += 1
            raise BrokenPipeError

    screen = Broken(isatty=False)
    controller = watch.showing(LiveLine(lambda: screen), lambda: [{"chat": {}}])
    soon(lambda: screen.tries > 2)
    controller.close()
