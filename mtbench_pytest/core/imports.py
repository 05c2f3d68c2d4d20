"""Libraries imported when they are needed: some are large, some an extra brings."""

from __future__ import annotations

import atexit
import gc
import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from mtbench_pytest.core.errors import MTBenchError


@contextmanager
def loading() -> Iterator[None]:
    """Within it large libraries are imported, a fifth faster: no garbage is looked for in what stays."""
    _leave_quickly()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@cache
def _leave_quickly() -> None:
    """Spares the interpreter its last look for garbage, 0.3 s, and a second where torch was loaded."""
    atexit.register(gc.freeze)


def library(module: str, extra: str, purpose: str) -> Any:
    """Imports a module, without its warnings about itself.

    Args:
        module: Its name.
        extra: The extra of mtbench-pytest that brings it.
        purpose: What it is for, as a message begins.

    Raises:
        MTBenchError: Where it is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(module)
        except ImportError as error:
            raise MTBenchError(
                f"{purpose}: {error.name or module} is not installed; "
                f"expected pip install 'mtbench-pytest[{extra}]'"
            ) from None
