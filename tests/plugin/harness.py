"""A harness that keeps tests of the plugin short: write a bench, run pytest on it, look at what came back."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import scipy.special
import scipy.stats  # noqa: F401
import sqlalchemy.dialects.sqlite.pysqlite  # noqa: F401

import mtbench_pytest.plugin.session  # noqa: F401
from tests.unit.factories import MARGINS

# Two workers cost two seconds, a run without them a tenth of that. One test for each thing that workers may
# do otherwise has both; what a run says and leaves is compared in test_xdist.py.
BARE_AND_XDIST = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["bare", "n2"])

STRICT = "--mtbench-question-policy=fail"

TEST_MODULE = """
def test_question(mtbench_judged):
    assert not mtbench_judged.dropped, mtbench_judged.explanation
"""

# Judge and models for the runs under test. Answers carry their grade ("worth 7"), so that an answers file
# decides what the judge says; what is asked of either goes to a file that all xdist workers share.
STAGE = '''
import asyncio
import re
import time
from pathlib import Path

from mtbench_pytest.core.errors import ServiceError, VerdictError
from mtbench_pytest.judges.base import GradeTask
from mtbench_pytest.judges.scripted import ScriptedJudge
from mtbench_pytest.models.scripted import ScriptedModel

LOG = Path(__file__).with_name("asked.log")
HOLD = Path(__file__).with_name("hold")


def log(*words):
    with LOG.open("a") as file:
        file.write(" ".join(map(str, words)) + "\\n")


def worth(answer, turn):
    return float(re.findall(r"worth ([\\d.]+)", answer.turns[turn - 1])[-1])


def judge(fail="", down="", bug="", games="", paid="", always="", wobble="0", later="", name=""):
    """Fails to judge some questions, breaks down at another, or has a bug there; ids apart by commas.

    With `always` every game has that winner, whatever stands there. With `wobble` the repeats of a grade are
    off by these points, apart by commas. With `later` the further grades of the candidate are these, each a
    number or "fail". A named one writes its name beside what it is asked.
    """
    offsets = [float(points) for points in wobble.split(",")]

    def say(task):
        question = str(task.question.question_id)
        single = isinstance(task, GradeTask)
        log("grade" if single else "game", question, task.turn, *(
            [task.answer.model] if single else [task.answer_a.model, task.answer_b.model]),
            *([task.repeat] if single and task.repeat > 1 else []), *([name] if name else []))
        if question in fail.split(",") or (not single and question in games.split(",")):
            return VerdictError("the judge was at lunch")
        if question in down.split(","):
            return ServiceError("http://judge.test/v1", "401 wrong key", "a key that this server takes")
        if question in bug.split(","):
            return ValueError("a bug in the judge")
        if single and later and task.repeat > 1 and task.answer.model == "new":
            said = later.split(",")[task.repeat - 2]
            return VerdictError("the judge was at lunch") if said == "fail" else f"Again. [[{said}]]"
        if single:
            grade = worth(task.answer, task.turn) + offsets[(task.repeat - 1) % len(offsets)]
            return f"Reasons for {task.answer.model}. Rating: [[{grade:g}]]"
        if always:
            return f"Whatever stands there. [[{always}]]"
        a, b = worth(task.answer_a, task.turn), worth(task.answer_b, task.turn)
        return f"Compared. [[{'A' if a > b else 'B' if b > a else 'C'}]]"

    return ScriptedJudge(say, name or "scripted-judge", free=not paid)


class Model(ScriptedModel):
    """Takes its time for each answer; at the question `hold` until the file of that name is gone."""

    def __init__(self, name, seconds=0.0, blocks=False, fail="", down="", paid=False, device=False, hold=""):
        super().__init__({}, name, free=not paid)
        self.hold = hold
        self.uses_device = device
        self.seconds, self.blocks, self.fail, self.down = seconds, blocks, fail.split(","), down.split(",")

    def identity(self):
        return {"kind": "stage", "name": self.name}

    async def answer(self, tasks):
        from mtbench_pytest.core.records import Answer, AnswerFailure, Reply
        for task in tasks:
            log("answer", task.question.question_id, self.name)
            number = str(task.question.question_id)
            await self.pause(self.seconds)
            while number == self.hold and HOLD.exists():
                await self.pause(0.01)
            if number in self.down:
                raise ServiceError("http://model.test/v1", "404 no such model", "another model")
            if number in self.fail:
                yield AnswerFailure(task.question.question_id, self.name, "the model was tired")
                continue
            replies = tuple(Reply(f"{self.name} {turn}, worth 7") for turn in task.question.turns)
            yield Answer(task.question.question_id, self.name, replies)


    async def pause(self, seconds):
        if self.blocks:
            time.sleep(seconds)
        else:
            await asyncio.sleep(seconds)


def model(name="live", seconds="0", blocks="", fail="", down="", paid="", device="", hold=""):
    return Model(name, float(seconds), bool(blocks), fail, down, bool(paid), bool(device), hold)


def broken_factory():
    raise RuntimeError("a bug in the factory")
'''


def wait_until(reached: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Waits until a process has got somewhere; how long that takes says nothing."""
    deadline = time.monotonic() + 120
    while not reached():
        assert process.poll() is None, "it ended before"
        assert time.monotonic() < deadline, "it never got there"
        time.sleep(0.02)


