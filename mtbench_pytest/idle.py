"""What a run does with the time it waits: libraries that it will need are loaded, a piece at a time."""

from __future__ import annotations

from mtbench_pytest import languages, stats
from mtbench_pytest.libraries import loading


def use_idle_time(*, controller: bool) -> None:
    """Loads what the end of a run needs; free from the second time on.

    Args:
        controller: Whether this process decides and reports.
    """
    with loading():
        stats.warm_up()
        if controller:
            languages.warm_up()
