"""pytest-xdist: the workers tell how far they are, and the controller, which has the terminal, shows it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from mtbench_pytest.core.errors import StoreError
from mtbench_pytest.plugin.progress import LiveLine
from mtbench_pytest.run.progress import Progress, added, merged
from mtbench_pytest.store.leases import Crew

_EVERY = 1.0  # seconds

Told = Mapping[str, Mapping[str, Any]]  # by bench, the fields of its progress


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


def telling(crew: Crew, look: Callable[[], Mapping[str, Progress]]) -> Watch:
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
                crew.report(told)
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
