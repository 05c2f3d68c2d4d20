"""Several `--mtbench-judge`: each question counts the mean of the judges; one that cannot go on leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.cli.bless import bless
from tests.plugin.harness import BARE_AND_XDIST, Example, Run


def judge(name: str, **how: str) -> str:
    """A judge's spec: it costs something, and is off by `wobble` points."""
    return "python:stage:judge?" + "&".join(f"{key}={value}" for key, value in {"name": name, **how}.items())


STRICT, FAIR, MILD = (
    judge(name, wobble=off, paid="1") for name, off in zip("abc", ("-1", "0", "1"), strict=True)
)
PANEL = (STRICT, FAIR, MILD)


def panel(run: Run) -> dict[str, dict[str, Any]]:
    """By name what the result says of each judge."""
    return {one["name"]: one for one in run.report()["panel"]["judges"]}


def told(run: Run) -> str:
    """The summary without its line breaks."""
    return " ".join(run.out.split())


# What counts.


@BARE_AND_XDIST
def test_a_question_counts_the_mean_of_the_judges(chat: Example, workers: tuple[str, ...]) -> None:
    """The judges of the command line, in place of those that `addopts` has."""
    (chat.path / "pytest.ini").write_text("[pytest]\naddopts = --mtbench-judge=checks\n")
    chat.grades([7] * 6, [8] * 6)
    run = chat.run(*workers, judge=[judge("a", paid="1"), judge("b", wobble="-3", paid="1"), judge("free")])
    assert run.outcomes == {"passed": 6}, run.out
    (first, *_) = run.report()["rows"]
    assert (first["candidate"]["grade"], first["baseline"]["grade"], first["difference"]) == (6, 7, -1)
    assert {name: own["baseline"] for name, own in first["judges"].items()} == {"a": 8, "b": 5, "free": 8}
    assert first["score"] == 0
    assert [sum(line.endswith(f" {name}") for line in chat.asked()) for name in "ab"] == [6 * 8] * 2, (
        "nobody asks a judge twice that costs something"
    )
    files = run.report()["files"]
    expected = [
        f"model_judgment/{name}_{kind}.jsonl" for name in ("a", "b", "free") for kind in ("pair", "single")
    ]
    assert [name for name in files if name.startswith("model_judgment")] == expected
    lines = (chat.path / "mtbench-report" / "model_judgment" / "b_single.jsonl").read_text().splitlines()
    assert {json.loads(line)["judge"][0] for line in lines} == {"b"}
    assert len(lines) == 6 * 2 * 2


def test_header_and_summary_name_every_judge(chat: Example) -> None:
    run = chat.run("-v", judge=PANEL)
    head = " ".join(line for line in run.lines if line.startswith("mtbench: "))
    assert all(f"judge {spec}" in head for spec in PANEL)
    assert "candidate new, baseline old, judge a, b, c" in run.lines
    assert "panel: a alone PASS; b alone PASS; c alone PASS" in told(run)
    assert "panel: no judge alone decides it" in run.lines
    assert "judge b: not calibrated" in told(run)
    assert "8.00 vs 8.00 (+0.00, tie/tie/tie tie/tie/tie)" in run.out


def test_two_of_one_name_are_told_apart(chat: Example) -> None:
    run = chat.run(judge=["python:stage:judge", "python:stage:judge?wobble=1"])
    assert list(panel(run)) == ["scripted-judge", "scripted-judge-2"]
    assert run.report()["rows"][0]["judges"]["scripted-judge-2"]["baseline"] == 9
    assert "model_judgment/scripted-judge-2_single.jsonl" in run.report()["files"]


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (FAIR, FAIR),
        (FAIR, "python:stage:judge?paid=1&wobble=0&name=b"),
        ("openai:gpt-4o", "openai:gpt-4o?name=other"),
        ("checks", "checks"),
    ],
)
def test_the_same_judge_twice_is_refused(chat: Example, first: str, again: str) -> None:
    chat.run(judge=[first, again]).refused(f"--mtbench-judge {again}", "given twice", "each one once")


def test_one_judge_is_no_panel(chat: Example) -> None:
    run = chat.run()
    report = run.report()
    assert "panel" not in report
    assert "judges" not in report["rows"][0]
    assert not any(line.startswith("panel") for line in run.lines)


# Where it stands: the nearest place binds.


