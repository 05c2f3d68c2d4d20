"""`report.md`: the same run for people who read it later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mtbench_pytest.core.records import SIDES, Question, QuestionId, Side
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.row_text import (
    dropped,
    failure_kind,
    failure_place,
    samples_in_words,
    turn_in_words,
    worst_turn,
)
from mtbench_pytest.core.text import Cells, markdown_table, points
from mtbench_pytest.gate.decision import Decision
from mtbench_pytest.gate.explain import explain_collapses
from mtbench_pytest.report.tables import (
    CATEGORY,
    ENDPOINT,
    PARTY,
    QUESTION,
    category_rows,
    endpoint_cells,
    party_cells,
    question_cells,
)

_DROPS = 10
_SHOWN = 1500


def report_markdown(
    decision: Decision,
    rows: Sequence[Row],
    about: Mapping[str, Any],
    questions: Sequence[Question] = (),
    more: Sequence[str] = (),
) -> str:
    """The report as Markdown text.

    Args:
        rows: In the order of the bench.
        questions: What the rows are about.
        about: What was run, as in `result.json`.
        more: Further sections, as lines; they come after the categories.
    """
    turns = {question.question_id: question.turns for question in questions}
    return "\n".join(_lines(decision, rows, about, turns, more)) + "\n"


def _lines(
    decision: Decision,
    rows: Sequence[Row],
    about: Mapping[str, Any],
    turns: Mapping[QuestionId, Sequence[str]],
    more: Sequence[str],
) -> Iterator[str]:
    yield f"# {decision.bench}: {decision.outcome}"
    yield ""
    yield from (f"- {reason}" for reason in decision.reasons)
    yield ""
    yield from markdown_table(PARTY, _parties(about))
    yield ""
    yield f"{decision.judged} of {decision.expected} questions were judged on both sides."
    yield ""
    yield "## Endpoints"
    yield ""
    yield from markdown_table(ENDPOINT, map(endpoint_cells, decision.endpoints))
    yield ""
    yield f"{explain_collapses(decision.collapses)}."
    yield ""
    yield "## Categories"
    yield ""
    yield from markdown_table(CATEGORY, category_rows(decision))
    yield from more
    yield from _drops(rows, turns)
    yield from _failures(rows)
    yield ""
    yield "## Questions"
    yield ""
    yield from markdown_table(QUESTION, map(question_cells, rows))


def _parties(about: Mapping[str, Any]) -> Iterator[Cells]:
    for party, name, spec in party_cells(about):
        yield (party, name, f"`{spec}`")


def _drops(rows: Sequence[Row], turns: Mapping[QuestionId, Sequence[str]]) -> Iterator[str]:
    drops = dropped(rows)
    if not drops:
        return
    yield ""
    yield "## Dropped most"
    for row in drops[:_DROPS]:
        yield ""
        yield f"### {drop_title(row)}"
        yield from dropped_turn(row, turns.get(row.question_id, ()))


def drop_title(row: Row) -> str:
    """The question, the turn in which the candidate lost most, and what it lost over all turns."""
    return f"{row.category}-{row.question_id}, turn {worst_turn(row)}: {points(row.difference or 0)}"


def dropped_turn(row: Row, turns: Sequence[str]) -> Iterator[str]:
    """What was said in the turn in which the candidate lost most, and what the judge made of it.

    Args:
        turns: The question's; may be empty.
    """
    turn = worst_turn(row)
    for line in samples_in_words(row):
        yield ""
        yield line
    if turns:
        yield ""
        yield "the user:"
        yield ""
        yield from _fenced(turns[turn - 1])
    for side in reversed(SIDES):
        yield from _side(row, side, turn)


def _side(row: Row, side: Side, turn: int) -> Iterator[str]:
    first = next(judgment for judgment in row.judgments[side] if judgment.turn == turn)
    yield ""
    yield f"{side} `{row.answers[side].model}`, graded {turn_in_words(row, side, turn)}:"
    yield ""
    yield from _fenced(row.answers[side].turns[turn - 1])
    yield ""
    yield f"{first.judge}:"
    yield ""
    yield from _fenced(first.text)


def _fenced(text: str) -> Iterator[str]:
    """A block that no text inside it can close."""
    fence = "~~~"
    while fence in text:
        fence += "~"
    yield fence
    yield text[:_SHOWN]
    yield fence
    if len(text) > _SHOWN:
        yield f"({len(text) - _SHOWN} more characters)"


def _failures(rows: Sequence[Row]) -> Iterator[str]:
    failed = [(row, failure) for row in rows for failure in row.failures]
    if not failed:
        return
    yield ""
    yield "## Failures"
    yield ""
    for row, failure in failed:
        reason = " ".join(failure.reason.split())
        place = f"question {row.question_id}{failure_place(failure, row)}"
        yield f"- {failure_kind(failure)} of {place}: {reason}"
