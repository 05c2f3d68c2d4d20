"""A folder with a bench, recorded answers and judgments, and pytest run in it in a process of its own."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CANDIDATE, BASELINE, JUDGE = "new", "old", "judge"

_TEST_MODULE = """
def test_question(mtbench_judged):
    assert mtbench_judged.difference >= -mtbench_judged.margin, mtbench_judged.explanation
"""
# None of these is of a category that is judged against references or sampled hot.
_CATEGORIES = ("stem", "humanities", "extraction")
_TOPICS = ("tides", "glaciers", "bridges", "bees", "maps", "clocks", "salt", "volcanoes", "trams", "bread")
_READERS = ("a child", "a tourist", "an engineer", "a journalist", "a farmer", "a mayor", "a student")
_VOCABULARY = """
    river stone light early careful south winter paper copper garden answer reason slowly under market bright
    window measure second harbour quiet letter always number mountain simple colour travel evening station
"""


@dataclass(frozen=True)
class Run:
    """A finished pytest process.

    Attributes:
        seconds: From its start to its end, by the wall clock.
        status: Its exit status, negative where a signal ended it.
        peak_mb: Most memory it held, in 10⁶ bytes.
        out: What it printed, stdout and stderr.
    """

    seconds: float
    status: int
    peak_mb: float
    out: str


class Workbench:
    """A bench of generated questions in a folder, and whatever stands beside it.

    Args:
        folder: An empty folder; it becomes pytest's root.
        questions: How many.
        turns: Of each.
        checks: Give each turn a check, so that the `checks` judge can grade it.
    """

    def __init__(self, folder: Path, questions: int, turns: int = 2, *, checks: bool = False) -> None:
        self.folder = folder
        self.turns = turns
        self.ids = range(1, questions + 1)
        (folder / "pytest.ini").write_text("[pytest]\n")
        bench = folder / "bench"
        bench.mkdir()
        (bench / "test_bench.py").write_text(_TEST_MODULE)
        extra = {"checks": [[{"words": [1, 1000]}]] * turns} if checks else {}
        self._write("bench/question.jsonl", (_question(number, turns) | extra for number in self.ids))

    def answers(self) -> tuple[str, str]:
        """Writes recorded answers, all different; returns candidate's and baseline's options."""
        for name in (CANDIDATE, BASELINE):
            self._write(f"{name}.jsonl", (_answer(name, number, self.turns) for number in self.ids))
        return sides(f"answers:{CANDIDATE}.jsonl", f"answers:{BASELINE}.jsonl")

    def judgments(self) -> str:
        """Writes recorded grades of both sides; returns the judge's option."""
        lines = (
            _grade(name, number, turn)
            for number in self.ids
            for name in (CANDIDATE, BASELINE)
            for turn in range(1, self.turns + 1)
        )
        self._write(f"{JUDGE}_single.jsonl", lines)
        return f"--mtbench-judge=judgments:{JUDGE}_single.jsonl"

    def run(self, *args: str, env: dict[str, str] | None = None) -> Run:
        """Runs pytest on the bench to its end."""
        return self.start(*args, env=env).wait()

    def start(self, *args: str, tests: str = "bench", env: dict[str, str] | None = None) -> Started:
        """Starts pytest.

        Args:
            args: Its arguments.
            tests: The folder or module it runs.
            env: Environment variables beside this process's.
        """
        # What is measured is the work on every question: no run ends before the last.
        whole = () if any("early-stop" in arg for arg in args) else ("--mtbench-early-stop=off",)
        return Started([sys.executable, "-m", "pytest", tests, *whole, *args], self.folder, env or {})

    def result(self) -> dict[str, Any]:
        """The last run's `result.json`; exits with a line where there is none."""
        path = self.folder / "mtbench-report" / "result.json"
        if not path.exists():
            tail = "\n".join((self.folder / "out.txt").read_text("utf-8").splitlines()[-15:])
            raise SystemExit(f"pytest wrote no result.json; its last words:\n{tail}")
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return found

    def all_judged(self) -> None:
        """Exits with a line where a question of the last run was not judged."""
        result = self.result()
        failures = [failure for row in result["rows"] for failure in row["failures"]]
        if result["questions"]["judged"] != len(self.ids) or failures:
            raise SystemExit(f"judged {result['questions']}, failures: {failures[:3]}")

    def report_lines(self, pattern: str) -> list[dict[str, Any]]:
        """All lines of the report's files of a pattern, such as `model_judgment/*_single.jsonl`."""
        files = sorted((self.folder / "mtbench-report").glob(pattern))
        return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]

    def _write(self, name: str, lines: Iterable[Mapping[str, Any]]) -> None:
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (self.folder / name).write_text(text, "utf-8")