@pytest.mark.parametrize(
    ("addopts", "environment", "command_line", "expected"),
    [
        ((STRICT, FAIR), (), (), "ab"),
        ((STRICT, FAIR), (), (MILD,), "c"),
        ((STRICT,), (), (FAIR, MILD), "bc"),
        ((STRICT,), (FAIR,), (), "b"),
        ((STRICT,), (FAIR,), (MILD,), "c"),
        ((), (FAIR,), (MILD, STRICT), "ca"),
    ],
)
def test_the_command_line_replaces_what_addopts_say(
    chat: Example,
    monkeypatch: pytest.MonkeyPatch,
    addopts: tuple[str, ...],
    environment: tuple[str, ...],
    command_line: tuple[str, ...],
    expected: str,
) -> None:
    options = [" ".join(f"--mtbench-judge {spec}" for spec in specs) for specs in (addopts, environment)]
    (chat.path / "pytest.ini").write_text(f"[pytest]\naddopts = {options[0]}\nmtbench_judge = checks\n")
    monkeypatch.setenv("PYTEST_ADDOPTS", options[1])
    run = chat.run(judge=command_line)
    assert run.status == 0, run.out + run.err
    assert run.report()["judge"]["name"] == ", ".join(expected)


def test_judges_in_a_file_of_arguments(chat: Example) -> None:
    (chat.path / "options.txt").write_text(f"--mtbench-judge={FAIR}\n--mtbench-judge={MILD}\n")
    (chat.path / "pytest.ini").write_text(f"[pytest]\naddopts = --mtbench-judge={STRICT}\n")
    assert list(panel(chat.run("@options.txt", judge=None))) == ["b", "c"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pytest.ini", f"[pytest]\nmtbench_judge =\n  {STRICT}\n  {FAIR}\n"),
        ("pyproject.toml", f'[tool.pytest.ini_options]\nmtbench_judge = ["{STRICT}", "{FAIR}"]\n'),
        ("pyproject.toml", f'[tool.pytest.ini_options]\nmtbench_judge = """\n{STRICT}\n{FAIR}\n"""\n'),
        ("pyproject.toml", f'[tool.pytest]\nmtbench_judge = ["{STRICT}", "{FAIR}"]\n'),
        ("pyproject.toml", f'[tool.pytest]\nmtbench_judge = """\n{STRICT}\n{FAIR}\n"""\n'),
        ("pytest.toml", f'[pytest]\nmtbench_judge = ["{STRICT}", "{FAIR}"]\n'),
    ],
)
def test_the_ini_file_takes_a_text_or_a_list(chat: Example, file: str, text: str) -> None:
    (chat.path / file).write_text(text)
    run = chat.run(judge=None)
    assert run.status == 0, run.out + run.err
    assert list(panel(run)) == ["a", "b"]


def test_the_command_line_replaces_what_the_ini_file_says(chat: Example) -> None:
    (chat.path / "pytest.ini").write_text(f"[pytest]\nmtbench_judge =\n  {STRICT}\n  {FAIR}\n")
    assert chat.run(judge=MILD).report()["judge"]["name"] == "c"


def test_one_judge_as_a_string_in_the_typed_table(chat: Example) -> None:
    (chat.path / "pyproject.toml").write_text(f'[tool.pytest]\nmtbench_judge = "{FAIR}"\n')
    assert chat.run(judge=None).report()["judge"]["name"] == "b"


# Who leaves.


@BARE_AND_XDIST
def test_a_judge_that_breaks_down_leaves_and_counts_on_no_question(
    chat: Example, workers: tuple[str, ...]
) -> None:
    run = chat.run(*workers, judge=[STRICT, FAIR, judge("broken", paid="1", down="3", wobble="2")])
    assert (run.decision, run.status, run.outcomes) == ("PASS", 0, {"passed": 6}), run.out
    assert "broken left and counts on no question (http://judge.test/v1: 401 wrong key" in told(run)
    assert panel(run)["broken"]["left"].startswith("http://judge.test/v1: 401 wrong key")
    assert [row["baseline"]["grade"] for row in run.report()["rows"]] == [7.5] * 6
    assert all(set(row["judges"]) == {"a", "b"} for row in run.report()["rows"])
    assert run.report()["panel"]["agreement"]["pairs"][0]["judges"] == ["a", "b"]
    assert "broken" in (chat.path / "mtbench-report" / "report.html").read_text("utf-8")
    assert "left: http://judge.test/v1" in (chat.path / "mtbench-report" / "report.md").read_text("utf-8")


def test_under_two_of_a_panel_there_is_no_verdict(chat: Example) -> None:
    broken = [judge(name, paid="1", down="2") for name in ("x", "y")]
    run = chat.run(judge=[FAIR, *broken])
    assert (run.decision, run.status) == ("NO VERDICT", 22), run.out
    assert "a panel needs 2 judges, and 1 of 3 is left" in told(run)
    assert "x left (http://judge.test/v1: 401 wrong key" in told(run)


