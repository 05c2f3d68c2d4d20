"""Critical categories, where one answer is one too many: what no turn of theirs may do.

The mean of a question hides a turn that broke, so here every turn counts on its own. It may not lie further
under the baseline's than the question margin, nor under a floor, whatever the baseline does. One low grade
may be an accident of the judge's: a fault stands where every further grading (`drops.py`) shows it too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, Protocol

from mtbench_pytest.core.records import SIDES, Judgment, QuestionId, Side
from mtbench_pytest.core.row import Row

Kind = Literal["drop", "floor"]
_ROUNDING = 1e-9  # points: 7 - 4.1 is a little more than 2.9
Grades = Mapping[Side, Sequence[Mapping[int, float]]]
"""One grading of a question: by side, of each of its answers, the grade of each turn."""


class Rules(Protocol):
    """The part of a policy that is about critical categories."""

    def is_critical(self, category: str) -> bool:
        """Whether a regression of this category alone is the run's."""

    def margin_of_question(self, category: str) -> float:
        """Points a question of this category may drop; here each of its turns."""

    def floor_of(self, category: str) -> float | None:
        """The grade that no turn of this category may lie under, or None."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A turn of a critical category that broke.

    Attributes:
        kind: "drop": further under the baseline than the margin; "floor": under the floor.
        candidate: The grade, from 1 to 10: of several answers their mean, for a floor the worst.
        baseline: The baseline's; of several answers the worst.
        limit: The margin in points, or the floor.
        gradings: How often the turn was graded on both sides.
        stands: Whether each of them shows the fault.
        shared: A floor that the baseline breaks too: no regression, for it was no better before.
    """

    question_id: QuestionId
    category: str
    turn: int
    kind: Kind
    candidate: float
    baseline: float
    limit: float
    gradings: int
    stands: bool
    shared: bool = False


def faults_of(row: Row, rules: Rules) -> list[Fault]:
    """The turns of a question that broke by its first grading; none where its category is not critical."""
    if not rules.is_critical(row.category) or row.difference is None:
        return []
    margin, floor = rules.margin_of_question(row.category), rules.floor_of(row.category)
    gradings = list(_gradings(row))
    limits: list[tuple[Kind, float]] = [("drop", margin)]
    limits += [("floor", floor)] if floor is not None else []
    return [
        _fault(row, turn, kind, limit, gradings)
        for turn in range(1, row.turns + 1)
        for kind, limit in limits
        if _shows(gradings[0], turn, kind, limit)
    ]


def _fault(row: Row, turn: int, kind: Kind, limit: float, gradings: Sequence[Grades]) -> Fault:
    candidate = _candidate(gradings[0], turn, kind)
    baseline = fmean(_worst(grades, "baseline", turn) for grades in gradings)
    return Fault(
        row.question_id,
        row.category,
        turn,
        kind,
        candidate,
        _worst(gradings[0], "baseline", turn),
        limit,
        len(gradings),
        stands=all(_shows(grades, turn, kind, limit) for grades in gradings),
        shared=kind == "floor" and baseline < limit,
    )


def _shows(grades: Grades, turn: int, kind: Kind, limit: float) -> bool:
    """Whether a grading shows a fault in a turn."""
    candidate = _candidate(grades, turn, kind)
    line = limit if kind == "floor" else _worst(grades, "baseline", turn) - limit
    return candidate < line - _ROUNDING


def _candidate(grades: Grades, turn: int, kind: Kind) -> float:
    if kind == "floor":
        return _worst(grades, "candidate", turn)
    return fmean(answer[turn] for answer in grades["candidate"])


def _worst(grades: Grades, side: Side, turn: int) -> float:
    return min(answer[turn] for answer in grades[side])


def _gradings(row: Row) -> Iterator[Grades]:
    """The first grading of a question, and the further ones of which both sides are whole.

    Of several judges they are the mean; where one cannot repeat or failed, its first grading stands in.
    """
    yield _first(row)
    views = row.views
    for repeat in sorted(
        {one.repeat for side in SIDES for said in row.regraded_answers(side) for one in said}
    ):
        each = [_further(view, repeat) for view in views]
        if any(each):
            whole = [further or _first(view) for view, further in zip(views, each, strict=True)]
            yield whole[0] if len(whole) == 1 else {side: _means(whole, side) for side in SIDES}


def _first(row: Row) -> Grades:
    return {side: row.each_turn_grades(side) for side in SIDES}


def _further(row: Row, repeat: int) -> Grades | None:
    """One judge's further grading; None where it is not whole."""
    further: Grades = {side: [_graded(said, repeat) for said in row.regraded_answers(side)] for side in SIDES}
    whole = all(len(answer) == row.turns for side in SIDES for answer in further[side])
    return further if whole else None


def _graded(said: Sequence[Judgment], repeat: int) -> dict[int, float]:
    """By turn what one answer got in a further grading."""
    return {judgment.turn: judgment.grade for judgment in said if judgment.repeat == repeat}


def _means(gradings: Sequence[Grades], side: Side) -> list[dict[int, float]]:
    """Of each of a side's answers the mean grade of each turn over the judges."""
    answers = zip(*(grades[side] for grades in gradings), strict=True)
    return [{turn: fmean(one[turn] for one in answer) for turn in answer[0]} for answer in answers]
