"""Runs under test behave as on a developer's machine, also where the project's own tests run in CI."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

# Where these are set, a run writes annotations and a summary: of a test's bench, into the real job.
CI = ("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE")


@pytest.fixture(scope="session", autouse=True)
def _on_no_ci() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in CI:
            patch.delenv(name, raising=False)
        yield
