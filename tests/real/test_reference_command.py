"""`mtbench reference` as a command, against a real server: killed, refused, crowded."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from mtbench_pytest.core.jsonl import dump_jsonl
from tests.real.command import run, run_apart, start
from tests.real.server import ChatServer

QUESTIONS = 24


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "bench").mkdir()
    lines = [
        {"question_id": n, "category": "math", "turns": [f"Ask {n}.", f"And {n} again?"]}
        for n in range(1, QUESTIONS + 1)
    ]
    (tmp_path / "bench/question.jsonl").write_text(dump_jsonl(lines))
    return tmp_path


def words(server: ChatServer, *options: str) -> tuple[str, ...]:
    return ("reference", "bench", "--model", f"openai:strong?base_url={server.base_url}", *options)


def answers(home: Path) -> dict[int, list[str]]:
    path = home / "bench/reference_answer/strong.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {row["question_id"]: row["choices"][0]["turns"] for row in rows}


def wait_for(home: Path, count: int) -> None:
    """Until the file has so many answers."""
    path, deadline = home / "bench/reference_answer/strong.jsonl", time.monotonic() + 30
    while time.monotonic() < deadline:
        if path.is_file() and path.read_bytes().count(b"\n") >= count:
            return
        time.sleep(0.01)
    raise AssertionError("the answers did not come")


def test_the_answers_of_a_served_model(home: Path, server: ChatServer) -> None:
    status, out, err = run_apart(home, *words(server))
    assert (status, err) == (0, "")
    assert f"{QUESTIONS} answers written" in out
    found = answers(home)
    assert list(found) == list(range(1, QUESTIONS + 1))
    assert found[7] == ["strong, turn 1: you said Ask 7.", "strong, turn 2: you said And 7 again?"]


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_broken_off_goes_on(home: Path, sent: signal.Signals) -> None:
    with ChatServer(latency=0.05) as server:
        process = start(home, *words(server))
        wait_for(home, 10)
        process.send_signal(sent)
        _, err = process.communicate(timeout=30)
        kept = answers(home)
        assert 10 <= len(kept) < QUESTIONS
        if sent == signal.SIGINT:
            assert process.returncode == 130
            assert "is kept, and the same command goes on" in err
            assert "Traceback" not in err
        before = len(server.chats)
        status, out, _ = run(home, *words(server))
    assert status == 0
    assert f"{QUESTIONS - len(kept)} answers written, {len(kept)} were there" in out
    assert len(server.chats) - before == 2 * (QUESTIONS - len(kept)), "nothing that is there is asked again"
    assert {number: answers(home)[number] for number in kept} == kept


def test_a_crowded_server(home: Path) -> None:
    with ChatServer(capacity=4, retry_after=0.05, latency=0.01) as server:
        status, _, err = run(home, *words(server))
    assert (status, err) == (0, "")
    asked = Counter(body["messages"][-1]["content"] for body in server.chats)
    numbers = range(1, QUESTIONS + 1)
    assert set(asked) == {f"Ask {n}." for n in numbers} | {f"And {n} again?" for n in numbers}
    assert server.served == 2 * QUESTIONS


def test_a_wrong_key_is_told_in_one_line(home: Path) -> None:
    with ChatServer(key="right") as server:
        status, _, err = run(home, *words(server))
    assert status == 2
    (line,) = err.splitlines()
    assert line.startswith(f"mtbench: {server.base_url}: ")
    assert "401" in line
    assert not (home / "bench/reference_answer/strong.jsonl").exists()
