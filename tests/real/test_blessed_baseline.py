"""A baseline blessed with real judge calls, and a judge behind its server that moves."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.core.jsonl import dump_jsonl
from tests.real import command
from tests.real.replies import Body, completion, default_reply
from tests.real.server import ChatServer

QUESTIONS = 10
GRADES = "--mtbench-pairwise=off"  # where games would say nothing more
MODULE = """
def test_question(mtbench_judged):
    assert not mtbench_judged.dropped, mtbench_judged.explanation
"""


class Moving:
    """A server whose judge can be moved: by points, and to another fingerprint."""

    def __init__(self) -> None:
        self.shift = 0
        self.fingerprint = "fp_1"

    def __call__(self, body: Body) -> Body:
        said = default_reply(body)
        moved = re.sub(
            r"Rating: \[\[(\d+)\]\]", lambda m: f"Rating: [[{min(10, max(1, int(m[1]) + self.shift))}]]", said
        )
        return {**completion(body, moved), "system_fingerprint": self.fingerprint}


class Home:
    """A project with a bench; pytest and the command run there as users run them.

    Args:
        pytester: Runs pytest inside the test's process; without one it has a process of its own.

    Attributes:
        judged: What the judge was asked in the last run, all messages of a prompt together.
    """

    def __init__(self, path: Path, server: ChatServer, pytester: pytest.Pytester | None = None) -> None:
        self.path = path
        self.server = server
        self.pytester = pytester
        self.out = ""
        self.judged: list[str] = []

    def write(self) -> None:
        path = self.path
        bench = path / "chat"
        bench.mkdir()
        lines = [
            {
                "question_id": n,
                "category": "writing" if n % 2 else "travel",
                "turns": [f"Say {' and '.join(f'word{i}' for i in range(n))}.", f"More on {n}?"],
            }
            for n in range(1, QUESTIONS + 1)
        ]
        (bench / "question.jsonl").write_text(dump_jsonl(lines), "utf-8")
        (bench / "test_chat.py").write_text(MODULE)
        (path / "pytest.ini").write_text("[pytest]\n")

    def model(self, name: str) -> str:
        return f"openai:{name}?base_url={self.server.base_url}"

    def run(self, *options: str, candidate: str = "new", baseline: str = "blessed:v1") -> int:
        """Runs pytest from a folder below the project's root."""
        before = len(self.server.chats)
        specs = {"candidate": self.model(candidate), "baseline": baseline, "judge": self.model("judge-small")}
        given = [f"--mtbench-{party}={spec}" for party, spec in specs.items()]
        status = self._call("-p", "no:cacheprovider", *given, *options)
        self.judged = [
            "\n".join(message["content"] for message in body["messages"])
            for body in self.server.chats[before:]
            if body["model"] == "judge-small"
        ]
        return status

    def bless(self, *options: str) -> int:
        status, out, err = command.run(self.path, "bless", "chat/mtbench-report", *options)
        self.out = out + err
        return status

    def _call(self, *words: str) -> int:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.path / "chat")
            patch.delenv("OPENAI_API_KEY", raising=False)
            if self.pytester is not None:
                result = self.pytester.runpytest_inprocess("-W", "error", *words)
                self.out = f"{result.stdout}\n{result.stderr}"
                return int(result.ret)
            line = [sys.executable, "-W", "error", "-m", "pytest", *words]
            done = subprocess.run(line, env=os.environ, capture_output=True, text=True, check=False)
        self.out = done.stdout + done.stderr
        return done.returncode

    @property
    def told(self) -> str:
        """What was printed, on one line."""
        return " ".join(self.out.split())

    @property
    def result(self) -> dict[str, Any]:
        path = self.path / "chat" / "mtbench-report" / "result.json"
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return found

    def graded(self, model: str) -> int:
        """How many grades of a model the judge was asked for."""
        return sum(f"{model}, turn" in prompt and "[[A]]" not in prompt for prompt in self.judged)


