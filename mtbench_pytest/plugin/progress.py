"""Progress while tests wait: one live line on a terminal, a plain line now and then in a log."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import asdict
from typing import Any, Protocol

from mtbench_pytest.core.errors import StoreError
from mtbench_pytest.core.text import plain_line
from mtbench_pytest.run.progress import Meter, Progress, added, merged, progress_line
from mtbench_pytest.store.leases import Peers

_EVERY = 1.0  # seconds

Told = Mapping[str, Mapping[str, Any]]  # by bench, the fields of its progress


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


class Config(Protocol):
    """The part of pytest's config that is used."""

    option: Any
    pluginmanager: Any

    def get_verbosity(self) -> int:
        """0 unless -v or -q was given."""

    def get_terminal_writer(self) -> Any:
        """What the reporter writes through."""


class LiveLine:
    """Shows progress on a terminal. Any thread may use it that leaves the terminal alone otherwise.

    Args:
        terminal: Looks the terminal up when it is needed: it is not there yet when a session begins, and
            never on an xdist worker.
        uncaptured: Makes a context in which output reaches the terminal: while a test runs, pytest's
            capture takes even what pytest itself writes.
        column: Tells how many columns of the terminal's line are written.
        plain: A terminal, too, gets whole lines only, as a log does.

    Attributes:
        lock: Who holds it has the terminal.
    """

    def __init__(
        self,
        terminal: Callable[[], Terminal | None],
        uncaptured: Callable[[], AbstractContextManager[None]] = nullcontext,
        column: Callable[[], int] = lambda: 0,
        *,
        plain: bool = False,
    ) -> None:
        self._terminal = terminal
        self._uncaptured = uncaptured
        self._column = column
        self._plain = plain
        self._meter = Meter()
        self.lock = threading.RLock()
        self._shown = False
        self._waiting: deque[str] = deque()
        self._started = self._logged = time.monotonic()

    @classmethod
    def of(cls, config: Config) -> LiveLine:
        """That of a pytest config. xdist's controller, where tests may end at any time, gets whole lines."""
        distributed = getattr(config.option, "dist", "no") != "no"
        return cls(_terminal_of(config), _uncaptured_by(config), _column_of(config), plain=distributed)

    @property
    def wanted(self) -> bool:
        """Whether there is a terminal to show anything on."""
        return self._terminal() is not None

    @property
    def overdue(self) -> bool:
        """Whether a log waits for a line, also where no single test waits for long."""
        return self._is_log(self._terminal()) and time.monotonic() - self._logged >= _LOG_EVERY

    def show(self, progress: Progress) -> None:
        """Shows where the run stands."""
        with self.lock:
            self._catch_up()
            if (terminal := self._terminal()) is not None:
                self._show(terminal, progress, time.monotonic())

    def _show(self, terminal: Terminal, progress: Progress, now: float) -> None:
        rates = self._meter.see(now, progress)
        line = progress_line(progress, rates, now - self._started)
        if not self._is_log(terminal):
            with self._uncaptured():
                if not self._shown:
                    self._begin_line(terminal)
                terminal.rewrite(line, erase=True)
                terminal.flush()
            self._shown = True
        elif now - self._logged >= _LOG_EVERY:
            with self._uncaptured():
                self._begin_line(terminal)
                terminal.write_line(line)
                terminal.flush()
            self._logged = now

    def _is_log(self, terminal: Terminal | None) -> bool:
        return terminal is not None and (self._plain or not terminal.isatty)

    def _begin_line(self, terminal: Terminal) -> None:
        terminal.ensure_newline()
        if self._column() > 0:  # with -q and under xdist pytest forgets that its dots stand there
            terminal.write("\n")

    def say(self, line: str) -> None:
        """Writes a line that stays. Only the main thread writes, so another's line waits for it."""
        self._waiting.append(line)
        if threading.current_thread() is threading.main_thread():
            with self.lock:
                self._catch_up()

    def _catch_up(self) -> None:
        terminal = self._terminal()
        if terminal is None or not self._waiting:
            return
        self._wipe(terminal)
        with self._uncaptured():
            self._begin_line(terminal)
            while self._waiting:
                terminal.write_line(plain_line(f"mtbench: {self._waiting.popleft()}"))
            terminal.flush()

    def erase(self) -> None:
        """Takes the live line away, so that pytest writes on an empty one."""
        with self.lock:
            self._catch_up()
            if (terminal := self._terminal()) is not None:
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


def _terminal_of(config: Config) -> Callable[[], Terminal | None]:
    """Looks up a pytest config's terminal; none where the user asked for silence with -qq."""

    def look() -> Terminal | None:
        if config.get_verbosity() < -1:
            return None
        found: Terminal | None = config.pluginmanager.get_plugin("terminalreporter")
        return found

    return look


def _uncaptured_by(config: Config) -> Callable[[], AbstractContextManager[None]]:
    """Suspends a pytest config's capture, where it captures."""

    def uncaptured() -> AbstractContextManager[None]:
        manager = config.pluginmanager.get_plugin("capturemanager")
        context: AbstractContextManager[None] = (
            manager.global_and_fixture_disabled() if manager else nullcontext()
        )
        return context

    return uncaptured


def _column_of(config: Config) -> Callable[[], int]:
    """Looks up how much of its terminal's current line pytest has written."""
    return lambda: config.get_terminal_writer().width_of_current_line


class Watch:
    """Does something every second, from a thread of its own, until it is closed."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mtbench-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends it; it is not at work any more when this returns."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(_EVERY):
            self._work()


def telling(peers: Peers, look: Callable[[], Mapping[str, Progress]]) -> Watch:
    """Tells the others how far this process is, where that has changed.

    Args:
        look: Where each bench stands, by its name.
    """
    last: Told = {}

    def tell() -> None:
        nonlocal last
        told = {bench: asdict(progress) for bench, progress in look().items()}
        if told != last:
            with suppress(StoreError):  # the work itself will run into it and say so
                peers.report(told)
                last = told

    return Watch(tell)


def showing(live: LiveLine, told: Callable[[], Sequence[Told]]) -> Watch:
    """Shows how far all are.

    Args:
        told: What each process last told.
    """

    def show() -> None:
        if views := told():
            with suppress(OSError):  # nobody reads what is written
                live.show(overall(views))

    return Watch(show)


def overall(told: Sequence[Told]) -> Progress:
    """What processes told of their benches, together."""
    benches = dict.fromkeys(bench for one in told for bench in one)
    return added(merged([Progress(**one[bench]) for one in told if bench in one]) for bench in benches)
