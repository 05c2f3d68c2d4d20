"""Libraries imported when they are needed: some are large, some an extra brings."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from mtbench_pytest.core.errors import MTBenchError


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
