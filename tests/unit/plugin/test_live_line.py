"""Progress: a live line for a person, now and then a plain one for a log, none where there is no terminal."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from mtbench_pytest.plugin import progress as live
from mtbench_pytest.plugin.progress import LiveLine
from mtbench_pytest.run.progress import Progress


class Screen:
    """Notes what is written."""

    def __init__(self, isatty: bool) -> None:
        self.isatty = isatty
        self.said: list[tuple[str, str]] = []

    def ensure_newline(self) -> None:
        self.said.append(("newline", ""))

    def rewrite(self, line: str, **markup: bool) -> None:
        assert markup == {"erase": True}
        self.said.append(("rewrite", line))

    def write(self, content: str, *, flush: bool = False, **markup: bool) -> None:
        assert flush or not markup
        self.said.append(("write", content))

    def flush(self) -> None:
        """Nothing is held back."""

    def write_line(self, line: str | bytes, **markup: bool) -> None:
        assert not markup
        self.said.append(("line", str(line)))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that the test sets."""
    fake = SimpleNamespace(now=100.0)
    monkeypatch.setattr(live, "time", SimpleNamespace(monotonic=lambda: fake.now))
    return fake


def test_a_person_sees_one_line_rewritten_and_taken_away(clock: SimpleNamespace) -> None:
    screen = Screen(isatty=True)
    line = LiveLine(lambda: screen)
    line.show(Progress(1, 6, 0, 24))
    clock.now += 1
    line.show(Progress(2, 6, 0, 24))
    line.erase()
    assert [kind for kind, _ in screen.said] == ["newline", "rewrite", "rewrite", "rewrite", "write"]
    assert screen.said[2] == ("rewrite", "mtbench: 2/6 answers, 0/24 judgments, 1 s")
    assert screen.said[3:] == [("rewrite", ""), ("write", "\r")]


def test_what_was_not_shown_is_not_erased() -> None:
    screen = Screen(isatty=True)
    LiveLine(lambda: screen).erase()
    assert not screen.said


def test_a_log_gets_a_line_every_half_minute(clock: SimpleNamespace) -> None:
    screen = Screen(isatty=False)
    line = LiveLine(lambda: screen)
    for _ in range(131):  # seconds
        line.show(Progress())
        clock.now += 1
    line.erase()
    assert [kind for kind, _ in screen.said] == ["newline", "line"] * 4


def test_what_is_shown_is_shown_past_pytests_capture(clock: SimpleNamespace) -> None:
    screen, captured = Screen(isatty=True), [True]

    @contextmanager
    def uncaptured() -> Iterator[None]:
        captured.append(False)
        seen = len(screen.said)
        yield
        assert len(screen.said) > seen
        captured.append(True)

    line = LiveLine(lambda: screen, uncaptured)
    line.show(Progress())
    line.erase()
    assert captured == [True, False, True, False, True]
    assert clock.now == 100


def test_without_a_terminal_nothing_is_shown() -> None:
    line = LiveLine(lambda: None)
    line.show(Progress())
    line.erase()


def test_a_line_of_another_thread_waits_for_the_main_one() -> None:
    screen = Screen(isatty=False)
    line = LiveLine(lambda: screen)
    thread = threading.Thread(target=line.say, args=["loading"])
    thread.start()
    thread.join()
    assert screen.said == []
    line.erase()
    assert ("line", "mtbench: loading") in screen.said


def test_what_the_project_logs_is_shown_while_a_run_lasts() -> None:
    screen = Screen(isatty=False)
    log = logging.getLogger("mtbench_pytest")
    with live.notices(LiveLine(lambda: screen)):
        log.info("fetching a model of %d MB", 90)
    log.info("nobody hears this")
    assert [text for kind, text in screen.said if kind == "line"] == ["mtbench: fetching a model of 90 MB"]


def test_a_terminal_that_gets_whole_lines_only(clock: SimpleNamespace) -> None:
    """xdist's controller: a test's dot may come at any time, and stands where pytest does not know of it."""
    screen = Screen(isatty=True)
    line = LiveLine(lambda: screen, column=lambda: 7, plain=True)
    line.show(Progress(1, 6, 0, 24))
    clock.now += 31
    line.show(Progress(2, 6, 0, 24))
    assert screen.said == [
        ("newline", ""),
        ("write", "\n"),
        ("line", "mtbench: 2/6 answers, 0/24 judgments, 31 s"),
    ]


def test_a_log_is_overdue_after_half_a_minute(clock: SimpleNamespace) -> None:
    lines = [
        LiveLine(lambda: Screen(isatty=False)),
        LiveLine(lambda: Screen(isatty=True)),
        LiveLine(lambda: None),
    ]
    assert [line.overdue for line in lines] == [False, False, False]
    clock.now += 30
    assert [line.overdue for line in lines] == [True, False, False]
    lines[0].show(Progress())
    assert [line.overdue for line in lines] == [False, False, False]


def test_the_line_tells_the_rates_of_what_was_shown(clock: SimpleNamespace) -> None:
    screen = Screen(isatty=True)
    line = LiveLine(lambda: screen)
    for made in range(1, 12):
        clock.now += 1
        line.show(Progress(made, 20, tokens=50 * made, answers_made=made))
    assert screen.said[-1][1] == "mtbench: 11/20 answers 50 tok/s, 0/0 judgments, 11 s, ~9 s left"
