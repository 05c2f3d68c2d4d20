"""Progress while tests wait: a live line on a terminal, plain ones in a log and with xdist, none with -qq."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from mtbench_pytest.plugin import progress as live
from tests.plugin.harness import Example, Run

LINE = re.compile(r"mtbench: (\d+)/(\d+) answers.*, (\d+)/(\d+) judgments.*")
JUDGE = "python:stage:judge?paid=1"


def slow(name: str, seconds: float = 0.3) -> str:
    return f"python:stage:model?paid=1&name={name}&seconds={seconds}"


def counts(run: Run) -> list[tuple[int, ...]]:
    """Answers, their total, judgments and their total, of every line of progress."""
    return [tuple(map(int, found.groups())) for line in run.lines if (found := LINE.fullmatch(line))]


def log_every(example: Example, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in workers, which are processes of their own."""
    monkeypatch.setattr(live, "_LOG_EVERY", seconds)
    monkeypatch.setattr(live, "_EVERY", seconds / 2)
    (example.path / "conftest.py").write_text(
        "from mtbench_pytest.plugin import progress as live\n"
        f"live._LOG_EVERY = {seconds}\nlive._EVERY = {seconds / 2}\n"
    )


@pytest.mark.parametrize(
    ("options", "questions", "seconds", "every"),
    [((), 8, 0.15, 1.0), (("-q",), 4, 0.4, 0.1)],
    ids=["short waits", "long waits"],
)
def test_a_log_gets_plain_lines(
    example: Example,
    options: tuple[str, ...],
    questions: int,
    seconds: float,
    every: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where no test waits for long, and where the first test has long to wait."""
    monkeypatch.setattr(live, "_LOG_EVERY", 0.2)
    monkeypatch.setattr(live, "_EVERY", every)
    example.bench(questions=questions)
    run = example.run(*options, candidate=slow("new", seconds), baseline=slow("old", 0), judge=JUDGE)
    assert (run.decision, run.status) == ("PASS", 0)
    seen = counts(run)
    assert len(seen) >= 3, run.out
    assert seen == sorted(seen)
    assert seen[0][0] < 2 * questions, "the first does not wait for the last"
    assert {(answers, judgments) for _, answers, _, judgments in seen} == {(2 * questions, 8 * questions)}
    assert "\r" not in run.out


def test_silence_where_it_was_asked_for(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_LOG_EVERY", 0.0)
    example.bench(questions=4)
    run = example.run("-qq", candidate=slow("new", 0.1), baseline=slow("old", 0), judge=JUDGE)
    assert run.decision == "PASS"
    assert not counts(run)


def test_the_controller_shows_what_workers_do(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    log_every(example, 0.4, monkeypatch)
    example.bench(questions=6)
    run = example.run("-n2", candidate=slow("new"), baseline=slow("old", 0.2), judge=JUDGE)
    assert (run.decision, run.status) == ("PASS", 0)
    seen = counts(run)
    assert len(seen) >= 3, run.out
    assert seen == sorted(seen)
    assert {(answers, judgments) for _, answers, _, judgments in seen} == {(12, 48)}, "each is counted once"
    assert any(0 < answers < 12 for answers, *_ in seen)


def test_the_controller_is_silent_where_it_was_asked_for(
    example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_every(example, 0.1, monkeypatch)
    example.bench(questions=4)
    run = example.run("-n1", "-qq", candidate=slow("new"), baseline=slow("old", 0), judge=JUDGE)
    assert run.decision == "PASS"
    assert not counts(run)


def test_a_person_sees_one_line_that_goes_away(example: Example) -> None:
    example.bench(questions=4)
    shown = on_a_terminal(
        example.path,
        *("-p", "no:xdist", f"--mtbench-candidate={slow('new', 0.8)}"),
        *(f"--mtbench-baseline={slow('old', 0)}", f"--mtbench-judge={JUDGE}", "--mtbench-store=none"),
    )
    assert "chat: PASS" in shown
    live_lines = re.findall(r"\r(mtbench: \d/8 answers, \d+/32 judgments.*?) *(?=\r)", shown)
    assert live_lines, shown
    for line in live_lines:
        others = r"(?: *\r+mtbench: [^\r]*)*"  # of a test that waits for long
        assert re.search(rf"\r{re.escape(line)}{others} *\r *\r\S*\.", shown), "wiped before the test's dot"


def on_a_terminal(folder: Path, *args: str) -> str:
    """What pytest writes to a terminal of 80 columns."""
    ours, its = pty.openpty()
    environment = os.environ | {"COLUMNS": "80", "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    command = [sys.executable, "-m", "pytest", *args]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=its, stderr=its) as process:
        os.close(its)
        written = b""
        with suppress(OSError):  # Linux's end of a terminal
            while piece := os.read(ours, 4096):
                written += piece
    os.close(ours)
    assert process.returncode == 0, written.decode()
    return written.decode()
