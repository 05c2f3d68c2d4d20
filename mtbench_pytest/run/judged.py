"""What a question's test sees: both sides' grades, the drop, the margin, and the words for a failure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from mtbench_pytest.core.records import Answer, AnswerFailure, Judgment, Question, Side, Verdict
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.row_text import failure_kind, failure_place, grades_in_words
from mtbench_pytest.core.text import printable
from mtbench_pytest.findings.drops import again_in_words
from mtbench_pytest.gate.drops import Again, drop_stands, graded_again

_WIDTH = 100
_LINES = 6


@dataclass(frozen=True, slots=True, repr=False)
class SideResult:
    """One side of a judged question.

    Attributes:
        grade: Mean grade over the turns, and over the samples where there are several, from 1 to 10.
        grades: The grade of each turn, the mean over repeats and judges.
        judgments: With the judges' reasons, one a turn, judge and repeat.
        samples: The grade of each of its answers; of several the others are those of the first.
    """

    answer: Answer
    grade: float
    grades: tuple[float, ...]
    judgments: tuple[Judgment, ...]
    samples: tuple[float, ...] = ()

    def of_turn(self, turn: int) -> tuple[Judgment, ...]:
        """The judgments of a turn, from 1, one a judge and repeat."""
        return tuple(judgment for judgment in self.judgments if judgment.turn == turn)

    def __repr__(self) -> str:
        return f"<{self.answer.model}: grade {self.grade:.2f}>"


@dataclass(frozen=True, slots=True, repr=False)
class Judged:
    """A question with both sides judged.

    Attributes:
        margin: Points the question may drop: the question margin, under the worst of the baseline's samples.
        verdicts: The pairwise comparisons, one a turn compared and judge.
        report: Where the whole record will be.
        again: The further gradings of a question that was asked again.
        told: Of a question that dropped what came of asking again, in words; "" of any other.
    """

    question: Question
    candidate: SideResult
    baseline: SideResult
    verdicts: tuple[Verdict, ...]
    margin: float
    report: str
    again: tuple[Again, ...] = ()
    told: str = ""

    def __repr__(self) -> str:
        # pytest shows it beside a failed assertion, where the explanation says the rest.
        return f"<question {self.question.question_id}: {self.candidate!r}, {self.baseline!r}>"

    @property
    def difference(self) -> float:
        """Candidate's grade less baseline's, in points.

        Of a drop past the margin that a further grading does not show, that of the grading which shows least
        of it: such a drop does not stand.
        """
        gradings = [again.difference for again in self.again]
        denied = self._first < -self.margin and any(difference >= -self.margin for difference in gradings)
        return max(gradings) if denied else self._first

    @property
    def _first(self) -> float:
        return self.candidate.grade - self.baseline.grade

    @property
    def dropped(self) -> bool:
        """Whether the question dropped by more than the margin, asked again too."""
        return self.difference < -self.margin

    @property
    def explanation(self) -> str:
        """Why a question failed: grades, answers and the judge's reasons, turn by turn."""
        lines = [
            f"question {self.question.question_id} ({self.question.category}) dropped "
            f"{-self._first:.2f} points, more than {self.margin:g}: "
            f"candidate {self.candidate.grade:.2f}, baseline {self.baseline.grade:.2f}",
            *_sampled("candidate", self.candidate),
            *_sampled("baseline", self.baseline, "; the margin counts from the worst"),
            *([self.told] if self.told else []),
        ]
        for turn, text in enumerate(self.question.turns, 1):
            lines += ["", f"turn {turn}:", *_quote("user", text)]
            for label, side in (("baseline", self.baseline), ("candidate", self.candidate)):
                judgments = side.of_turn(turn)
                graded = grades_in_words([judgment.grade for judgment in judgments])
                lines += _quote(f"{label} {side.answer.model}, graded {graded}", side.answer.turns[turn - 1])
                firsts = {one.judge: one for one in reversed(judgments)}
                for first in reversed(firsts.values()):
                    lines += _quote(f"{first.judge} on the {label}", first.text)
        lines += ["", f"the whole record: {self.report}"]
        return "\n".join(lines)


def _sampled(label: str, side: SideResult, more: str = "") -> Iterator[str]:
    if len(side.samples) > 1:
        grades = ", ".join(f"{grade:.2f}" for grade in side.samples)
        yield f"{label}: the mean of {len(side.samples)} answers graded {grades}{more}; here is the first"


def _quote(who: str, text: str) -> list[str]:
    """A few indented lines of what somebody said; says how many more there are."""
    parts = printable(text).strip().splitlines()
    wrapped = [line for part in parts for line in textwrap.wrap(part, _WIDTH)]
    shown = wrapped[:_LINES] or ["(nothing)"]
    if len(wrapped) > _LINES:
        shown.append(f"… {len(wrapped) - _LINES} more lines")
    return [f"  {who}:", *(f"    {line}" for line in shown)]


def judged_from(row: Row, question: Question, margin: float, report: str) -> Judged:
    """The test's view of a row whose both sides are graded.

    Args:
        margin: The question margin.
    """
    sides = _side(row, "candidate"), _side(row, "baseline")
    most = margin + row.allowance
    told = "" if drop_stands(row, most) is None else again_in_words(row)
    return Judged(question, *sides, row.verdicts, most, report, graded_again(row), told)


def _side(row: Row, side: Side) -> SideResult:
    grade, samples = row.grade(side), row.grades(side)
    assert grade is not None, f"{side} of question {row.question_id} is not graded"
    grades = tuple(row.turn_grades(side).values())
    return SideResult(row.answers[side], grade, grades, row.judgments[side], samples or ())


def why_unjudged(row: Row) -> str:
    """What could not be had, in lines."""
    lines = [f"question {row.question_id} ({row.category}) could not be judged:"]
    for failure in row.failures:
        about = failure.model if isinstance(failure, AnswerFailure) else ", ".join(failure.models)
        lines.append(f"  {failure_kind(failure)} of {about}{failure_place(failure, row)}: {failure.reason}")
    return "\n".join(lines)
