from __future__ import annotations

import pytest

from tests.plugin.harness import Example


@pytest.fixture
def example(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Example:
    """An empty folder with a judge and a model at hand, on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("PYTEST_ADDOPTS", "CI"):
        monkeypatch.delenv(name, raising=False)
    return Example(pytester)


@pytest.fixture
def chat(example: Example) -> Example:
    """A bench of six questions, both sides' answers worth 8."""
    example.bench()
    example.grades([8] * 6)
    return example
