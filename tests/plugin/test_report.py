"""`--mtbench-report`: the folder that a run leaves behind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.plugin.harness import Example

PYTESTERS = {"stdout", "stderr"}  # written by the harness


def test_the_folder_holds_results_and_fastchats_files(chat: Example) -> None:
    chat.grades([9, 7, 2, 8, 8, 5.5])
    run = chat.run("--mtbench-report=out/here")
    folder = chat.path / "out" / "here"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {
        "result.json",
        "report.md",
        "report.html",
        "model_answer/new.jsonl",
        "model_answer/old.jsonl",
        "model_judgment/scripted-judge_single.jsonl",
        "model_judgment/scripted-judge_regraded.jsonl",
        "model_judgment/scripted-judge_pair.jsonl",
    }
    report = run.report("out/here")
    assert report["schema_version"] == 1
    assert [row["difference"] for row in report["rows"]] == [1, -1, -6, 0, 0, -2.5]
    for party, name in (("candidate", "new"), ("baseline", "old"), ("judge", "scripted-judge")):
        assert report[party]["name"] == name
        assert report[party]["identity"]["kind"]
    singles = (folder / "model_judgment" / "scripted-judge_single.jsonl").read_text().splitlines()
    assert [json.loads(line)["question_id"] for line in singles] == sorted([*range(1, 7)] * 4)
    assert "# chat: INCONCLUSIVE" in (folder / "report.md").read_text()
    assert "report: out/here/report.html" in run.lines


def test_a_folder_that_cannot_be_a_folder_is_refused_before_anything_is_spent(chat: Example) -> None:
    (chat.path / "blocked").write_text("a file, not a folder")
    run = chat.run("--mtbench-report=blocked/here")
    run.refused("blocked/here: ", "blocked is no folder", "another --mtbench-report")
    assert not chat.asked()


def test_a_folder_that_cannot_be_written_at_the_end_is_told_and_the_status_stays(chat: Example) -> None:
    (chat.path / "conftest.py").write_text(
        "from pathlib import Path\n"
        "def pytest_runtest_teardown(): Path('blocked').touch()  # a file, not a folder\n"
    )
    chat.grades([6] * 6)
    run = chat.run("--mtbench-report=blocked")
    assert run.status == 20
    assert run.decision == "REGRESSION"
    told = " ".join(run.out.split())
    assert "report: not written" in told
    assert "blocked" in told
    assert "Traceback" not in run.out
    assert "INTERNALERROR" not in run.out


def test_files_of_an_earlier_run_are_not_mixed_with_this_ones(chat: Example) -> None:
    """What show_result.py would read must be this run, whatever models and judge there were before."""
    chat.run()
    chat.answers("newer", [8] * 6)
    chat.run(candidate="answers:newer.jsonl")
    answers = {path.name for path in (chat.path / "mtbench-report" / "model_answer").iterdir()}
    assert answers == {"newer.jsonl", "old.jsonl"}


def test_no_other_file_is_written(chat: Example) -> None:
    before = {path.name for path in chat.path.iterdir()}
    chat.run("-p", "no:cacheprovider")
    after = {path.name for path in chat.path.iterdir()}
    assert after - before - PYTESTERS <= {"mtbench-report", "asked.log", "__pycache__", "runpytest-0"}


def test_the_default_folder_is_where_pytest_was_started(
    chat: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(chat.path / "chat")
    monkeypatch.setenv("PYTHONPATH", os.fspath(chat.path))
    run = chat.run(candidate="answers:../new.jsonl", baseline="answers:../old.jsonl")
    assert run.status == 0, run.out + run.err
    assert Path("mtbench-report/result.json").is_file()
