"""`mtbench noise` as a command, against a real server whose judge wobbles: killed, refused, crowded."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from mtbench_pytest.core.jsonl import dump_jsonl
from tests.real.command import run, run_apart, start
from tests.real.replies import Body
from tests.real.server import ChatServer

QUESTIONS = 12
REPLIES = 2 * QUESTIONS


class Wobbling:
    """Grades the first time it sees a prompt 7, then 8, then 7 and so on; half of the prompts always 7."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, body: Body) -> str:
        prompt = body["messages"][-1]["content"]
        with self._lock:
            self._seen[prompt] += 1
            turn = self._seen[prompt] % 2
        number = int(re.findall(r"answer (\d+)", prompt)[-1])
        return f"Well. [[{8 if number % 2 and not turn else 7}]]"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "bench").mkdir()
    numbers = range(1, QUESTIONS + 1)
    lines = [{"question_id": n, "category": "writing", "turns": [f"Ask {n}.", "And?"]} for n in numbers]
    (tmp_path / "bench/question.jsonl").write_text(dump_jsonl(lines))
    given = [
        {"question_id": n, "choices": [{"index": 0, "turns": [f"My answer {n}", f"More of answer {n}"]}]}
        for n in numbers
    ]
    (tmp_path / "frozen.jsonl").write_text(dump_jsonl(given))
    return tmp_path


def words(server: ChatServer, *options: str) -> tuple[str, ...]:
    judge = f"openai:strong?base_url={server.base_url}"
    return ("noise", "bench", "--answers", "frozen.jsonl", "--judge", judge, *options)


def wait_for(server: ChatServer, served: int) -> None:
    deadline = time.monotonic() + 30
    while server.served < served and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.served >= served


def test_a_judge_that_wobbles(home: Path) -> None:
    """Half of the replies get 7, 8, 7, 8: squares of 1 over three degrees, the others 0: √(12 / 72)."""
    with ChatServer(respond=Wobbling()) as server:
        status, out, err = run(home, *words(server, "--repeats", "4"))
        assert (status, err) == (0, "")
        assert server.served == 4 * REPLIES
        assert all(body["temperature"] == 0 for body in server.chats)
        again = run(home, *words(server, "--repeats", "4"))
        assert server.served == 4 * REPLIES, "nothing that is there is asked again"
    assert f"strong: {REPLIES} replies of {QUESTIONS} questions, 4 grades each; 96 of 96 judgments" in out
    assert "within-answer SD      0.408 points" in out
    assert f"grades that changed   {QUESTIONS} of {REPLIES} replies: 50.0 %" in out
    assert '"strong" = 0.41' in out
    assert again[0] == 0
    assert again[1].splitlines()[1:] == out.splitlines()[1:]
    assert "0 of 96 judgments were made now" in again[1]


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_command_that_is_broken_off_goes_on(home: Path, sent: signal.Signals) -> None:
    options = ("--repeats", "2", "--concurrency", "4")
    with ChatServer(latency=0.03, respond=Wobbling()) as server:
        process = start(home, *words(server, *options))
        wait_for(server, 12)
        process.send_signal(sent)
        _, err = process.communicate(timeout=30)
        before = server.served
        assert before < 2 * REPLIES
        if sent == signal.SIGINT:
            assert process.returncode == 130
            assert "what was graded is kept, and the same command goes on" in err
            assert "Traceback" not in err
        status, out, _ = run(home, *words(server, *options))
        assert status == 0
        assert server.served <= 2 * REPLIES + 4, "at most what was under way is asked again"
    made = re.search(r"(\d+) of 48 judgments were made now", out)
    assert made is not None
    assert int(made[1]) <= 2 * REPLIES - before + 4


def test_a_crowded_server(home: Path) -> None:
    with ChatServer(capacity=4, retry_after=0.05, latency=0.01, respond=Wobbling()) as server:
        status, _, err = run_apart(home, *words(server, "--repeats", "2"))
        assert (status, err) == (0, "")
        assert server.served == 2 * REPLIES


def test_a_judge_without_a_verdict(home: Path) -> None:
    with ChatServer(respond=lambda _: "I cannot say.") as server:
        status, out, _ = run(home, *words(server, "--repeats", "2"))
    assert status == 1
    assert out.startswith("48 judgments could not be had; the same command asks for them again:")
    assert "nothing can be told" in out


def test_a_wrong_key_is_told_in_one_line(home: Path) -> None:
    with ChatServer(key="right") as server:
        status, _, err = run(home, *words(server))
    assert status == 2
    (line,) = err.splitlines()
    assert line.startswith(f"mtbench: {server.base_url}: ")
    assert "401" in line
