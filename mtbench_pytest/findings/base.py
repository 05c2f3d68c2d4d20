"""What a finding is: something that a run tells beside its decision, from the rows it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar, cast

from mtbench_pytest.bench.bench import Bench
from mtbench_pytest.core.records import Question, QuestionId
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.decide import Policy
from mtbench_pytest.gate.decision import Decision
from mtbench_pytest.gate.panel import PanelView

T = TypeVar("T")


@dataclass(frozen=True)
class Facts:
    """What a run has, once it is decided: all that a finding may look at.

    Attributes:
        questions: The bench, or the declared sample of it.
        rows: In the order of the bench; of a panel what the judges said that stay.
        parties: Candidate, baseline and judge as in `result.json`.
        sampling: How the run samples, as in `result.json`.
        judge_kinds: Of each judge's spec: "openai", "checks".
        said: The rows with what every judge said.
        panel: What is to be told of a panel; None where one judge judges.
        decision: None where it is not made yet.
    """

    bench: Bench
    policy: Policy
    questions: Sequence[Question]
    rows: Sequence[Row]
    parties: Mapping[str, Any]
    sampling: Mapping[str, Any]
    judge_kinds: Sequence[str] = ()
    said: Sequence[Row] = ()
    panel: PanelView | None = None
    decision: Decision | None = None
    _known: dict[Callable[[Facts], Any], Any] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def by_id(self) -> Mapping[QuestionId, Question]:
        """The questions by their ids."""
        return {question.question_id: question for question in self.questions}

    def once(self, measure: Callable[[Facts], T]) -> T:
        """A measurement of these facts that several findings need; it is made once."""
        if measure not in self._known:
            self._known[measure] = measure(self)
        return cast("T", self._known[measure])


class Finding(Protocol):
    """One thing that a run tells. `collect.FINDINGS` lists them all."""

    def __init__(self, facts: Facts) -> None:
        """Measures nothing yet."""

    def lines(self) -> Iterable[str]:
        """For the summary: lines that may be longer than the terminal is wide; none where all is well."""

    def markdown(self) -> Iterable[str]:
        """A section of the report, which begins with an empty line; nothing where there is nothing to say."""

    def result(self) -> Mapping[str, Any]:
        """Its keys in `result.json`."""


def judges_of(parties: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The judges, one by one; each with the blessed baseline as its own grades make it."""
    judge = parties["judge"]
    return judge.get("judges") or [{**judge, "blessed": parties["baseline"].get("blessed")}]