@pytest.fixture(scope="module")
def judge() -> Moving:
    return Moving()


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory, judge: Moving) -> Iterator[Home]:
    """A model was run against itself and blessed as v1."""
    with ChatServer(respond=judge) as server:
        made = Home(tmp_path_factory.mktemp("origin"), server)
        made.write()
        assert made.run(candidate="good", baseline=made.model("good")) == 0, made.out
        assert made.bless("--as", "v1") == 0, made.out
        assert "10 answers of good, 20 grades by judge-small; the run's decision was PASS" in made.told
        yield made


@pytest.fixture
def home(pytester: pytest.Pytester, origin: Home, judge: Moving) -> Home:
    """The same project, and a judge that has not moved."""
    judge.shift, judge.fingerprint = 0, "fp_1"
    shutil.copytree(origin.path, pytester.path / "home")
    return Home(pytester.path / "home", origin.server, pytester)


def test_a_judge_that_grades_one_point_lower(home: Home, judge: Moving) -> None:
    assert home.run(GRADES, candidate="equal") == 0, home.out
    assert home.graded("good") == 8 * 2, "eight of its answers, and no others"
    assert home.graded("equal") == QUESTIONS * 2
    drift = home.result["judge"]["drift"]
    assert (drift["n"], drift["shift"], drift["beyond_noise"]) == (8, 0, False)

    judge.shift = -1
    check_no_verdict(home, home.run(GRADES, candidate="other"))

    assert home.run(GRADES, "--mtbench-regrade-baseline", candidate="other") == 0, home.out
    assert (home.graded("good"), home.graded("other")) == (QUESTIONS * 2, QUESTIONS * 2)
    assert home.result["endpoints"][0]["bounds"]["mean"] == 0
    assert home.result["baseline"]["blessed"]["grades"] == 0


def test_with_workers_too(home: Home, judge: Moving) -> None:
    judge.shift = -1
    check_no_verdict(home, home.run(GRADES, "-n2", candidate="other"))
    assert home.graded("good") == 8 * 2, "one of the workers asks"


def check_no_verdict(home: Home, status: int) -> None:
    """The size of the drift is told, and nothing old is compared with anything new."""
    assert status == 22, home.out
    drift = home.result["judge"]["drift"]
    assert drift["n"] == 8
    assert -1 <= drift["shift"] < -0.8, "a grade of 1 cannot fall"
    assert drift["beyond_noise"]
    assert home.result["decision"] == "NO VERDICT"
    assert "the judge has drifted: it grades" in home.result["reasons"][0]
    assert f"{-drift['shift']:.2f} points lower than when v1 was blessed" in home.told
    assert "--mtbench-regrade-baseline grades the baseline anew" in home.told
    assert f"{QUESTIONS} skipped" in home.out


def test_a_blessed_answer_that_was_tampered_with_is_refused(home: Home) -> None:
    path = home.path / "snapshots" / "baselines" / "v1" / "model_answer" / "good.jsonl"
    path.write_text(path.read_text("utf-8").replace("you said", "you never said", 1), "utf-8")
    assert home.run() == 4
    (error,) = [line for line in home.out.splitlines() if line.startswith("ERROR")]
    assert error.startswith(f"ERROR: {path}: changed since it was blessed as v1; expected sha256 ")
    assert home.judged == []


def test_a_degraded_candidate_is_found_and_not_blessed(home: Home, judge: Moving) -> None:
    judge.fingerprint = "fp_2"
    assert home.run(candidate="weak") == 20, home.out
    assert home.graded("good") == 8 * 2
    assert "its server gives its system_fingerprint as fp_2; fp_1 when the baseline was blessed" in home.told
    assert {seen["fingerprint"] for seen in home.result["judge"]["served"]} == {"fp_2"}
    assert home.bless("--as", "v2") == 2
    assert "its decision is REGRESSION" in home.out
