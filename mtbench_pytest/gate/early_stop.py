"""Stopping early: questions in blocks, a look at the bounds after each, an end once a decision is certain."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Protocol

from mtbench_pytest.core.records import Question, QuestionId
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.decision import LEVELS, Decision, EarlyStop, Levels, Look
from mtbench_pytest.gate.stats import ControlVariate
from mtbench_pytest.gate.stats.sequential import Spending, hwang, look_levels

Rows = Mapping[QuestionId, Row]

_BLOCK = 8  # questions between two looks
_SHORT = 80  # questions of a bench that spends as late as any
_MOST_LOOKS = 40  # a bench that would take more has larger blocks

# Chosen by simulation, see docs/early-stop.md. Fewer questions than the least may all have missed what is
# broken, or tell too little of their own spread.
_LEAST_TO_PASS = 32
_REGRESSION, _LEAST_TO_REGRESS = hwang(-2), 16
_WAYS = 4  # to a regression, at most, that share its level: see gate.ways_to_regress


class Decide(Protocol):
    """The gate's decision on some questions at some levels, all else filled in."""

    def __call__(self, rows: Rows, expected: Sequence[Question], levels: Levels) -> Decision:
        """Decides."""


class Holds(Protocol):
    """Whether a PASS would stand whatever the questions had shown that could not be judged."""

    def __call__(self, rows: Rows, expected: Sequence[Question], decision: Decision) -> bool:
        """Tells."""


def look_ends(questions: int) -> tuple[int, ...]:
    """How many questions are judged at each look; the last look is at all of them."""
    block = _BLOCK * max(1, math.ceil(questions / (_BLOCK * _MOST_LOOKS)))
    return (*range(block, questions, block), questions)


def pass_spending(questions: int) -> Spending:
    """How the rate of wrong PASSes is spent over a run of so many questions.

    A short bench needs all its questions to show that two models are equal, and so spends at its end; a long
    one has questions to spare. By the size of the bench alone, which is known before the run.
    """
    latest, earliest = -8.0, -2.0
    return hwang(max(latest, min(earliest, latest * (_SHORT / questions) ** 2)))


@cache
def levels_of(ends: tuple[int, ...], levels: Levels = LEVELS) -> tuple[Levels, ...]:
    """The levels of each look, with which all looks together are wrong as rarely as one decision.

    Args:
        ends: See `look_ends`.
        levels: Of the run as a whole.

    Returns:
        For each look its own; 0 where there are too few questions for bounds to decide anything.
    """

    def spread(alpha: float, least: int, spending: Spending) -> list[float]:
        looks = [end / ends[-1] for end in ends if end >= min(least, ends[-1])]
        return [0.0] * (len(ends) - len(looks)) + list(look_levels(looks, alpha, spending))

    passes = spread(levels.pass_alpha, _LEAST_TO_PASS, pass_spending(ends[-1]))
    # For each way to a regression: a part of the levels would spend a little more than that part of the rate.
    ways = spread(levels.regression_alpha / _WAYS, _LEAST_TO_REGRESS, _REGRESSION)
    return tuple(Levels(one, _WAYS * other) for one, other in zip(passes, ways, strict=True))


class Course:
    """The way of a run through its questions: what is judged next, until a decision is certain.

    It depends on the rows alone, so that every process of a run goes the same way.

    Args:
        order: The questions of the run, mixed: every beginning stands for the whole.
        critical: Ids of questions of which each must be judged before a PASS: one alone can be a regression.
        decide: Makes a decision on some of the questions.
        holds: A PASS that does not hold is not certain: the run goes on. None where all of them do.

    Attributes:
        block: What is to be judged now; empty at the end.
        decision: Made at the end.
    """

    def __init__(
        self,
        order: Sequence[Question],
        critical: Collection[QuestionId],
        decide: Decide,
        holds: Holds | None = None,
    ) -> None:
        self.order = order
        self.decision: Decision | None = None
        self._critical = [question for question in order if question.question_id in critical]
        self._decide = decide
        self._holds = holds
        self._rows: Rows = {}
        self._asked: set[QuestionId] = set()
        self._walk = self._walking()
        self.block: Sequence[Question] = next(self._walk)

    @property
    def left(self) -> list[Question]:
        """The questions that were not asked for so far."""
        return [question for question in self.order if question.question_id not in self._asked]

    @property
    def reached(self) -> int:
        """How many questions it has asked for so far, those of the block that it waits for included."""
        return len(self._asked)

    def proceed(self, rows: Rows) -> Sequence[Question]:
        """Looks at what was judged.

        Args:
            rows: All that is known by now; a question that is not there counts as not judged.

        Returns:
            The next `block`.
        """
        self._rows = rows
        self.block = next(self._walk, ())
        return self.block

    def follow(self, rows: Rows) -> Decision | None:
        """Goes the way that was gone; the decision, or None where the run broke off on its way."""
        while self.block and any(question.question_id in rows for question in self.block):
            self.proceed(rows)
        return self.decision

    def _walking(self) -> Generator[Sequence[Question]]:
        looks = []
        ends = look_ends(len(self.order))
        for end, levels in zip(ends, levels_of(ends), strict=True):
            seen = self.order[:end]
            yield from self._ask(seen)
            judged = seen
            decision = self._decide(self._rows, judged, levels)
            ids = {question.question_id for question in seen}
            left = [question for question in self._critical if question.question_id not in ids]
            if decision.outcome == "PASS" and left:
                # These bounds are of a mixed beginning; what is left must not hold what alone forbids it.
                yield from self._ask(left)
                judged = [*seen, *left]
                decision = self._decide(self._rows, judged, levels)
            looks.append(Look(len(self._asked), levels, decision.outcome))
            if decision.outcome == "REGRESSION" or (
                decision.outcome == "PASS" and self._stands(judged, decision)
            ):
                break
        early = EarlyStop(len(self.order), len(self._asked), tuple(looks))
        self.decision = replace(decision, early=early)

    def _stands(self, judged: Sequence[Question], decision: Decision) -> bool:
        return self._holds is None or self._holds(self._rows, judged, decision)

    def _ask(self, questions: Sequence[Question]) -> Generator[Sequence[Question]]:
        """What of these was not asked for before."""
        if new := [question for question in questions if question.question_id not in self._asked]:
            self._asked.update(question.question_id for question in new)
            yield new


def control_of(questions: Sequence[Question], known: Mapping[QuestionId, float]) -> ControlVariate | None:
    """What is known of every question before it is judged; None where that is not all of them.

    Args:
        known: Blessed grades of the baseline that stand, in points.
    """
    if not all(question.question_id in known for question in questions):
        return None
    strata = {question.question_id: question.category for question in questions}
    return ControlVariate({key: known[key] for key in strata}, strata)


def decide_early(
    course_of: Callable[[ControlVariate | None], Course], control: ControlVariate | None, rows: Rows
) -> tuple[Decision, Sequence[Question]] | None:
    """The decision of a run that went its way, and the questions it came to; None where it broke off before.

    Args:
        course_of: Makes a course at its beginning.
        control: What the looks knew of the rest; what that saved is told by the same rows without it.
    """
    course = course_of(control)
    if (made := course.follow(rows)) is None:
        return None
    if made.early is not None and control is not None:
        alone = course_of(None)
        alone.follow(rows)
        made = replace(made, early=replace(made.early, known=len(control.values), alone=alone.reached))
    left = {question.question_id for question in course.left}
    return made, [question for question in course.order if question.question_id not in left]
