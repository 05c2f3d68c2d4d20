"""Questions that dropped past their question margin: which are asked again, and which drops stand.

A judge that gives an answer a low grade by accident seldom does so three times. A question that dropped is
graded twice more on both sides, and its drop stands where both further gradings show it too. They decide that
alone: asking again only what dropped would bias every mean that they entered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from mtbench_pytest.core.records import SIDES, Judgment, Side
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.critical import Rules, faults_of

FURTHER = 2  # gradings of a question that is asked again

AskAgain = Callable[[Row], bool]
"""Whether both sides of a question are to be graded again, once all else about it is known."""


@dataclass(frozen=True, slots=True)
class Again:
    """A further grading of both sides: mean grades over turns and samples.

    Attributes:
        repeat: The how many-th grading it is, from 2 up.
    """

    repeat: int
    candidate: float
    baseline: float

    @property
    def difference(self) -> float:
        """Candidate's grade less baseline's, in points."""
        return self.candidate - self.baseline


@dataclass(frozen=True, slots=True)
class Drop:
    """A question that dropped past its question margin.

    Attributes:
        margin: Points it might have dropped.
        again: The further gradings, as many as could be had.
        stands: Whether they show the drop too.
    """

    row: Row
    margin: float
    again: tuple[Again, ...]
    stands: bool


def allowed(row: Row, policy: Rules) -> float:
    """Points a question may drop: its margin, which counts from the worst of the baseline's samples."""
    return policy.margin_of_question(row.category) + row.allowance


def asks_again(policy: Rules, row: Row) -> bool:
    """Whether a question is to be asked again: it dropped past its margin, or a critical turn broke."""
    return _dropped(row, allowed(row, policy)) or bool(faults_of(row, policy))


def drops_of(rows: Iterable[Row], policy: Rules) -> list[Drop]:
    """The questions that dropped past their margin, in the order of the rows."""
    found = []
    for row in rows:
        margin = allowed(row, policy)
        if (stands := drop_stands(row, margin)) is not None:
            found.append(Drop(row, margin, graded_again(row), stands))
    return found


def drop_stands(row: Row, margin: float) -> bool | None:
    """Whether a drop stands: no further grading denies it.

    Where a further grading could not be had, because the judge cannot repeat itself or failed, the first one
    stands for it.

    Args:
        margin: Points the question may drop.

    Returns:
        None where the question did not drop.
    """
    if not _dropped(row, margin):
        return None
    return all(again.difference < -margin for again in graded_again(row))


def graded_again(row: Row) -> tuple[Again, ...]:
    """The further gradings of a question of which every turn and sample of both sides is there.

    Of several judges they are the mean; where one cannot repeat or failed, its first grading stands in.
    """
    return tuple(_graded_again(row))


def _graded_again(row: Row) -> Iterator[Again]:
    for repeat in range(row.repeats + 1, row.repeats + FURTHER + 1):
        each = [(view, _again(view, repeat)) for view in row.views]
        if any(again for _, again in each):
            whole = [again or _first(view, repeat) for view, again in each]
            known = [again for again in whole if again is not None]
            yield Again(
                repeat, fmean(again.candidate for again in known), fmean(again.baseline for again in known)
            )


def _again(row: Row, repeat: int) -> Again | None:
    """One judge's further grading."""
    candidate, baseline = (_grade(row, side, repeat) for side in SIDES)
    return None if candidate is None or baseline is None else Again(repeat, candidate, baseline)


def _first(row: Row, repeat: int) -> Again | None:
    """One judge's first grading in place of a further one."""
    candidate, baseline = (row.grade(side) for side in SIDES)
    return None if candidate is None or baseline is None else Again(repeat, candidate, baseline)


def _grade(row: Row, side: Side, repeat: int) -> float | None:
    """A side's mean grade in one grading over all its answers, as the run's own grade is one."""
    grades = [_answer_grade(found, row.turns, repeat) for found in row.regraded_answers(side)]
    known = [grade for grade in grades if grade is not None]
    return fmean(known) if len(known) == row.drawn.get(side, 1) else None


def _answer_grade(judgments: Sequence[Judgment], turns: int, repeat: int) -> float | None:
    by_turn: dict[int, list[float]] = {}
    for judgment in judgments:
        if judgment.repeat == repeat:
            by_turn.setdefault(judgment.turn, []).append(judgment.grade)
    return fmean(map(fmean, by_turn.values())) if len(by_turn) == turns else None


def _dropped(row: Row, margin: float) -> bool:
    return row.difference is not None and row.difference < -margin