class Run:
    """A finished pytest run: its status, its text, and the report it wrote."""

    def __init__(self, result: pytest.RunResult, folder: Path) -> None:
        self.status = int(result.ret)
        self.out = result.stdout.str()
        self.lines: Sequence[str] = result.outlines
        self.err = result.stderr.str()
        self.stdout = result.stdout
        self.outcomes = _outcomes(result)
        self._folder = folder

    def report(self, folder: str = "mtbench-report", name: str = "result.json") -> dict[str, Any]:
        """The report's `result.json`."""
        found: dict[str, Any] = json.loads((self._folder / folder / name).read_text("utf-8"))
        return found

    def earlier(self) -> dict[str, Any]:
        """The result of the last whole run before this one, which is a part."""
        assert not self.wrote(), "a result that is not this run's"
        return self.report(name="result.previous.json")

    def wrote(self, folder: str = "mtbench-report") -> bool:
        """Whether there is a report in a folder."""
        return (self._folder / folder / "result.json").exists()

    @property
    def decision(self) -> str:
        """The outcome that the last part of the summary names, or ""."""
        for line in reversed(self.lines):
            for outcome in ("PASS", "REGRESSION", "INCONCLUSIVE", "NO VERDICT", "PARTIAL"):
                if line.endswith(f": {outcome}"):
                    return outcome
        return ""

    def told_alone(self) -> str:
        """The one line that the run said before it ended with status 4."""
        assert self.status == 4, self.out + self.err
        (line,) = [line for line in (self.err + self.out).splitlines() if line.strip()]
        return line

    def refused(self, *words: str) -> None:
        """Asserts that the run ended with status 4 and one line that holds the words, and did nothing."""
        told = [line for line in (self.err + self.out).splitlines() if line.startswith("ERROR: ")]
        assert self.status == 4, self.out + self.err
        assert len(told) == 1, self.out + self.err
        missing = [word for word in words if word not in told[0]]
        assert not missing, f"{missing} not in: {told[0]}"
        assert "Traceback" not in self.out + self.err
        assert "INTERNALERROR" not in self.out + self.err
        assert not self.decision, self.out
        assert not self.wrote()
        assert not self.wrote("mtbench-report/partial")


def _outcomes(result: pytest.RunResult) -> dict[str, int]:
    """The counts of the last line; none where a run ended without it."""
    try:
        return result.parseoutcomes()
    except ValueError:
        return {}


