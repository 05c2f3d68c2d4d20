"""What a run does with the time it waits: libraries that it will need are loaded, a piece at a time."""

from __future__ import annotations

import sys

from mtbench_pytest import languages, stats

_TURN = 0.0005  # seconds for which this thread keeps the interpreter while another wants it


def use_idle_time(*, controller: bool) -> None:
    """Loads what the end of a run needs; free from the second time on.

    Args:
        controller: Whether this process decides and reports.
    """
    usual = sys.getswitchinterval()
    # The time is idle for this thread alone: calls to servers are under way, and by default each reply would
    # wait for 5 ms until its own thread may look at it.
    sys.setswitchinterval(_TURN)
    try:
        stats.warm_up()
        if controller:
            languages.warm_up()
    finally:
        sys.setswitchinterval(usual)
