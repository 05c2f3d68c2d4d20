"""A finding that breaks changes neither the decision nor the exit status."""

from __future__ import annotations

import pytest

from tests.plugin.harness import BARE_AND_XDIST, Example

# As a language model that cannot be unpacked on a full disk, in the middle of the summary.
BROKEN = """
from mtbench_pytest.findings.collect import FINDINGS

class Languages(FINDINGS["languages"]):
    def lines(self):
        raise OSError(28, "No space left on device")
    markdown = result = lines

FINDINGS["languages"] = Languages
"""


@BARE_AND_XDIST
def test_a_regression_stays_one(example: Example, workers: tuple[str, ...]) -> None:
    example.bench()
    example.grades([2] * 6)
    example.own_process = True  # what is changed stays changed in the process
    (example.path / "conftest.py").write_text(BROKEN)
    run = example.run(*workers)
    assert (run.decision, run.status) == ("REGRESSION", 20)
    assert "languages could not be told: OSError: [Errno 28] No space left on device" in run.lines
    report = run.report()
    assert report["untold"] == {
        "languages": "languages could not be told: OSError: [Errno 28] No space left on device"
    }
    assert report["judge_fitness"]
    assert "languages could not be told" in (example.path / "mtbench-report" / "report.html").read_text(
        "utf-8"
    )


@pytest.mark.parametrize(
    ("where", "what", "told"),
    [
        ("plugin.publisher", "write_report", "report: not written: "),
        (
            "plugin.publisher",
            "suite_properties",
            "the JUnit file could not be told: ValueError: no such page",
        ),
        ("plugin.publisher", "tell_actions", "GitHub Actions could not be told: ValueError: no such page"),
        ("plugin.terminal", "summary_lines", "the summary could not be told: ValueError: no such page"),
    ],
)
def test_whoever_cannot_be_told_the_decision_stands(
    example: Example, where: str, what: str, told: str
) -> None:
    example.bench()
    example.grades([2] * 6)
    example.own_process = True
    (example.path / "conftest.py").write_text(
        f"import mtbench_pytest.{where} as module\n"
        "def broken(*_):\n    raise ValueError('no such page')\n"
        f"module.{what} = broken\n"
    )
    run = example.run("--junitxml=junit.xml")
    assert (run.decision, run.status) == ("REGRESSION", 20)
    assert [line for line in run.lines if line.startswith(told)]
