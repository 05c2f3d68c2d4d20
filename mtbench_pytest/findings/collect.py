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
from mtbench_pytest.bench.bench import Bench
from mtbench_pytest.bench.languages import Spoken, spoken
from mtbench_pytest.core.records import SIDES, Question, QuestionId, Row, Side
from mtbench_pytest.findings.biases import Biases, biases
from mtbench_pytest.findings.biases_text import biases_lines, biases_markdown, biases_result
from mtbench_pytest.findings.constancy import constancy_markdown
from mtbench_pytest.findings.critical_chance import (
    FalseAlarm,
    false_alarm,
    gradings_by,
    noise_of_judge,
    noise_of_judges,
    turns_of_rows,
)
from mtbench_pytest.findings.critical_text import false_alarm_line, false_alarm_markdown, false_alarm_result
from mtbench_pytest.findings.drops import drops_lines, drops_markdown, drops_result
from mtbench_pytest.findings.injection import delimiters
from mtbench_pytest.findings.judge_findings import JudgeFindings
from mtbench_pytest.findings.looks import looks_markdown
from mtbench_pytest.findings.overlap_text import ByModel, overlap, overlap_markdown, overlap_result
from mtbench_pytest.findings.panel import of_judge, of_judges, panel_lines, panel_markdown, panel_result
from mtbench_pytest.findings.tongues import spoken_line, spoken_markdown, spoken_result
from mtbench_pytest.gate.decide import Policy
from mtbench_pytest.gate.decision import Decision
from mtbench_pytest.gate.drops import Drop, drops_of
from mtbench_pytest.gate.panel import PanelView
from mtbench_pytest.models.baselines import question_facts
from mtbench_pytest.run.parties import judges_of
from mtbench_pytest.run.settings import Settings

_LIBRARIES = ("pytest", "openai", "torch", "transformers")


@dataclass(frozen=True)
class Findings:
    """What a run shows, once all its rows are there.

    Attributes:
        questions: The bench, or the declared sample of it.
        rows: In the order of the bench; of a panel what the judges said that stay.
        parties: Candidate, baseline and judge as in `result.json`.
        said: The rows with what every judge said.
        panel: What is to be told of a panel; None where one judge judges.
    """

    bench: Bench
    settings: Settings
    policy: Policy
    questions: Sequence[Question]
    rows: Sequence[Row]
    parties: Mapping[str, Any]
    said: Sequence[Row] = ()
    panel: PanelView | None = None

    def lines(self) -> Iterator[str]:
        """For the summary."""
        yield from self.panel_lines
        yield from of_judges({name: list(judge.lines()) for name, judge in self._staying.items()})
        if self._false_alarm is not None:
            yield false_alarm_line(self._false_alarm)
        yield from biases_lines(self._biases)
        yield from drops_lines(self._drops)
        if language := spoken_line(self._spoken, self.bench.language):
            yield language

    @property
    def panel_lines(self) -> list[str]:
        """What is to be said of a panel."""
        return [] if self.panel is None else list(panel_lines(self.panel))

    def markdown(self, decision: Decision) -> list[str]:
        """The report's sections."""
        return [
            *drops_markdown(self._drops),
            *looks_markdown(decision.early),
            *(panel_markdown(self.panel) if self.panel is not None else ()),
            *(line for name, judge in self._judges.items() for line in of_judge(name, judge.markdown())),
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
            **self._about_judges,
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
    def _judges(self) -> dict[str, JudgeFindings]:
        """What there is to say of each judge, by its name; of one that judges alone by ""."""
        kinds = [spec.kind for spec in self.settings.judges] or [""]
        each = list(zip(judges_of(self.parties), kinds, strict=True))
        if self.panel is None:
            return {"": self._judge(*each[0], self.rows)}
        seats = self.panel.seats
        # The rows know the names, whoever could tell of the parties.
        return {
            seat.judge: self._judge(
                {**judge, "name": seat.judge}, kind, [row.by([seat.judge]) for row in self.said]
            )
            for seat, (judge, kind) in zip(seats, each, strict=True)
        }

    def _judge(self, judge: Mapping[str, Any], kind: str, rows: Sequence[Row]) -> JudgeFindings:
        """What there is to say of a judge, whose own the rows are."""
        baseline = {**self.parties["baseline"], "blessed": judge["blessed"]}
        program = kind == "checks"
        return JudgeFindings(
            judge, baseline, rows, self.bench.path, program, self._sampling, self.policy.margin
        )

    @property
    def _staying(self) -> dict[str, JudgeFindings]:
        """The same of those that count."""
        panel = self.panel
        return {name: one for name, one in self._judges.items() if panel is None or not panel.left(name)}

    @property
    def _about_judges(self) -> dict[str, Any]:
        """The judge as in `result.json`; a panel has its judges under a key of their own."""
        if self.panel is None:
            return self._judges[""].about()
        about = {name: judge.about() for name, judge in self._judges.items()}
        plain = {key: value for key, value in self.parties["judge"].items() if key != "judges"}
        return {"judge": plain, "panel": panel_result(self.panel, about)}

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
    def _false_alarm(self) -> FalseAlarm | None:
        """How often its critical categories stop an equal model; None where there are none."""
        stated, staying = self.bench.config.judge_noise, self._staying.values()
        noise = noise_of_judges(
            [noise_of_judge(judge.noise, stated.get(judge.judge["name"])) for judge in staying]
        )
        turns = list(turns_of_rows(self.rows, self.policy))
        return false_alarm(turns, noise, gradings_by([spec.kind for spec in self.settings.judges]))

    @cached_property
    def _constancy(self) -> list[str]:
        """What is to be said of a blessed baseline and of judges that move."""
        return list(of_judges({name: judge.constancy for name, judge in self._staying.items()}))

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
