"""syrupy's part in the exit status of a run whose failed tests do not count.

syrupy adds the status that pytest had before anybody changed it, so that a run that is excused would still
fail. What it fails for itself, unused snapshots, stays.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest


class SyrupyStatus:
    """Runs right after syrupy, which takes its turn first, and before plugins with a reason of their own.

    Args:
        excused: Whether no test failed but for questions without which the decision holds.
    """

    def __init__(self, excused: Callable[[], bool]) -> None:
        self._excused = excused

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Takes back what syrupy added."""
        if session.config.pluginmanager.has_plugin("syrupy") and self._excused():
            failed = _unused_snapshots_fail(session.config)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED if failed else pytest.ExitCode.OK


def _unused_snapshots_fail(config: pytest.Config) -> bool:
    """Whether syrupy fails the run, as its `SnapshotSession.finish` decides it."""
    syrupy = getattr(config, "_syrupy", None)
    report = getattr(syrupy, "report", None)
    if syrupy is None or report is None or not report.num_unused:
        return False
    allowed = syrupy.disable_unused_snapshots or syrupy.update_snapshots or syrupy.warn_unused_snapshots
    return not (allowed or report.unused_detection_incomplete)
