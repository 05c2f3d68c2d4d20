"""A question that drops past its margin is asked again: what stands, what it costs and where it is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mtbench_pytest.cli import main
from tests.plugin.harness import STRICT, Example

MILD = ("--mtbench-margin=9", "--mtbench-pairwise=off")
STANDS = "python:stage:judge?paid=1&later=1,2"
FALLS = "python:stage:judge?paid=1&later=7,2"
# Both sides of question 3.
TWICE_MORE = [f"grade 3 {turn} {who} {n}" for turn in (1, 2) for who in ("new", "old") for n in (2, 3)]


@pytest.fixture
def dropped(chat: Example) -> Example:
    """Question 3 drops."""
    chat.grades([8, 8, 2.5, 8, 8, 8])
    return chat


def again(example: Example) -> list[str]:
    """What the judge was asked for the second and third time."""
    return [line for line in example.asked("grade") if len(line.split()) > 4]


def test_a_drop_that_a_further_grading_does_not_show_does_not_stand(dropped: Example) -> None:
    run = dropped.run(*MILD, judge=FALLS)
    assert (run.outcomes, run.decision, run.status) == ({"passed": 6}, "PASS", 0)
    told = " ".join(run.out.split())
    assert "question drops: 1 past the question margin, of which 0 stand" in told
    expected = "asked again: 7.00 against 8.00 (-1.00), 2.00 against 8.00 (-6.00)"
    assert f"writing-3: -5.50, {expected}: does not stand" in told
    assert again(dropped) == TWICE_MORE
    assert len(dropped.asked()) == len(set(dropped.asked())) == 6 * 4 + 8
    report = run.report()
    assert report["drops"] == [
        {
            "question_id": 3,
            "category": "writing",
            "difference": -5.5,
            "margin": 5.0,
            "stands": False,
            "again": [
                {"repeat": 2, "candidate": 7.0, "baseline": 8.0, "difference": -1.0},
                {"repeat": 3, "candidate": 2.0, "baseline": 8.0, "difference": -6.0},
            ],
        }
    ]
    assert report["rows"][2]["again"] == report["drops"][0]["again"]
    folder = dropped.path / "mtbench-report"
    for name in ("report.md", "report.html"):
        text = (folder / name).read_text("utf-8")
        assert "Asked again" in text
        assert "does not stand" in text
    assert "asked again, graded 7, 2" in (folder / "report.html").read_text("utf-8")


@pytest.mark.parametrize(("paid", "asked"), [("paid=1&", 0), ("", 32)], ids=["paid", "free"])
def test_a_second_run_asks_again_only_what_is_free(dropped: Example, paid: str, asked: int) -> None:
    judge = FALLS.replace("paid=1&", paid)
    rows = dropped.run(*MILD, judge=judge).report()["rows"]
    assert again(dropped) == TWICE_MORE
    dropped.forget()
    assert dropped.run(*MILD, judge=judge).report()["rows"] == rows
    assert len(dropped.asked()) == asked


def test_it_is_part_of_no_figure_but_the_drop(dropped: Example) -> None:
    def figures(judge: str) -> list[Any]:
        report = dropped.run(*MILD, judge=judge).report()
        facts = [report[key] for key in ("decision", "endpoints", "categories", "collapses", "judge_fitness")]
        return [*facts, [(row["difference"], row["candidate"], row["failures"]) for row in report["rows"]]]

    assert figures(FALLS) == figures(STANDS) == figures("python:stage:judge?paid=1&later=fail,fail")


def test_numbers_go_on_after_the_runs_own_repeats(dropped: Example) -> None:
    dropped.run(*MILD, "--mtbench-judge-repeats=2", judge="python:stage:judge?paid=1&later=2,7,7")
    third = [line for line in again(dropped) if line.endswith((" 3", " 4"))]
    assert len(third) == 8
    assert all(line.startswith("grade 3 ") for line in third)


def test_a_further_grading_that_fails_leaves_the_question_judged_and_is_told(dropped: Example) -> None:
    run = dropped.run(*MILD, judge="python:stage:judge?later=fail,fail")
    assert (run.outcomes, run.decision, run.status) == ({"passed": 5, "xfailed": 1}, "PASS", 0)
    told = " ".join(run.out.split())
    expected = "4 of the further judgments could not be had (the judge was at lunch); the first grade stands"
    assert f"writing-3: -5.50, {expected}: stands" in told
    assert "failures: none" in run.lines
    assert expected in (dropped.path / "mtbench-report" / "report.md").read_text("utf-8")
    row = run.report()["rows"][2]
    assert [failure["repeat"] for failure in row["regrade_failures"]] == [2, 3, 2, 3]


def test_a_judge_that_cannot_repeat_says_so(chat: Example) -> None:
    lines = [
        {"question_id": n, "category": "writing", "turns": ["Hello."], "checks": [[{"contains": "good"}]]}
        for n in range(1, 7)
    ]
    chat.write_lines(chat.path / "chat" / "question.jsonl", lines)
    for name, words in (("new", ["good"] * 5 + ["bad"]), ("old", ["good"] * 6)):
        answers = [{"question_id": n, "choices": [{"turns": [word]}]} for n, word in enumerate(words, 1)]
        chat.write_lines(chat.path / f"{name}.jsonl", answers)
    run = chat.run(*MILD, judge="checks")
    assert (run.outcomes, run.status) == ({"passed": 5, "xfailed": 1}, 0)
    told = " ".join(run.out.split())
    assert "the judge cannot grade it again; the first grade stands: stands" in told


def test_recorded_judgments_stand_and_further_ones_are_used_where_they_are(dropped: Example) -> None:
    dropped.run(judge=FALLS)
    parties = {
        "candidate": "answers:mtbench-report/model_answer/new.jsonl",
        "baseline": "answers:mtbench-report/model_answer/old.jsonl",
    }
    folder = dropped.path / "mtbench-report" / "model_judgment"
    run = dropped.run(*MILD, "--mtbench-report=whole", judge=f"judgments:{folder}", **parties)
    assert (run.outcomes, run.report("whole")["drops"][0]["stands"]) == ({"passed": 6}, False)
    assert "of which the first" not in run.out, "these are no repeats"
    (folder / "scripted-judge_regraded.jsonl").unlink()
    run = dropped.run(*MILD, "--mtbench-report=first", judge=f"judgments:{folder}", **parties)
    assert (run.outcomes, run.report("first")["drops"][0]["stands"]) == ({"passed": 5, "xfailed": 1}, True)


def test_fastchats_files_have_them_apart(dropped: Example, capsys: pytest.CaptureFixture[str]) -> None:
    """FastChat's `show_result.py` takes every line of a single file into its means."""
    dropped.run(*MILD, judge=FALLS)
    folder = dropped.path / "mtbench-report" / "model_judgment"
    lines = [json.loads(line) for line in (folder / "scripted-judge_regraded.jsonl").read_text().splitlines()]
    assert [(line["model"], line["turn"], line["repeat"], line["score"]) for line in lines] == [
        ("new", 1, 2, 7), ("new", 1, 3, 2), ("new", 2, 2, 7), ("new", 2, 3, 2),
        ("old", 1, 2, 8), ("old", 1, 3, 8), ("old", 2, 2, 8), ("old", 2, 3, 8),
    ]  # fmt: skip
    assert all(
        "repeat" not in line for line in (folder / "scripted-judge_single.jsonl").read_text().splitlines()
    )
    assert main(["show", str(folder)]) == 0
    whole = capsys.readouterr().out
    assert main(["show", str(folder / "scripted-judge_single.jsonl")]) == 0
    assert capsys.readouterr().out.splitlines()[-6:] == whole.splitlines()[-6:]


