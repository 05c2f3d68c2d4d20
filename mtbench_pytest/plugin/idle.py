"""What a run does beside its tests, best while it waits: libraries are loaded that the decision will need."""

from __future__ import annotations

import threading
from functools import cache

from mtbench_pytest.bench import languages
from mtbench_pytest.core.imports import loading
from mtbench_pytest.gate import stats


@cache
def use_idle_time(*, controller: bool) -> None:
    """Starts to load what the end of a run needs, once; returns at once, for results may come any time.

    Args:
        controller: Whether this process decides and reports.
    """
    threading.Thread(target=_load, args=(controller,), name="mtbench-idle").start()


def _load(controller: bool) -> None:
    with loading():
        stats.warm_up()
        if controller:
            languages.warm_up()
