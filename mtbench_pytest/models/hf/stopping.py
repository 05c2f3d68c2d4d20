"""Ending an answering that was asked to stop."""

from __future__ import annotations

import threading

from mtbench_pytest.core.errors import ModelError


def check(stop: threading.Event, name: str) -> None:
    """Goes on unless asked to stop.

    Raises:
        ModelError: Where `stop` is set.
    """
    if stop.is_set():
        raise ModelError(f"{name}: closed while it was answering")
