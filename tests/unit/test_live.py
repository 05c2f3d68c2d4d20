"""Progress: a live line for a person, now and then a plain one for a log, none where there is no terminal."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from mtbench_pytest import live
from mtbench_pytest.live import LiveLine, progress_line
from mtbench_pytest.pipeline import Progress


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


def test_the_line_says_where_the_run_stands() -> None:
    assert progress_line(Progress(3, 6, 5, 24, 0), 12.4) == "mtbench: 3/6 answers, 5/24 judgments, 12 s"
    assert "24 judgments, 2 failures, 12 s" in progress_line(Progress(3, 6, 5, 24, 2), 12)
    assert (
        progress_line(Progress(0, 6, 0, 24, 0, 310), 3)
        == "mtbench: 0/6 answers, 310 tokens, 0/24 judgments, 3 s"
    )


def test_the_line_fits_a_terminal_in_a_large_run_too() -> None:
    for tokens in (0, 12_345_678):
        assert len(progress_line(Progress(19_999, 20_000, 79_999, 80_000, 1_234, tokens), 86_400)) < 80


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
