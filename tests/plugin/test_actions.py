"""GitHub Actions: annotations in the log and the step's summary; nothing of it elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugin.harness import STRICT, Example


@pytest.fixture
def summary(chat: Example, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A step of a job in the example's folder: the file of its summary, which the runner makes."""
    path = chat.path / "step_summary"
    path.write_text("")
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(chat.path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def commands(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("::")]


def test_dropped_questions_are_annotated_and_the_summary_is_written(chat: Example, summary: Path) -> None:
    chat.grades([8, 8, 2, 8, 1, 8])
    run = chat.run(STRICT)
    told = commands(list(run.lines))
    assert [line.split("::")[1] for line in told] == [
        "error title=chat%3A INCONCLUSIVE",
        "error file=chat/question.jsonl,line=5,title=writing-5 dropped 7.00 points",
        "error file=chat/question.jsonl,line=3,title=writing-3 dropped 6.00 points",
    ]
    assert run.lines.index(told[-1]) < run.lines.index("chat: INCONCLUSIVE")
    text = summary.read_text("utf-8")
    assert text.count("## chat: INCONCLUSIVE\n") == 1
    assert text.count("<details>") == 2


def test_where_the_gate_alone_decides_a_drop_is_a_warning(chat: Example, summary: Path) -> None:
    chat.grades([8, 8, 2, 8, 8, 8])
    run = chat.run("--mtbench-margin=9", "--mtbench-pairwise=off")
    assert run.status == 0
    told = [line.split("::")[1] for line in commands(list(run.lines))]
    assert told[0] == "notice title=chat%3A PASS"
    assert told[1].startswith("warning file=chat/question.jsonl,line=3,")
    assert "## chat: PASS" in summary.read_text("utf-8")


def test_benches_of_a_session_follow_one_another(chat: Example, summary: Path) -> None:
    """What the step wrote before stays."""
    chat.bench("more", first=11)
    chat.grades([8] * 16)
    summary.write_text("# Before\n")
    chat.run()
    text = summary.read_text("utf-8")
    assert text.index("# Before") < text.index("## chat: PASS") < text.index("## more: PASS")


def test_a_summary_that_cannot_be_written_is_told(chat: Example, summary: Path) -> None:
    summary.unlink()
    summary.mkdir()
    run = chat.run()
    assert (run.decision, run.status) == ("PASS", 0)
    assert any(line.startswith("::warning title=mtbench::the step's summary") for line in run.lines)


def test_elsewhere_there_is_nothing_of_it(
    chat: Example, summary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS")
    chat.grades([2] * 6)
    run = chat.run()
    assert run.status == 20
    assert not commands(list(run.lines))
    assert summary.read_text() == ""


# Whoever asks for input or for the network ends the run.
ALONE = """
import builtins
import socket

def refuse(*args, **kwargs):
    raise RuntimeError(f"asked for {args}")

builtins.input = refuse
socket.getaddrinfo = refuse
socket.socket.connect = refuse
socket.socket.connect_ex = refuse
"""


def test_a_run_asks_nobody_and_calls_nobody(chat: Example, summary: Path) -> None:
    """No prompt and no telemetry: recorded answers, a judge in the process, standard input closed."""
    chat.own_process = True
    (chat.path / "conftest.py").write_text(ALONE)
    run = chat.run("-p", "no:cacheprovider")
    assert (run.decision, run.status) == ("PASS", 0), run.out + run.err
    assert "asked for" not in run.out + run.err
    assert summary.read_text().startswith("## chat: PASS")
