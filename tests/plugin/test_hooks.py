"""Hooks that another plugin, or a conftest.py, may have."""

from __future__ import annotations

import json

from tests.plugin.harness import Example

LISTENER = """
import json

def pytest_mtbench_row(row):
    with open("rows.log", "a") as file:
        print(row.question_id, row.grade("candidate"), row.grade("baseline"), file=file)

def pytest_mtbench_decided(decision, result):
    with open("decided.jsonl", "a") as file:
        print(json.dumps([decision.bench, decision.outcome, result]), file=file)
"""
BROKEN = """
def pytest_mtbench_row(row):
    raise LookupError("no place for rows")

def pytest_mtbench_decided(decision, result):
    raise ConnectionError("the registry is down")
"""


def test_each_row_and_the_decision_are_told_once(chat: Example) -> None:
    (chat.path / "conftest.py").write_text(LISTENER)
    run = chat.run()
    report = run.report()
    told = sorted((chat.path / "rows.log").read_text().splitlines())
    assert told == sorted(
        f"{row['question_id']} {row['candidate']['grade']} {row['baseline']['grade']}"
        for row in report["rows"]
    )
    ((bench, outcome, result),) = map(json.loads, (chat.path / "decided.jsonl").read_text().splitlines())
    assert (bench, outcome) == ("chat", report["decision"])
    assert result["rows"] == report["rows"]
    assert result["endpoints"] == report["endpoints"]


def test_a_hook_that_breaks_changes_nothing_and_is_told(chat: Example) -> None:
    plain = chat.run()
    (chat.path / "conftest.py").write_text(BROKEN)
    run = chat.run()
    assert run.status == plain.status
    assert "pytest_mtbench_row failed: LookupError: no place for rows" in run.out
    assert "pytest_mtbench_decided failed: ConnectionError: the registry is down" in run.out
