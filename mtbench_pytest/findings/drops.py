"""Questions that were asked again, in words: for a test, the summary, the report, and programs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mtbench_pytest.core.records import SIDES, Side
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.row_text import worst_turn
from mtbench_pytest.core.text import UNKNOWN, WIDTH, Cells, grade_text, markdown_table, one_line, points
from mtbench_pytest.findings.base import Facts
from mtbench_pytest.gate.drops import Again, Drop, drops_of, graded_again

_SHOWN = 5  # questions in the summary; the report has all
_REASON = 200  # characters of what the judge wrote
_HEAD: Cells = ("question", "baseline", "candidate", "difference", "margin", "asked again", "the drop")


def again_in_words(row: Row) -> str:
    """What came of asking again about a question that dropped, in a sentence."""
    parts = []
    if again := graded_again(row):
        parts.append(f"asked again: {', '.join(map(_grades, again))}")
    if failures := row.regrade_failures:
        reason = one_line(failures[0].reason, _REASON)
        parts.append(f"{len(failures)} of the further judgments could not be had ({reason})")
    elif not again:
        parts.append("the judge cannot grade it again")
    return "; ".join(parts if again else [*parts, "the first grade stands"])


def _grades(again: Again) -> str:
    return f"{grade_text(again.candidate)} against {grade_text(again.baseline)} ({points(again.difference)})"


def reason_in_words(row: Row, side: Side = "candidate") -> str:
    """What the judge first wrote of a side's reply in the turn that lost most, on one line."""
    turn = worst_turn(row)
    first = next(judgment for judgment in row.judgments[side] if judgment.turn == turn)
    return f"{first.judge} in turn {turn}: {one_line(first.text, _REASON)}"


def drop_in_words(row: Row) -> str:
    """A drop that stands: both grades, what came of asking again, and the judge's reason."""
    candidate, baseline = (grade_text(row.grade(side)) for side in SIDES)
    return (
        f"dropped {-(row.difference or 0):.2f} points (candidate {candidate}, baseline {baseline}); "
        f"{again_in_words(row)}; {reason_in_words(row)}; the gate decides"
    )


def drops_lines(drops: Sequence[Drop]) -> Iterator[str]:
    """For the summary: questions that dropped past their margin, those whose drop stands first."""
    if not drops:
        return
    stand = sum(drop.stands for drop in drops)
    yield f"question drops: {len(drops)} past the question margin, of which {stand} stand"
    for drop in _worst_first(drops)[:_SHOWN]:
        row = drop.row
        yield f"  {_name(row)}: {points(row.difference or 0)}, {again_in_words(row)}: {_standing(drop)}"
        if drop.stands:
            yield f"    {one_line(reason_in_words(row), WIDTH - 4)}"
    if (more := len(drops) - _SHOWN) > 0:
        yield f"  and {more} more, all in the report"


def drops_markdown(drops: Sequence[Drop]) -> Iterator[str]:
    """A section of the report."""
    if not drops:
        return
    yield ""
    yield "## Asked again"
    yield ""
    yield (
        "Both answers to a question that dropped past its margin are graded twice more. A drop that a "
        "further grading does not show does not stand, and its test passes. These grades are part of no "
        "other figure."
    )
    yield ""
    yield from markdown_table(_HEAD, map(_cells, _worst_first(drops)))
    told = [drop.row for drop in drops if drop.row.regrade_failures or not graded_again(drop.row)]
    if told:
        yield ""
        yield from (f"- {_name(row)}: {again_in_words(row)}" for row in told)


def _cells(drop: Drop) -> Cells:
    row = drop.row
    return (
        _name(row),
        grade_text(row.grade("baseline")),
        grade_text(row.grade("candidate")),
        points(row.difference or 0),
        f"{drop.margin:g}",
        ", ".join(map(_grades, drop.again)) or UNKNOWN,
        _standing(drop),
    )


def _name(row: Row) -> str:
    return one_line(f"{row.category}-{row.question_id}", WIDTH // 2)


def _standing(drop: Drop) -> str:
    return "stands" if drop.stands else "does not stand"


def drops_result(drops: Sequence[Drop]) -> list[dict[str, Any]]:
    """For programs."""
    return [
        {
            "question_id": drop.row.question_id,
            "category": drop.row.category,
            "difference": drop.row.difference,
            "margin": drop.margin,
            "stands": drop.stands,
            "again": again_result(drop.row),
        }
        for drop in drops
    ]


def again_result(row: Row) -> list[dict[str, Any]]:
    """The further gradings of a question, for programs."""
    return [
        {
            "repeat": again.repeat,
            "candidate": again.candidate,
            "baseline": again.baseline,
            "difference": again.difference,
        }
        for again in graded_again(row)
    ]


def _worst_first(drops: Sequence[Drop]) -> list[Drop]:
    return sorted(drops, key=lambda drop: (not drop.stands, drop.row.difference or -math.inf))


class DropsFinding:
    """The questions that dropped past their margin, which were asked again."""

    def __init__(self, facts: Facts) -> None:
        self._drops = drops_of(facts.rows, facts.policy)

    def lines(self) -> Iterator[str]:
        """For the summary."""
        return drops_lines(self._drops)

    def markdown(self) -> Iterator[str]:
        """A section of the report."""
        return drops_markdown(self._drops)

    def result(self) -> Mapping[str, Any]:
        """As in `result.json`."""
        return {"drops": drops_result(self._drops)}
