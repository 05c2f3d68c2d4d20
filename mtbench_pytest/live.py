"""Progress while tests wait: one live line on a terminal, a plain line now and then in a log."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from mtbench_pytest.pipeline import Progress

_LOG_EVERY = 30.0  # seconds
_WIDTH = 80  # columns; a longer line would wrap, and a wrapped one cannot be rewritten


class Terminal(Protocol):
    """The part of pytest's terminal reporter that is used."""

    @property
    def isatty(self) -> bool:
        """Whether a person watches."""

    def ensure_newline(self) -> None:
        """Ends the line that is being written; pytest writes its beginning again when it goes on."""

    def rewrite(self, line: str, **markup: bool) -> None:
        """Writes over the current line."""

    def write(self, content: str, *, flush: bool = False, **markup: bool) -> None:
        """Writes as it stands."""

    def write_line(self, line: str | bytes, **markup: bool) -> None:
        """Writes a line."""

    def flush(self) -> None:
        """Hands what was written to the terminal."""


class LiveLine:
    """Shows progress on a terminal.

    Args:
        terminal: Looks the terminal up when it is needed: it is not there yet when a session begins, and
            never on an xdist worker.
        uncaptured: Makes a context in which output reaches the terminal: while a test runs, pytest's
            capture takes even what pytest itself writes.
    """

    def __init__(
        self,
        terminal: Callable[[], Terminal | None],
        uncaptured: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._terminal = terminal
        self._uncaptured = uncaptured
        self._shown = False
        self._waiting: deque[str] = deque()
        self._started = self._logged = time.monotonic()

    def show(self, progress: Progress) -> None:
        """Shows where the run stands."""
        self._catch_up()
        terminal = self._terminal()
        if terminal is None:
            return
        now = time.monotonic()
        line = progress_line(progress, now - self._started)
        if terminal.isatty:
            with self._uncaptured():
                if not self._shown:
                    terminal.ensure_newline()
                terminal.rewrite(line, erase=True)
                terminal.flush()
            self._shown = True
        elif now - self._logged >= _LOG_EVERY:
            with self._uncaptured():
                terminal.ensure_newline()
                terminal.write_line(line)
                terminal.flush()
            self._logged = now

    def say(self, line: str) -> None:
        """Writes a line that stays. Only the main thread writes, so another's line waits for it."""
        self._waiting.append(line)
        if threading.current_thread() is threading.main_thread():
            self._catch_up()

    def _catch_up(self) -> None:
        terminal = self._terminal()
        if terminal is None or not self._waiting:
            return
        self._wipe(terminal)
        with self._uncaptured():
            terminal.ensure_newline()
            while self._waiting:
                terminal.write_line(f"mtbench: {self._waiting.popleft()}")
            terminal.flush()

    def erase(self) -> None:
        """Takes the live line away, so that pytest writes on an empty one."""
        self._catch_up()
        terminal = self._terminal()
        if terminal is not None:
            self._wipe(terminal)

    def _wipe(self, terminal: Terminal) -> None:
        if self._shown:
            with self._uncaptured():
                terminal.rewrite("", erase=True)
                terminal.write("\r", flush=True)
        self._shown = False


class Notices(logging.Handler):
    """Shows what the project logs on the terminal: a model being fetched, a batch that had to be halved."""

    def __init__(self, live: LiveLine) -> None:
        super().__init__(logging.INFO)
        self._live = live

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the message, without a traceback."""
        self._live.say(record.getMessage())


@contextmanager
def notices(live: LiveLine) -> Iterator[None]:
    """Within it, what the project logs is shown."""
    logger, handler = logging.getLogger("mtbench_pytest"), Notices(live)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def progress_line(progress: Progress, elapsed: float) -> str:
    """Where the run stands, in under 80 columns."""
    failures = f", {progress.failures} failures" if progress.failures else ""
    tokens = f", {progress.tokens} tokens" if progress.tokens else ""
    answers = f"mtbench: {progress.answers}/{progress.answers_total} answers"
    rest = f", {progress.judgments}/{progress.judgments_total} judgments{failures}, {elapsed:.0f} s"
    line = f"{answers}{tokens}{rest}"
    return line if len(line) < _WIDTH else f"{answers}{rest}"