def test_a_judge_that_is_not_fit_leaves(chat: Example) -> None:
    """It grades both sides four points apart, and yet the answer shown first always wins."""
    chat.grades([8] * 6, [4] * 6)
    run = chat.run(judge=[STRICT, FAIR, judge("first", always="A")])
    assert (run.decision, run.status) == ("PASS", 0), run.out
    assert "first left and counts on no question (the judge is not fit to compare: " in told(run)
    assert "12 of 12 comparisons flip with the order" in told(run)
    assert [row["score"] for row in run.report()["rows"]] == [1.0] * 6
    assert panel(run)["first"]["fitness"]["fit"] is False
    alone = chat.run(judge=[FAIR, judge("first", always="A")])
    assert (alone.decision, alone.status) == ("NO VERDICT", 22)
    assert "a panel needs 2 judges, and 1 of 2 is left: first left" in told(alone)


def test_a_judge_whose_judgments_fail_leaves(chat: Example) -> None:
    run = chat.run(judge=[STRICT, FAIR, judge("tired", fail="3")])
    assert run.decision == "PASS"
    assert "tired left and counts on no question (its judgments of 1 of 6 questions could not be had" in told(
        run
    )
    assert run.report()["questions"] == {"expected": 6, "judged": 6}
    assert not any(row["failures"] for row in run.report()["rows"])


def test_a_bug_in_a_judge_ends_the_run(chat: Example) -> None:
    run = chat.run(judge=[STRICT, FAIR, judge("buggy", bug="3")])
    assert run.decision == "NO VERDICT"
    assert "a bug in the judge" in run.out


# What is told of them.


def test_a_judge_that_alone_decides_is_named(example: Example) -> None:
    example.bench(questions=12)
    example.grades([8] * 12)
    (example.path / "stage.py").write_text(
        (example.path / "stage.py").read_text() + "\ndef sour(name):\n"
        "    def say(task):\n"
        "        if not isinstance(task, GradeTask):\n"
        "            return '[[C]]'\n"
        "        return '[[1]]' if task.answer.model == 'new' else '[[9]]'\n"
        "    return ScriptedJudge(say, name)\n"
    )
    run = example.run(judge=[judge("a"), judge("b"), "python:stage:sour?name=sour"])
    assert run.decision == "REGRESSION"
    assert run.report()["panel"]["decided_by"] == ["sour"]
    assert "panel warning: one judge alone decides it: PASS without sour" in told(run)
    assert panel(run)["sour"]["decision"] == "REGRESSION"
    assert (panel(run)["a"]["decision"], panel(run)["sour"]["without_it"]) == ("PASS", "PASS")


def test_a_judge_of_the_candidates_family_is_named(chat: Example) -> None:
    chat.answers("qwen-tuned", [8] * 6)
    run = chat.run(candidate="answers:qwen-tuned.jsonl", judge=[judge("Qwen3-32B"), judge("gpt-4o")])
    assert "judge Qwen3-32B and candidate are of one family (qwen)" in told(run)
    assert run.report()["biases"]["one_family"] == {
        "Qwen3-32B": {"families": ["qwen"], "sides": ["candidate"]}
    }


