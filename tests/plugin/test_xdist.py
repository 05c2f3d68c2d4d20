"""pytest-xdist: the same rows, decision and output, and nothing asked twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.plugin.harness import Example, Run

VARIED = [9, 7, 2, 8, 8, 5.5, 8, 8, 7, 9]
SAME = ("decision", "reasons", "endpoints", "categories", "rows", "candidate", "baseline", "judge", "bench")

# Lines beside the header: xdist's controller knows of no tests yet, and progress is told to who waits long.
OTHER = re.compile("early stop|judgments")

# Writes what the hooks are told.
LISTENER = """
def pytest_mtbench_row(row):
    with open("rows.log", "a") as file:
        print(row.question_id, row.grade("candidate"), row.grade("baseline"), file=file)

def pytest_mtbench_decided(decision, result):
    with open("decided.log", "a") as file:
        print(decision.bench, decision.outcome, len(result["rows"]), file=file)
"""


def properties(node: ElementTree.Element) -> dict[str | None, str | None]:
    return {found.get("name"): found.get("value") for found in node.findall("properties/property")}


def junit(path: Path) -> Any:
    """What a JUnit file holds but times, files and the order of its tests."""
    (suite,) = ElementTree.parse(path).getroot()
    cases = {
        case.get("name"): (properties(case), [(part.tag, part.get("message")) for part in case])
        for case in suite.iter("testcase")
    }
    return [suite.get(key) for key in ("tests", "failures", "errors", "skipped")], properties(suite), cases


def told(example: Example, run: Run) -> dict[str, Any]:
    """All that a run left and said, by where it stands."""
    report = example.path / "mtbench-report"
    at = next(number for number, line in enumerate(run.lines) if line.strip("= ") == "mtbench: chat")
    end = run.lines.index("chat: INCONCLUSIVE")
    words = " ".join(run.out.split())
    return {
        "status": run.status,
        "outcomes": run.outcomes,
        "result": {key: run.report()[key] for key in (*SAME, "drops", "judge_fitness", "biases", "unjudged")},
        "files": sorted(str(path.relative_to(report)) for path in report.rglob("*")),
        "grades": [words.count(f" {grade} vs 8.00 (") for grade in ("9.00", "7.00", "2.00", "8.00", "5.50")],
        "again": words.count("XFAIL 2.00 vs 8.00 (-6.00, again -6.00 -6.00, loss loss)"),
        "header": [line for line in run.lines if line.startswith("mtbench: ") and not OTHER.search(line)],
        "summary": run.lines[at:end],
        "xfails": [line for line in run.lines if line.startswith("XFAIL ")],
        "annotations": [line for line in run.lines if line.startswith("::")],
        "step": (example.path / "step_summary").read_text("utf-8"),
        "junit": junit(example.path / "out.xml"),
        "row hook": sorted((example.path / "rows.log").read_text("utf-8").splitlines()),
        "decided hook": (example.path / "decided.log").read_text("utf-8"),
    }


def test_a_run_leaves_and_says_the_same(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    """Report, terminal, JUnit file, annotations and hooks: the controller has it all from the workers."""
    example.bench(questions=10)
    example.grades(VARIED, [8] * 10)
    judge = "python:stage:judge?paid=1"
    (example.path / "conftest.py").write_text(LISTENER)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(example.path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(example.path / "step_summary"))
    options = ["--mtbench-bench=chat", "--mtbench-store=none", "-v", "-rx"]
    options += ["--junitxml=out.xml", "-o", "junit_family=xunit1"]
    bare = told(example, example.run(*options, judge=judge))
    asked = example.asked()
    assert len(asked) == len(set(asked)) == 10 * 8 + 8, "one question dropped, and is asked again"
    assert (bare["status"], bare["again"], len(bare["xfails"])) == (21, 1, 1)
    assert min(map(len, (value for value in bare.values() if not isinstance(value, int)))) > 0
    example.forget()
    for name in ("rows.log", "decided.log", "out.xml", "step_summary"):
        (example.path / name).unlink()
    spread = told(example, example.run("-n2", *options, judge=judge))
    for what, expected in bare.items():
        assert spread[what] == expected, what
    assert example.asked() == asked


def test_more_workers_than_questions(example: Example) -> None:
    example.bench(questions=1)
    example.grades([8])
    bare, spread = (example.run(*workers) for workers in ((), ("-n2",)))
    assert spread.outcomes == bare.outcomes == {"passed": 1}
    assert (spread.decision, spread.status) == (bare.decision, bare.status)


def test_no_workers_is_bare(chat: Example) -> None:
    assert chat.run("-n0").decision == "PASS"
    assert chat.run("-p", "no:xdist").decision == "PASS"
