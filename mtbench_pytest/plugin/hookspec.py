"""Hooks of mtbench-pytest for other plugins and for `conftest.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtbench_pytest import Decision, Row


@pytest.hookspec
def pytest_mtbench_row(row: Row) -> None:
    """Called for each judged question, as soon as its row is where the run is decided.

    That is the only process of a run, or pytest-xdist's controller. What a hook raises is told in the
    summary and changes nothing.

    Args:
        row: All that the run learned about the question.
    """


@pytest.hookspec
def pytest_mtbench_decided(decision: Decision, result: Mapping[str, Any]) -> None:
    """Called once for each bench, after it is decided and its report is written.

    What a hook raises is told in the summary and changes neither decision nor exit status.

    Args:
        decision: The outcome, its reasons and the figures it rests on.
        result: The same as in `result.json`, rows included.
    """
