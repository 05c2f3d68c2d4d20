"""What a run's rows show besides the decision: for the summary, the report and `result.json`."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from mtbench_pytest import __version__
from mtbench_pytest.attack import delimiters
from mtbench_pytest.baselines import question_facts
from mtbench_pytest.biases import Biases, biases
from mtbench_pytest.critical_chance import (
    FalseAlarm,
    false_alarm,
    gradings_by,
    noise_of_judge,
    turns_of_rows,
)
from mtbench_pytest.decision import Decision
from mtbench_pytest.drops import Drop, drops_of
from mtbench_pytest.fitness import Fitness, judge_fitness
from mtbench_pytest.gate import Policy
from mtbench_pytest.languages import Spoken, spoken
from mtbench_pytest.records import SIDES, Question, QuestionId, Row, Side
from mtbench_pytest.report.biases import biases_lines, biases_markdown, biases_result
from mtbench_pytest.report.calibration import Trust, trust_in, trust_line, trust_markdown, trust_result
from mtbench_pytest.report.constancy import (
    constancy_lines,
    constancy_markdown,
    floating_alias,
    served_result,
)
from mtbench_pytest.report.critical import false_alarm_line, false_alarm_markdown, false_alarm_result
from mtbench_pytest.report.drops import drops_lines, drops_markdown, drops_result
from mtbench_pytest.report.judge import fitness_lines, fitness_markdown, fitness_result
from mtbench_pytest.report.looks import looks_markdown
from mtbench_pytest.report.overlap import ByModel, overlap, overlap_markdown, overlap_result
from mtbench_pytest.report.tongues import spoken_line, spoken_markdown, spoken_result
from mtbench_pytest.settings import Settings
from mtbench_pytest.suite import Bench

_LIBRARIES = ("pytest", "openai", "torch", "transformers")


@dataclass(frozen=True)
class Findings:
    """What a run shows, once all its rows are there.

    Attributes:
        questions: The bench, or the declared sample of it.
        rows: In the order of the bench.
        parties: Candidate, baseline and judge as in `result.json`.
    """

    bench: Bench
    settings: Settings
    policy: Policy
    questions: Sequence[Question]
    rows: Sequence[Row]
    parties: Mapping[str, Any]

    def lines(self) -> Iterator[str]:
        """For the summary."""
        yield from fitness_lines(self._fitness)
        yield trust_line(self._trust)
        if self._false_alarm is not None:
            yield false_alarm_line(self._false_alarm)
        yield from self._constancy
        yield from biases_lines(self._biases)
        yield from drops_lines(self._drops)
        if language := spoken_line(self._spoken, self.bench.language):
            yield language

    def markdown(self, decision: Decision) -> list[str]:
        """The report's sections."""
        return [
            *drops_markdown(self._drops),
            *looks_markdown(decision.early),
            *fitness_markdown(self._fitness, self.parties["judge"]["name"]),
            *trust_markdown(self._trust),
            *false_alarm_markdown(self._false_alarm),
            *biases_markdown(self._biases, self._spoken),
            *constancy_markdown(self._constancy),
            *spoken_markdown(self._spoken, self.bench.language),
            *overlap_markdown(self._overlap),
        ]

    def about(self, started: float, record: str, pace: Mapping[str, Any] | None) -> dict[str, Any]:
        """What was run, and what it showed, as in `result.json`.

        Args:
            started: Seconds since the epoch.
            record: What the run did with its snapshots.
            pace: How fast it went; None where that is not known: under xdist each worker knows its own part.
        """
        settings = self.settings
        return {
            **self.parties,
            "judge": {
                **self.parties["judge"],
                "served": self._served,
                "floating_alias": bool(floating_alias(self.parties["judge"], self._served)),
            },
            "judge_fitness": fitness_result(self._fitness),
            "calibration": trust_result(self._trust),
            "critical": false_alarm_result(self._false_alarm),
            "biases": biases_result(self._biases),
            "drops": drops_result(self._drops),
            "languages": spoken_result(self._spoken),
            "metrics": overlap_result(self._overlap),
            "bench": {
                "name": self.bench.name,
                "path": str(self.bench.path),
                "prompts": str(self.bench.prompts_path),
                "language": self.bench.language,
                "language_stated": bool(self.bench.config.language),
                "sha256": self.bench.digest,
                "prompts_sha256": self.bench.prompts_digest,
                "sample": settings.sample,
            },
            "asked": [question_facts(question) for question in self.questions],
            "settings": {
                "margin": self.policy.margin,
                "question_margin": self.policy.question_margin,
                "question_policy": settings.question_policy,
                "win_rate_margin": self.policy.win_rate_margin,
                "categories": {name: asdict(rules) for name, rules in self.policy.categories.items()},
                "pairwise": settings.pairwise,
                "early_stop": settings.early_stop,
                "judge_repeats": settings.judge_repeats,
                **self._sampling,
                "record": record,
            },
            "pace": pace,
            "versions": {"mtbench-pytest": __version__, "python": platform.python_version(), **_versions()},
            "started": datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    @cached_property
    def _by_id(self) -> Mapping[QuestionId, Question]:
        return {question.question_id: question for question in self.questions}

    @cached_property
    def _fitness(self) -> Fitness:
        """What the run shows of its judge."""
        return judge_fitness(self.rows)

    @cached_property
    def _drops(self) -> Sequence[Drop]:
        """The questions that dropped past their margin, which were asked again."""
        return drops_of(self.rows, self.policy)

    @cached_property
    def _spoken(self) -> Mapping[Side, Spoken]:
        """In which languages the sides replied."""
        return spoken(self.rows, self._by_id, self.bench.language)

    @cached_property
    def _biases(self) -> Biases:
        """What the run shows of known biases."""
        texts = [text for one in self.bench.prompts.templates for text in (one.text, one.turn_text)]
        return biases(self.rows, self._by_id, self.parties, delimiters(texts))

    @cached_property
    def _trust(self) -> Trust:
        """How far the judge is known to agree with people."""
        judge = self.settings.judge
        program = judge is not None and judge.kind == "checks"
        return trust_in(self.parties["judge"]["name"], self.bench.path, program=program)

    @cached_property
    def _false_alarm(self) -> FalseAlarm | None:
        """How often its critical categories stop an equal model; None where there are none."""
        judge = self.settings.judge
        measured = self._fitness.noise.sd if self._fitness.noise else None
        noise = noise_of_judge(measured, self.bench.config.judge_noise.get(self.parties["judge"]["name"]))
        turns = list(turns_of_rows(self.rows, self.policy))
        return false_alarm(turns, noise, gradings_by(judge.kind if judge else None))

    @cached_property
    def _served(self) -> list[dict[str, Any]]:
        """Under which names the judge's server answered in this run."""
        blessed = self.parties["baseline"]["blessed"]
        return served_result(self.rows, bool(blessed and blessed["grades"]))

    @cached_property
    def _constancy(self) -> list[str]:
        """What is to be said of a blessed baseline and of a judge that moves."""
        return list(constancy_lines(self.parties, self._served, self._sampling, self.policy.margin))

    @cached_property
    def _sampling(self) -> dict[str, Any]:
        categories = dict.fromkeys(question.category for question in self.questions)
        return {
            "max_new_tokens": self.settings.max_new_tokens,
            "temperature": {category: self.bench.temperature(category) for category in categories},
            "seed": self.settings.seed,
            "samples": self.settings.samples,
        }

    @cached_property
    def _overlap(self) -> ByModel | str:
        """ROUGE and BLEU of both sides, or why there are none; empty where the bench does not want them."""
        if not self.bench.metrics:
            return {}
        asked = [self._by_id[row.question_id] for row in self.rows]
        replies: dict[str, dict[QuestionId, tuple[str, ...]]] = {
            side: {row.question_id: row.answers[side].turns for row in self.rows if side in row.answers}
            for side in SIDES
        }
        return overlap(asked, replies)


def _versions() -> dict[str, str]:
    found = {}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
