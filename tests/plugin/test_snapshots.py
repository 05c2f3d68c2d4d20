"""`assert mtbench_judged == judge_snapshot`, by syrupy: compared, updated, and cleaned up after."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.plugin.harness import Example, Run

ASSERTS = """
def test_question(mtbench_judged, judge_snapshot):
    assert mtbench_judged == judge_snapshot
"""


@pytest.fixture
def suite(example: Example) -> Example:
    """A suite whose test compares with snapshots."""
    example.syrupy = True
    bench = example.bench("suites/chat")
    (bench / "test_chat.py").write_text(ASSERTS)
    example.grades([8] * 6)
    return example


def files(example: Example) -> dict[str, bytes]:
    folder = example.path / "snapshots" / "chat"
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def counts(run: Run) -> str:
    """syrupy's own line."""
    lines = list(run.lines)
    return lines[next(n for n, line in enumerate(lines, 1) if "snapshot report summary" in line)]


def test_without_a_snapshot_a_test_fails(suite: Example) -> None:
    run = suite.run("-k", "1")
    assert (run.status, run.outcomes["failed"]) == (1, 1)
    assert "--snapshot-update or --mtbench-record new writes it" in run.out
    assert files(suite) == {}, "nothing is written unasked"


def test_update_writes_and_then_all_pass(suite: Example) -> None:
    first = suite.run("--snapshot-update")
    assert (first.outcomes, first.status) == ({"passed": 6}, 0)
    assert counts(first) == "6 snapshots generated."
    written = files(suite)
    assert sorted(written) == [f"{number}.json" for number in range(1, 7)]
    again = suite.run()
    assert (again.status, counts(again)) == (0, "6 snapshots passed.")
    suite.run("--snapshot-update")
    assert files(suite) == written, "the same again changes no byte"


def test_a_change_is_shown_and_updated(suite: Example) -> None:
    suite.run("--snapshot-update")
    before = files(suite)
    suite.grades([8, 8, 6, 8, 8, 8])
    run = suite.run("-vv")
    assert (run.outcomes["failed"], run.outcomes["passed"]) == (1, 5)
    told = [line[1:].strip() for line in run.lines if line.startswith("E ")]
    headline, *details = told
    assert headline.endswith("assert [+ received] == [- snapshot snapshots/chat/3.json]")
    assert details[:5] == [
        "turn 1, candidate: the answer changed, grade 8 -> 6 (-2)",
        "- line 1: new on 3 in turn 1, worth 8",
        "+ line 1: new on 3 in turn 1, worth 6",
        "- the judge: Reasons for new. Rating: [[8]]",
        "+ the judge: Reasons for new. Rating: [[6]]",
    ]
    assert [line for line in details if line.startswith("turn 2")] == [
        "turn 2, candidate: the answer changed, grade 8 -> 6 (-2)",
        "turn 2, game 1 (candidate first): winner tie -> baseline",
        "turn 2, game 2 (baseline first): winner tie -> baseline",
    ]
    assert files(suite) == before
    failed_first = suite.run("--lf", "--snapshot-update")
    assert (failed_first.outcomes, counts(failed_first)) == ({"passed": 1}, "1 snapshot updated.")
    assert {name for name, text in files(suite).items() if text != before[name]} == {"3.json"}


@pytest.mark.parametrize(("tolerance", "failed"), [("0.5", 1), ("1", 0)])
def test_a_tolerance(suite: Example, tolerance: str, failed: int) -> None:
    """The judge grades otherwise: the answers are the same."""
    suite.run("--snapshot-update")
    path = suite.path / "snapshots" / "chat" / "2.json"
    path.write_text(path.read_text().replace('"grade": 8', '"grade": 7').replace("[[8]]", "[[7]]"))
    run = suite.run(f"--mtbench-snapshot-tolerance={tolerance}")
    assert run.outcomes.get("failed", 0) == failed
    if failed:
        assert "turn 1, candidate: grade 7 -> 8 (+1) for the same answer and prompt" in run.out


def test_a_damaged_snapshot_is_told_and_replaced(suite: Example) -> None:
    suite.run("--snapshot-update")
    path = suite.path / "snapshots" / "chat" / "2.json"
    path.write_text("<<<<<<< HEAD\n" + path.read_text())
    run = suite.run()
    assert run.outcomes["failed"] == 1
    assert "snapshot of question 2:1: not JSON; expected a snapshot of schema 1" in run.out
    assert suite.run("--snapshot-update").status == 0
    json.loads(path.read_text())


def unused_snapshot_told(suite: Example, *workers: str) -> Path:
    """Adds a snapshot of no question to good ones, and a run that fails for it; returns its path."""
    unused = suite.path / "snapshots" / "chat" / "9.json"
    unused.write_text("{}")
    run = suite.run(*workers)
    assert (run.status, run.outcomes, run.decision) == (1, {"passed": 6}, "PASS")
    assert "snapshots/chat: 9.json of no question of the bench; --snapshot-update deletes" in run.out
    assert counts(run) == "6 snapshots passed."
    return unused


def test_workers_update_and_compare(suite: Example) -> None:
    first = suite.run("-n2", "--snapshot-update")
    assert (first.outcomes, first.status) == ({"passed": 6}, 0)
    assert counts(first) == "6 snapshots generated."
    assert len(files(suite)) == 6
    unused_snapshot_told(suite, "-n2")


def test_a_snapshot_of_no_question(suite: Example) -> None:
    suite.run("--snapshot-update")
    unused = unused_snapshot_told(suite)
    assert suite.run("--snapshot-warn-unused").status == 0
    suite.run("--snapshot-update", "-k", "travel")
    suite.run("--snapshot-update", "--snapshot-no-cleanup")
    assert unused.exists(), "a part of the bench deletes nothing, nor who is told not to"
    assert suite.run("--snapshot-update", "--mtbench-sample=2").outcomes == {"passed": 2}
    assert not unused.exists()
    assert len(files(suite)) == 6, "what a sample leaves out is no less a question's"


def test_anything_else_is_not_compared(suite: Example) -> None:
    test = suite.path / "suites" / "chat" / "test_chat.py"
    test.write_text(ASSERTS.replace("mtbench_judged ==", "mtbench_judged.candidate =="))
    run = suite.run("-k", "1", "--snapshot-update")
    assert run.outcomes["failed"] == 1
    assert "TypeError: judge_snapshot: <new: grade 8.00>; expected the mtbench_judged of" in run.out
    assert files(suite) == {}


def test_without_syrupy(suite: Example) -> None:
    run = suite.run("-k", "1", "-p", "no:syrupy")
    assert run.outcomes["errors"] == 1
    assert "judge_snapshot needs syrupy: pip install 'mtbench-pytest[snapshots]'" in run.out


def test_snapshots_of_other_tests_are_syrupys(suite: Example) -> None:
    """Beside ours it does what it always does, and its exit status is kept."""
    other = suite.path / "test_other.py"
    tests = [f"def test_{name}(snapshot):\n    assert 1 == snapshot\n" for name in "ab"]
    other.write_text("\n".join(tests))
    assert suite.run("--snapshot-update").status == 0
    assert counts(suite.run()) == "8 snapshots passed."
    other.write_text(tests[0])
    run = suite.run()
    assert (run.decision, run.status) == ("PASS", 1)
    assert counts(run) == "7 snapshots passed. 1 snapshot unused."