def test_what_ci_reads(chat: Example, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    chat.run("--junitxml=out.xml", judge=[STRICT, FAIR, judge("broken", paid="1", down="3")])
    assert "panel: a alone PASS; b alone PASS; broken left" in summary.read_text()
    xml = (chat.path / "out.xml").read_text()
    assert 'name="mtbench.chat.judge.a" value="PASS"' in xml
    assert 'name="mtbench.chat.judge.broken" value="left: http://judge.test/v1' in xml


def test_a_failed_question_quotes_every_judge(chat: Example) -> None:
    chat.grades([8, 8, 8, 8, 8, 1])
    run = chat.run(judge=[FAIR, MILD])
    assert run.outcomes == {"passed": 5, "xfailed": 1}
    failing = chat.run("--mtbench-question-policy=fail", judge=[FAIR, MILD])
    assert failing.outcomes == {"passed": 5, "failed": 1}
    assert "b on the candidate:" in failing.out
    assert "c on the candidate:" in failing.out
    assert "candidate new, graded 1.50 (1, 2):" in failing.out


# What else a run does.


def test_it_may_stop_early(example: Example) -> None:
    example.bench(questions=64)
    example.grades([8] * 64)
    run = example.run("--mtbench-early-stop=on", judge=[judge("a"), judge("b")])
    assert (run.decision, run.status) == ("PASS", 0), run.out
    assert run.outcomes == {"passed": 32, "skipped": 32}
    assert run.report()["early_stop"]["calls_saved"] == 32 * 16
    assert panel(run)["a"]["decision"] == "PASS"


def test_it_is_recorded_and_replayed(chat: Example) -> None:
    live = chat.run("--mtbench-record=new", judge=PANEL)
    text = (chat.path / "snapshots" / "chat" / "1.json").read_text()
    assert [one["name"] for one in json.loads(text)["judges"]] == ["a", "b", "c"]
    rows = live.report()["rows"]
    chat.forget()
    (chat.path / "stage.py").write_text("raise ImportError('nobody is to be asked')")
    replay = chat.run("--mtbench-record=none", judge=PANEL)
    assert (replay.report()["rows"], replay.decision) == (rows, "PASS"), replay.out
    part = chat.run("--mtbench-record=none", judge=[MILD])
    assert part.report()["rows"][0]["baseline"]["grade"] == 9, "one judge of the panel alone"
    other = chat.run("--mtbench-record=none", judge=[MILD, judge("d")])
    assert "this run's is python:stage:judge?name=d" in other.out + other.err


def test_what_is_recorded_is_not_asked_again(chat: Example) -> None:
    chat.run("--mtbench-record=new", "--mtbench-store=none", judge=PANEL)
    chat.forget()
    run = chat.run("--mtbench-record=new", "--mtbench-store=none", judge=[*PANEL, judge("d", paid="1")])
    assert run.decision == "PASS"
    assert {line.rpartition(" ")[2] for line in chat.asked()} == {"d"}


def blessed(chat: Example) -> None:
    assert chat.run(judge=PANEL).decision == "PASS"
    bless(chat.path / "mtbench-report", "v1", chat.path / "snapshots" / "baselines")
    chat.forget()


def lines_of(chat: Example, name: str) -> list[str]:
    """The grades that a judge was asked for."""
    return [line for line in chat.asked("grade") if line.endswith(f" {name}")]


def test_blessed_grades_stand_judge_by_judge(chat: Example) -> None:
    blessed(chat)
    chat.answers("newer", [9] * 6)
    new = judge("d", paid="1", wobble="-2")
    run = chat.run(candidate="answers:newer.jsonl", baseline="blessed:v1", judge=[STRICT, MILD, new])
    assert run.decision == "PASS", run.out
    again = 6 * 2  # all six are fewer than the eight answers that are graded again
    assert [len(lines_of(chat, name)) for name in "abcd"] == [12 + again, 0, 12 + again, 24]
    assert run.report()["rows"][0]["baseline"]["grade"] == pytest.approx((7 + 9 + 6) / 3)
    assert panel(run)["a"]["drift"]["n"] == panel(run)["c"]["drift"]["n"] == 6
    assert panel(run)["d"]["drift"] is None
    assert "it was graded by other judges, a, b, c (judge d)" in told(run)


def test_a_judge_that_has_moved_leaves(chat: Example) -> None:
    blessed(chat)
    moved = FAIR.replace("wobble=0", "wobble=-2")
    run = chat.run(baseline="blessed:v1", judge=[STRICT, moved, MILD])
    assert (run.decision, run.status) == ("PASS", 0), run.out
    assert "b left and counts on no question (the judge has drifted: it grades 2.00 points lower" in told(run)
    assert [row["baseline"]["grade"] for row in run.report()["rows"]] == [8] * 6


def test_a_blessed_panel_serves_one_judge_too(chat: Example) -> None:
    blessed(chat)
    run = chat.run(baseline="blessed:v1", judge=MILD)
    assert run.decision == "PASS", run.out
    assert run.report()["baseline"]["blessed"]["grades"] == 12
    assert run.report()["rows"][0]["baseline"]["grade"] == 9


def test_a_snapshot_of_a_panel_is_compared(chat: Example) -> None:
    chat.syrupy = True
    (chat.path / "chat" / "test_chat.py").write_text(
        "def test_question(mtbench_judged, judge_snapshot):\n    assert mtbench_judged == judge_snapshot\n"
    )
    assert chat.run("--snapshot-update", judge=PANEL).outcomes["passed"] == 6
    assert chat.run(judge=PANEL).outcomes["passed"] == 6
    run = chat.run(judge=PANEL[:2])
    assert run.outcomes["failed"] == 6
    assert "another judge: a (" in run.out
