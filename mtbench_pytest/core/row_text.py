"""A judged question in words: its grades, games and failures, as terminal, report and tests tell them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from mtbench_pytest.core.records import SIDES, AnswerFailure, Failure, Side
from mtbench_pytest.core.row import Row


def dropped(rows: Sequence[Row]) -> list[Row]:
    """The rows whose candidate fell under the baseline, the deepest fall first."""
    return sorted((row for row in rows if (row.difference or 0) < 0), key=lambda row: row.difference or 0)


def worst_turn(row: Row) -> int:
    """The turn in which the candidate fell furthest under the baseline."""
    candidate, baseline = (row.turn_grades(side) for side in SIDES)
    return min(candidate, key=lambda turn: candidate[turn] - baseline[turn])


def failure_kind(failure: Failure) -> str:
    """The field's word for what could not be had."""
    if isinstance(failure, AnswerFailure):
        return "answer"
    return "judgment" if len(failure.models) == 1 else "game"


def failure_place(failure: Failure, row: Row) -> str:
    """Which turn, which repeat and which judge of several, as ", turn 2"; nothing of an answer."""
    if isinstance(failure, AnswerFailure):
        return ""
    repeat = f", repeat {failure.repeat}" if failure.repeat > 1 else ""
    whose = f", judge {failure.judge}" if len(row.judges) > 1 else ""
    return f", turn {failure.turn}{repeat}{whose}"


def grades_in_words(grades: Sequence[float]) -> str:
    """A turn's grade; of several repeats the mean, and each of them."""
    if len(grades) == 1:
        return f"{grades[0]:g}"
    return f"{math.fsum(grades) / len(grades):.2f} ({', '.join(f'{grade:g}' for grade in grades)})"


def turn_in_words(row: Row, side: Side, turn: int) -> str:
    """The grade of a turn of a side's first answer, with what it got when the question was asked again."""
    again = [f"{one.grade:g}" for one in row.regraded.get(side, ()) if one.turn == turn]
    return grades_in_words(row.repeated(side)[turn]) + (f", again {', '.join(again)}" if again else "")


def samples_in_words(row: Row) -> Iterator[str]:
    """What the grade of a side with several answers is the mean of."""
    for side in reversed(SIDES):
        if len(grades := row.grades(side) or ()) > 1:
            shown = ", ".join(f"{grade:.2f}" for grade in grades)
            yield f"{side}: the mean of {len(grades)} answers, graded {shown}; the first is shown"


def games_of(row: Row) -> Iterator[list[str]]:
    """By turn that was compared how the candidate did, a word a judge."""
    words = {"candidate": "win", "baseline": "loss", "tie": "tie"}
    for turn in dict.fromkeys(verdict.turn for verdict in row.verdicts):
        yield [words[verdict.winner] for verdict in row.verdicts if verdict.turn == turn]


def games_text(row: Row) -> str:
    """How the candidate did in each turn that was compared, by several judges as win/tie/tie."""
    return ", ".join("/".join(words) for words in games_of(row))
