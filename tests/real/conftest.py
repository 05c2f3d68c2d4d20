from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.gate import Gate
from tests.real.server import ChatServer


@pytest.fixture
def server() -> Iterator[ChatServer]:
    """A chat server of this test's own."""
    with ChatServer() as running:
        yield running


@pytest.fixture
def gate(pytester: pytest.Pytester) -> Gate:
    """Runs pytest inside this test's process."""
    return Gate(pytester.path, pytester)


@pytest.fixture
def process(tmp_path: Path) -> Gate:
    """Runs pytest in a process of its own, for what only shows there."""
    return Gate(tmp_path)
