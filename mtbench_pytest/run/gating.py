"""A bench's rows put to the gate, as a run's settings and circumstances have it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from mtbench_pytest.bench.bench import Bench, mixed
from mtbench_pytest.core.records import Question, QuestionId
from mtbench_pytest.core.row import Row
from mtbench_pytest.findings.judge import Fitness, judge_fitness
from mtbench_pytest.findings.noise import why_no_verdict
from mtbench_pytest.gate.decide import Policy, decide
from mtbench_pytest.gate.decision import Decision, Levels
from mtbench_pytest.gate.early_stop import Course, decide_early
from mtbench_pytest.gate.explain import explain_early
from mtbench_pytest.gate.panel import seat
from mtbench_pytest.gate.stats import ControlVariate
from mtbench_pytest.gate.worst_case import Unjudged, unjudged
from mtbench_pytest.run.settings import Settings

Rows = Mapping[QuestionId, Row]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a run has learned that its rows do not say.

    Attributes:
        fatal: Why it could not go on, or "".
        incomparable: Why the two sides cannot be compared, or "".
        judges: The judges' names, in the order of the settings.
    """

    fatal: str
    incomparable: str
    judges: Sequence[str]


class Gating:
    """Decides on the rows of one bench.

    Args:
        questions: The bench, or the declared sample of it.
        now: What is known by now, besides the rows.
    """

    def __init__(
        self,
        bench: Bench,
        questions: Sequence[Question],
        policy: Policy,
        settings: Settings,
        now: Callable[[], Circumstances],
    ) -> None:
        self._bench = bench
        self._questions = questions
        self._policy = policy
        self._settings = settings
        self._now = now

    @cached_property
    def order(self) -> Mapping[QuestionId, int]:
        """The place of each question in the order in which a run that may stop early judges them."""
        mix = mixed(self._questions, self._settings.seed)
        return {question.question_id: place for place, question in enumerate(mix)}

    def course(self, control: ControlVariate | None) -> Course:
        """The way of a run that may stop early."""
        order = sorted(self._questions, key=lambda question: self.order[question.question_id])
        critical = [q.question_id for q in self._questions if self._policy.is_critical(q.category)]
        decide_on = partial(self.decide_on, control=control)
        return Course(order, critical, decide_on, partial(self._holds, control=control))

    def decide_early(
        self, rows: Rows, control: ControlVariate | None, calls_saved: int
    ) -> tuple[Decision, Sequence[Question]] | None:
        """The decision of a run that may stop early, and the questions that it rests on.

        None where it broke off before that.

        Args:
            calls_saved: Calls of the judge for the questions that it did not come to.
        """
        found = None if self._now().fatal else decide_early(self.course, control, rows)
        if found is None or found[0].early is None:
            return None
        made, reached = found
        early = replace(found[0].early, calls_saved=calls_saved)
        ids = {question.question_id for question in reached}
        asked = [question for question in self._questions if question.question_id in ids]
        return replace(made, early=early, reasons=(*made.reasons, explain_early(early))), asked

    def decide_on(
        self,
        rows: Rows,
        expected: Sequence[Question],
        levels: Levels,
        parts: Sequence[str] = (),
        control: ControlVariate | None = None,
    ) -> Decision:
        """The decision on some of the questions, which rests on their rows alone.

        Args:
            parts: Why this is less than the whole bench.
        """
        wanted = {question.question_id for question in expected}
        expected = [question for question in self._questions if question.question_id in wanted]
        panel = seat([rows[question.question_id] for question in expected if question.question_id in rows])
        fitness = judge_fitness(panel.rows)
        return self._decide(panel.rows, expected, levels, fitness, parts, panel.too_few, control)

    def decide_alone(self, rows: Sequence[Row], asked: Sequence[Question], levels: Levels) -> Decision:
        """What some of a panel's judges would decide.

        Args:
            rows: What they said.
        """
        return self._decide(rows, asked, levels, judge_fitness(rows))

    def unjudged(
        self, rows: Rows, asked: Sequence[Question], decision: Decision, control: ControlVariate | None
    ) -> Unjudged | None:
        """What a PASS owes to questions that could not be judged."""
        found = seat([rows[q.question_id] for q in asked if q.question_id in rows]).rows
        fitness = judge_fitness(found)

        def again(changed: Sequence[Row]) -> Decision:
            return self._decide(changed, asked, decision.levels, fitness, control=control)

        return unjudged(decision, found, asked, self._policy, again)

    def _holds(
        self, rows: Rows, asked: Sequence[Question], decision: Decision, control: ControlVariate | None
    ) -> bool:
        left = self.unjudged(rows, asked, decision, control)
        return left is None or left.holds

    def _decide(
        self,
        rows: Sequence[Row],
        expected: Sequence[Question],
        levels: Levels,
        fitness: Fitness,
        parts: Sequence[str] = (),
        too_few: str = "",
        control: ControlVariate | None = None,
    ) -> Decision:
        """The decision on rows of judges who are to count.

        Args:
            fitness: What they show of their judges.
            too_few: Why there is no panel any more, or "".
        """
        now = self._now()
        noise = "" if parts else too_few or why_no_verdict(self._policy.margin, fitness.noise)
        return decide(
            self._bench.name,
            rows,
            expected,
            self._policy,
            pairwise=self._settings.pairwise,
            partial=parts,
            fatal=now.fatal or noise,
            incomparable="" if now.fatal else now.incomparable,
            levels=levels,
            checks_only=self._checks_only(rows, now.judges),
            control=control,
        )

    def _checks_only(self, rows: Sequence[Row], names: Sequence[str]) -> bool:
        """Whether nobody judged these rows but the checks, which know no taste."""
        kinds = [spec.kind for spec in self._settings.judges]
        judges = {judge for row in rows for judge in row.judges}
        if len(kinds) > 1 and judges:
            kinds = [kind for name, kind in zip(names, kinds, strict=True) if name in judges]
        return kinds == ["checks"]