class Started:
    """A pytest process under way; what it prints goes to `out.txt`, where reading it costs it nothing."""

    def __init__(self, command: Sequence[str], folder: Path, env: dict[str, str]) -> None:
        self._out = folder / "out.txt"
        with self._out.open("w") as out:
            self._began = time.perf_counter()
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment() | env, stdout=out, stderr=subprocess.STDOUT
            )

    def wait(self) -> Run:
        """Waits for the end."""
        # wait4 tells the memory of this one process; getrusage would tell the largest child's so far.
        _, status, usage = os.wait4(self.process.pid, 0)
        seconds = time.perf_counter() - self._began
        self.process.returncode = os.waitstatus_to_exitcode(status)
        unit = 1 if sys.platform == "darwin" else 1024
        peak = usage.ru_maxrss * unit / 1e6
        return Run(seconds, self.process.returncode, peak, self._out.read_text("utf-8"))


@contextmanager
def workbench(questions: int, turns: int = 2, *, checks: bool = False) -> Iterator[Workbench]:
    """A workbench in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="mtbench-benchmark-") as folder:
        yield Workbench(Path(folder), questions, turns, checks=checks)


def sides(candidate: str, baseline: str) -> tuple[str, str]:
    """The options for two specs."""
    return f"--mtbench-candidate={candidate}", f"--mtbench-baseline={baseline}"


def demos(tokens: int) -> tuple[str, ...]:
    """The options for the demo model on both sides, told two things, with most new tokens of a reply."""
    models = sides(f"demo?name={CANDIDATE}", f"demo?name={BASELINE}&system=Answer%20as%20a%20pirate.")
    return (*models, f"--mtbench-max-new-tokens={tokens}")


def environment() -> dict[str, str]:
    """This process's environment; the code measured is this checkout's, with nobody's settings."""
    dropped = {"PYTEST_ADDOPTS", "OPENAI_API_KEY", "OPENAI_BASE_URL", "PYTHONDONTWRITEBYTECODE"}
    kept = {name: text for name, text in os.environ.items() if name not in dropped}
    return kept | {"PYTHONPATH": str(ROOT)}


def _question(number: int, turns: int) -> dict[str, Any]:
    topic, reader = _TOPICS[number % len(_TOPICS)], _READERS[number % len(_READERS)]
    said = [f"Explain to {reader} what {topic} are good for, case {number}.", "Now say it in two sentences."]
    category = _CATEGORIES[number % len(_CATEGORIES)]
    return {"question_id": number, "category": category, "turns": said[:turns]}


def _answer(name: str, number: int, turns: int) -> dict[str, Any]:
    rng = random.Random(f"{name} {number}")
    # The server's judge goes by the number of different words: of both sides about the same.
    words = _VOCABULARY.split()[: 6 + number % 20]
    said = [f"{name} {number} {turn}: {' '.join(rng.choices(words, k=120))}." for turn in range(1, turns + 1)]
    return {"question_id": number, "model_id": name, "choices": [{"index": 0, "turns": said}]}


def _grade(name: str, number: int, turn: int) -> dict[str, Any]:
    grade = 4 + random.Random(f"{name} {number} {turn}").randrange(4)
    return {
        "question_id": number,
        "model": name,
        "judge": [JUDGE, "single-first" if turn == 1 else "single-later"],
        "judgment": f"It says: {' '.join(_VOCABULARY.split())}. Rating: [[{grade}]]",
        "score": grade,
        "turn": turn,
    }
