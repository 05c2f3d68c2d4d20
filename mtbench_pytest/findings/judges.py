"""What a run shows of one of its judges: whether it is fit, agrees with people, and grades as it did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mtbench_pytest.core.row import Row
from mtbench_pytest.findings.base import Facts, judges_of
from mtbench_pytest.findings.calibration import Trust, trust_in, trust_line, trust_markdown, trust_result
from mtbench_pytest.findings.drift import constancy_lines, constancy_markdown, floating_alias, served_result
from mtbench_pytest.findings.judge import (
    Fitness,
    fitness_lines,
    fitness_markdown,
    fitness_result,
    judge_fitness,
)


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


def of_judges(lines: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Lines about several judges: each says whose it is, and what is said of all of them is said once.

    Args:
        lines: By judge; those of one that judges alone, under "", stay as they are.
    """
    said: set[str] = set()
    for name, own in lines.items():
        for line in own:
            told = _whose(name, line, common=all(line in others for others in lines.values()))
            if told not in said or not name:
                yield told
            said.add(told)


def _whose(name: str, line: str, *, common: bool) -> str:
    if not name or line.startswith(f"judge {name}"):
        return line
    if line.startswith("judge"):
        return f"judge {name}{line.removeprefix('judge')}"
    return line if common else f"{line} (judge {name})"


def of_judge(name: str, lines: Iterable[str]) -> Iterator[str]:
    """A judge's sections of the report; where there are several, each heading says whose it is."""
    for line in lines:
        yield f"{line}: {name}" if name and line.startswith("## ") else line


def judges_by_name(facts: Facts) -> Mapping[str, JudgeFindings]:
    """What there is to say of each judge, by its name; of one that judges alone by ""."""
    each = list(zip(judges_of(facts.parties), facts.judge_kinds or [""], strict=True))
    if facts.panel is None:
        return {"": _judge(facts, *each[0], facts.rows)}
    # The rows know the names, whoever could tell of the parties.
    return {
        seat.judge: _judge(
            facts, {**judge, "name": seat.judge}, kind, [row.by([seat.judge]) for row in facts.said]
        )
        for seat, (judge, kind) in zip(facts.panel.seats, each, strict=True)
    }


def staying(facts: Facts) -> Mapping[str, JudgeFindings]:
    """The same of those that count."""
    panel = facts.panel
    judges = facts.once(judges_by_name)
    return {name: one for name, one in judges.items() if panel is None or not panel.left(name)}


def _judge(facts: Facts, judge: Mapping[str, Any], kind: str, rows: Sequence[Row]) -> JudgeFindings:
    """What there is to say of a judge, whose own the rows are."""
    baseline = {**facts.parties["baseline"], "blessed": judge["blessed"]}
    return JudgeFindings(
        judge, baseline, rows, facts.bench.path, kind == "checks", facts.sampling, facts.policy.margin
    )


class JudgesFinding:
    """Whether each judge is fit, agrees with people, and grades as it did."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def lines(self) -> Iterator[str]:
        """For the summary."""
        return of_judges({name: list(judge.lines()) for name, judge in self._facts.once(staying).items()})

    def markdown(self) -> Iterator[str]:
        """Sections of the report."""
        for name, judge in self._facts.once(judges_by_name).items():
            yield from of_judge(name, judge.markdown())
        constancy = of_judges({name: one.constancy for name, one in self._facts.once(staying).items()})
        yield from constancy_markdown(list(constancy))

    def result(self) -> Mapping[str, Any]:
        """As in `result.json`; what is known of each judge of a panel stands there under `panel`."""
        if self._facts.panel is None:
            return self._facts.once(judges_by_name)[""].about()
        return {"judge": {k: v for k, v in self._facts.parties["judge"].items() if k != "judges"}}
