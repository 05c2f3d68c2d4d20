"""A project in a folder, and whole runs in it without pytest: for tests of what outlives a run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mtbench_pytest.bench.bench import load_bench
from mtbench_pytest.cli.bless import bless
from mtbench_pytest.core.errors import NotNeeded, VerdictError
from mtbench_pytest.core.records import GradeTask, Party, Task
from mtbench_pytest.gate.decision import Decision
from mtbench_pytest.judges.base import JudgeReply
from mtbench_pytest.judges.scripted import ScriptedJudge
from mtbench_pytest.models.blessed import Blessed, read_blessed
from mtbench_pytest.models.scripted import ScriptedModel
from mtbench_pytest.release.publish import write_report
from mtbench_pytest.run.bench_run import BenchRun
from mtbench_pytest.run.resources import Resources
from mtbench_pytest.run.settings import Sources, read_settings
from mtbench_pytest.store.database import sqlite_url
from tests.unit.factories import MARGINS, answer_line, question_line, write_bench, write_jsonl
from tests.unit.parties import WAIT

ALL: frozenset[Party] = frozenset({"candidate", "baseline", "judge"})
ASKED: list[Task] = []  # by the judges of the test that runs


class Judge(ScriptedJudge):
    """Grades an answer by what it says it is worth, plus a shift of which its identity knows nothing.

    Asked again, it adds the next of its wobbles.
    """

    def __init__(
        self,
        shift: str = "0",
        fail: str = "",
        served: str = "",
        warmth: str = "0",
        free: str = "",
        wobble: str = "0",
    ) -> None:
        super().__init__(self._say, "judge", free=bool(free))
        self._wobble = [float(more) for more in wobble.split(",")]
        self._shift, self._served, self._warmth = float(shift), served, warmth
        self._fail = fail.split(",")

    def identity(self) -> Mapping[str, Any]:
        return {"kind": "scripted", "model": "judge", "temperature": float(self._warmth)}

    def _say(self, task: Task) -> JudgeReply | VerdictError:
        ASKED.append(task)
        if not isinstance(task, GradeTask):
            return JudgeReply("[[C]]", served_model=self._served)
        if str(task.question.question_id) in self._fail:
            return VerdictError("at lunch")
        said = re.findall(r"worth ([\d.]+)", task.answer.turns[task.turn - 1])[-1]
        grade = float(said) + self._shift + self._wobble[task.repeat - 1 if len(self._wobble) > 1 else 0]
        return JudgeReply(f"[[{grade:g}]]", served_model=self._served)


def judge(**parameters: str) -> Judge:
    return Judge(**parameters)


def drawing(grades: str) -> ScriptedModel:
    """A model whose first answer to each question is worth the first grade, and so on."""

    class Drawing(ScriptedModel):
        async def answer(self, tasks: Any) -> Any:
            for task in tasks:
                worth = grades.split(",")[task.sample - 1]
                self._script = {
                    task.question.question_id: [f"drawn, worth {worth}"] * len(task.question.turns)
                }
                async for said in super().answer([task]):
                    yield said

    return Drawing({}, "drawn")


class Home:
    """A bench of six questions in two categories, and runs of it.

    Attributes:
        asked: What the judge was asked in the last run.
    """

    def __init__(self, path: Path, questions: int = 6) -> None:
        self.path = path
        self.asked: list[Task] = []
        self.lines = [
            question_line(n, category="writing" if n % 2 else "travel") for n in range(1, questions + 1)
        ]
        self.write()

    def write(self) -> None:
        """Writes the bench as `lines` has it."""
        write_bench(self.path / "chat", *self.lines, toml=MARGINS)

    def answers(self, name: str, *grades: float) -> str:
        """Answers worth these grades, one a question, the last one's for the rest; returns the spec."""
        worth = [*grades, *[grades[-1]] * (len(self.lines) - len(grades))]
        lines = [
            answer_line(n, *(f"{name} {n}.{turn}, worth {grade}" for turn in (1, 2)))
            for n, grade in enumerate(worth, 1)
        ]
        return f"answers:{write_jsonl(self.path / f'{name}.jsonl', lines)}"

    def run(
        self,
        candidate: str,
        baseline: str,
        judge: str = "",
        *,
        select: Sequence[Any] | None = None,
        keep: bool = False,
        **options: str,
    ) -> tuple[BenchRun, Decision]:
        """A whole run, or one of some questions; its report is in `mtbench-report`.

        Args:
            judge: Parameters of the judge.
            keep: With a store.
        """
        specs = {
            "candidate": candidate,
            "baseline": baseline,
            "judge": f"python:tests.unit.blessing:judge?{judge}",
        }
        given = {**specs, **{key.replace("_", "-"): value for key, value in options.items()}}
        sources = Sources(lambda option: given.get(option.name), here=self.path, ini_folder=self.path)
        settings = read_settings(sources)
        resources = Resources(sqlite_url(self.path / "store.db") if keep else None)
        run = BenchRun(load_bench(self.path / "chat"), settings, resources, self.path)
        chosen = [q for q in run.questions if select is None or q.question_id in select]
        for question in chosen:
            run.select(question, ALL)
        ASKED.clear()
        try:
            for question in chosen:
                pipeline = run.pipeline(question, judged=True, ahead=True)
                with suppress(NotNeeded):
                    run.rows[question.question_id] = pipeline.row(question.question_id).result(WAIT)
        finally:
            run.close()
            self.asked = list(ASKED)
        decision = run.decide("")
        write_report(run, decision, self.path / "mtbench-report")
        resources.close()
        return run, decision

    def bless(self, name: str = "v1", **how: bool) -> Blessed:
        """Blesses the last run."""
        return read_blessed(bless(self.path / "mtbench-report", name, self.baselines, **how).path)

    @property
    def baselines(self) -> Path:
        return self.path / "snapshots" / "baselines"

    @property
    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.path / "mtbench-report/result.json").read_text("utf-8"))
        return found

    def graded(self, model: str) -> int:
        """How often the judge graded a model's answers in the last run."""
        return sum(isinstance(task, GradeTask) and task.answer.model == model for task in self.asked)