class Example:
    """Benches, answers and judge in a folder of their own, and pytest run there.

    pytest runs inside the test's process, which spares a second a run; in one of its own where a test sets
    `own_process`, for what only shows there. xdist's workers are processes in any case.
    """

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.own_process = False
        self.syrupy = False
        pytester.syspathinsert()  # for stage.py
        self.path = pytester.path
        (self.path / "stage.py").write_text(STAGE)

    def bench(self, name: str = "chat", questions: int = 6, *, config: str = "", first: int = 1) -> Path:
        """A bench of two-turn questions in two categories, with a test module beside them.

        Its margins are wide, so that a few questions can pass, unless the config has its own.
        """
        folder = self.path / name
        folder.mkdir(parents=True)
        numbers = range(first, first + questions)
        self.write_lines(folder / "question.jsonl", [_question(number) for number in numbers])
        (folder / f"test_{folder.name}.py").write_text(TEST_MODULE)
        (folder / "bench.toml").write_text(config if "[margins]" in config else MARGINS + config)
        return folder

    def answers(self, name: str, grades: Sequence[float], first: int = 1) -> str:
        """Answers to the questions from `first` on, each worth a grade; returns the spec."""
        path = self.path / f"{name}.jsonl"
        self.write_lines(path, [_answer(name, first + n, grade) for n, grade in enumerate(grades)])
        return f"answers:{path.name}"

    def grades(self, candidate: Sequence[float], baseline: Sequence[float] | None = None) -> None:
        """Answers of both sides under their usual names."""
        self.answers("new", candidate)
        self.answers("old", baseline if baseline is not None else [8] * len(candidate))

    def run(
        self,
        *args: str,
        candidate: str | None = "answers:new.jsonl",
        baseline: str | None = "answers:old.jsonl",
        judge: str | Sequence[str] | None = "python:stage:judge",
        warnings: str = "error",
    ) -> Run:
        """Runs pytest; None leaves an option away, several judges are a panel."""
        parties = {"candidate": [candidate], "baseline": [baseline]}
        parties["judge"] = [judge] if judge is None or isinstance(judge, str) else list(judge)
        options = [f"--mtbench-{name}={spec}" for name, specs in parties.items() for spec in specs if spec]
        return self.bare("-W", warnings, *options, *args)

    def bare(self, *args: str) -> Run:
        """Runs pytest with these arguments; without syrupy unless the test is about it, as most users do."""
        if not self.syrupy:
            args = ("-p", "no:syrupy", *args)
        if self.own_process:
            return Run(self.pytester.runpytest_subprocess(*args, timeout=60), self.path)
        return Run(self.pytester.runpytest_inprocess(*args), self.path)

    def asked(self, kind: str = "") -> list[str]:
        """What models and judge were asked, in all runs so far, sorted."""
        log = self.path / "asked.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return sorted(line for line in lines if line.startswith(kind))

    def forget(self) -> None:
        """Empties the log of what was asked, and removes reports."""
        (self.path / "asked.log").unlink(missing_ok=True)
        shutil.rmtree(self.path / "mtbench-report", ignore_errors=True)

    def judgments(self, name: str, lines: Sequence[Mapping[str, Any]]) -> str:
        """A file of recorded judgments; returns the spec."""
        self.write_lines(self.path / f"{name}.jsonl", lines)
        return f"judgments:{name}.jsonl"

    @staticmethod
    def write_lines(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
        """Writes records as JSON, one a line."""
        path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")


def _category(number: int) -> str:
    return "writing" if number % 2 else "travel"


def _question(number: int) -> dict[str, Any]:
    turns = [f"Question {number}, please.", f"And more of {number}?"]
    return {"question_id": number, "category": _category(number), "turns": turns}


def _answer(name: str, number: int, grade: float) -> dict[str, Any]:
    turns = [f"{name} on {number} in turn {turn}, worth {grade}" for turn in (1, 2)]
    return {"question_id": number, "choices": [{"index": 0, "turns": turns}]}
