from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real.server import ChatServer


@pytest.fixture
def server() -> Iterator[ChatServer]:
    """A chat server of this test's own."""
    with ChatServer() as running:
        yield running