def test_they_are_recorded_and_replayed(dropped: Example) -> None:
    live = dropped.run(*MILD, "--mtbench-record=new", judge=FALLS)
    path = dropped.path / "snapshots" / "chat" / "3.json"
    turn = json.loads(path.read_text("utf-8"))["candidate"]["answers"][0]["turns"][0]
    assert [(one["repeat"], one["grade"]) for one in turn["regraded"]] == [(2, 7), (3, 2)]
    assert len(turn["grades"]) == 1
    _forget_all(dropped)
    # Without the store, what is recorded is not asked for again.
    same = dropped.run(*MILD, "--mtbench-record=new", judge=FALLS)
    assert (dropped.asked("grade"), same.report()["rows"]) == ([], live.report()["rows"])
    (dropped.path / "stage.py").write_text("raise ImportError('nobody is to be asked')")
    replay = dropped.run(*MILD, "--mtbench-record=none", judge=FALLS)
    assert (replay.outcomes, replay.status) == ({"passed": 6}, 0)
    assert replay.report()["drops"] == live.report()["drops"]


def test_a_recording_without_them_has_the_first_grade_stand(dropped: Example) -> None:
    dropped.run(*MILD, "--mtbench-record=new", judge="python:stage:judge?paid=1&later=fail,fail")
    run = dropped.run(*MILD, "--mtbench-record=none", judge="python:stage:judge?paid=1&later=fail,fail")
    assert run.outcomes == {"passed": 5, "xfailed": 1}
    assert "the judge cannot grade it again" in " ".join(run.out.split())


def test_a_drop_that_stands_fails_its_test_where_that_is_wished(dropped: Example) -> None:
    run = dropped.run(*MILD, STRICT, judge=STANDS)
    assert (run.outcomes, run.status) == ({"passed": 5, "failed": 1}, 1)
    asked = "asked again: 1.00 against 8.00 (-7.00), 2.00 against 8.00 (-6.00)"
    assert any(line.startswith("E ") and asked in line for line in run.lines)


def test_they_are_no_grades_of_a_blessed_baseline(dropped: Example) -> None:
    dropped.run(*MILD, judge=STANDS)
    run, into = dropped.path / "mtbench-report", dropped.path / "blessed"
    assert main(["bless", str(run), "--as", "v1", "--into", str(into)]) == 0
    lines = next((into / "v1" / "model_judgment").glob("*.jsonl")).read_text("utf-8").splitlines()
    assert len(lines) == 12


def test_junit_says_what_came_out(dropped: Example) -> None:
    dropped.run(*MILD, "--junitxml=out.xml", judge=STANDS)
    root = ElementTree.parse(dropped.path / "out.xml").getroot()
    (case,) = [case for case in root.iter("testcase") if case.get("name") == "test_question[writing-3]"]
    (again,) = [p.get("value") for p in case.iter("property") if p.get("name") == "mtbench_again"]
    assert again == "-7.00, -6.00"
    skipped = case.find("skipped")
    assert skipped is not None
    assert skipped.get("type") == "pytest.xfail"
    assert "asked again: 1.00 against 8.00 (-7.00)" in skipped.get("message", "")


def test_only_drops_that_stand_are_annotated(chat: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(chat.path))
    chat.grades([8, 8, 2.5, 8, 8, 8])
    run = chat.run(*MILD, judge=FALLS)
    assert not [line for line in run.lines if line.startswith("::warning")]
    run = chat.run(*MILD, "--mtbench-store=none", judge=STANDS)
    (told,) = [line for line in run.lines if line.startswith("::warning")]
    assert "asked again: 1.00 against 8.00 (-7.00), 2.00 against 8.00 (-6.00)" in told


def _forget_all(example: Example) -> None:
    for path in Path(example.path / ".mtbench").glob("store.db*"):
        path.unlink()
    example.forget()
