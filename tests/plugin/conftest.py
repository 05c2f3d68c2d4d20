from __future__ import annotations

import sys

import pytest

from tests.plugin.harness import Example


@pytest.fixture
def example(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Example:
    """An empty folder with a judge and a model at hand, on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("PYTEST_ADDOPTS", "CI"):
        monkeypatch.delenv(name, raising=False)
    # A module that a test writes twice within a second would be read from its compiled file.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    return Example(pytester)


@pytest.fixture
def chat(example: Example) -> Example:
    """A bench of six questions, both sides' answers worth 8."""
    example.bench()
    example.grades([8] * 6)
    return example
