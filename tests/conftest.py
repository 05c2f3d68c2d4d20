"""Runs under test behave as on a developer's machine, also where the project's own tests run in CI."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

# Where these are set, a run writes annotations and a summary: of a test's bench, into the real job.
CI = ("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE")
# By these syrupy, for one, takes a run for a worker's, also one that a test makes within a worker.
XDIST = ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID")


@pytest.fixture(autouse=True)
def _as_started_by_hand() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in (*CI, *XDIST):
            patch.delenv(name, raising=False)
        yield
