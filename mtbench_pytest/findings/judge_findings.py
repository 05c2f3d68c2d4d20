"""What a run shows of one of its judges: whether it is fit, agrees with people, and grades as it did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mtbench_pytest.core.records import Row
from mtbench_pytest.findings.calibration_text import Trust, trust_in, trust_line, trust_markdown, trust_result
from mtbench_pytest.findings.constancy import constancy_lines, floating_alias, served_result
from mtbench_pytest.findings.fitness import Fitness, judge_fitness
from mtbench_pytest.findings.judge_text import fitness_lines, fitness_markdown, fitness_result


@dataclass(frozen=True)
class JudgeFindings:
    """What a run shows of a judge.

    Attributes:
        judge: As in `result.json`.
        baseline: Likewise, with what this judge's grades of a blessed one are.
        rows: What this judge said.
        bench: The bench's folder.
        program: It computes its verdicts by rules.
        sampling: How the run samples, as in `result.json`.
        margin: The run's, in points.
    """

    judge: Mapping[str, Any]
    baseline: Mapping[str, Any]
    rows: Sequence[Row]
    bench: Path
    program: bool
    sampling: Mapping[str, Any]
    margin: float

    def lines(self) -> Iterator[str]:
        """For the summary."""
        yield from fitness_lines(self._fitness)
        yield trust_line(self._trust)
        yield from self.constancy

    def markdown(self) -> Iterator[str]:
        """The report's sections."""
        yield from fitness_markdown(self._fitness, self.judge["name"])
        yield from trust_markdown(self._trust)

    def about(self) -> dict[str, Any]:
        """As in `result.json`."""
        judge = {key: value for key, value in self.judge.items() if key != "blessed"}
        return {
            "judge": {
                **judge,
                "served": self._served,
                "floating_alias": bool(floating_alias(self.judge, self._served)),
            },
            "judge_fitness": fitness_result(self._fitness),
            "calibration": trust_result(self._trust),
        }

    @property
    def noise(self) -> float | None:
        """The standard deviation of a single grade in points; None where no answer was graded twice."""
        return self._fitness.noise.sd if self._fitness.noise else None

    @cached_property
    def constancy(self) -> list[str]:
        """What is to be said of a blessed baseline and of a judge that moves."""
        parties = {"baseline": self.baseline, "judge": self.judge}
        return list(constancy_lines(parties, self._served, self.sampling, self.margin))

    @cached_property
    def _fitness(self) -> Fitness:
        return judge_fitness(self.rows)

    @cached_property
    def _trust(self) -> Trust:
        return trust_in(self.judge["name"], self.bench, program=self.program)

    @cached_property
    def _served(self) -> list[dict[str, Any]]:
        """Under which names its server answered in this run."""
        blessed = self.baseline["blessed"]
        return served_result(self.rows, bool(blessed and blessed["grades"]))
