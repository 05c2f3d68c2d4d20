"""Progress while tests wait: one live line on a terminal, a plain line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from mtbench_pytest.pipeline import Progress

_LOG_EVERY = 30.0  # seconds


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
        self._started = self._logged = time.monotonic()

    def show(self, progress: Progress) -> None:
        """Shows where the run stands."""
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

    def erase(self) -> None:
        """Takes the live line away, so that pytest writes on an empty one."""
        terminal = self._terminal()
        if self._shown and terminal is not None:
            with self._uncaptured():
                terminal.rewrite("", erase=True)
                terminal.write("\r", flush=True)
        self._shown = False


def progress_line(progress: Progress, elapsed: float) -> str:
    """Where the run stands, in under 80 columns."""
    failures = f", {progress.failures} failures" if progress.failures else ""
    return (
        f"mtbench: {progress.answers}/{progress.answers_total} answers, "
        f"{progress.judgments}/{progress.judgments_total} judgments{failures}, {elapsed:.0f} s"
    )


def terminal_of(config: Any) -> Callable[[], Terminal | None]:
    """Looks up a pytest config's terminal; none where the user asked for silence with -qq."""

    def look() -> Terminal | None:
        if config.get_verbosity() < -1:
            return None
        found: Terminal | None = config.pluginmanager.get_plugin("terminalreporter")
        return found

    return look


def uncaptured_by(config: Any) -> Callable[[], AbstractContextManager[None]]:
    """Suspends a pytest config's capture, where it captures."""

    def uncaptured() -> AbstractContextManager[None]:
        manager = config.pluginmanager.get_plugin("capturemanager")
        context: AbstractContextManager[None] = (
            manager.global_and_fixture_disabled() if manager else nullcontext()
        )
        return context

    return uncaptured
