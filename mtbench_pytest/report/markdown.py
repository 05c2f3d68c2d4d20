"""`report.md`: the same run for people who read it later."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mtbench_pytest.decision import Bounds, Decision, Endpoint
from mtbench_pytest.explain import percent, points
from mtbench_pytest.records import SIDES, AnswerFailure, Question, QuestionId, Row, Side
from mtbench_pytest.report.terminal import dropped, failure_kind, worst_turn

_ENDPOINT = ("endpoint", "n", "mean", "95 % lower", "95 % upper", "must lie above", "standing")
_CATEGORY = ("category", "graded", "baseline", "candidate", "difference", "95 % bounds")
_QUESTION = ("question", "category", "baseline", "candidate", "difference", "pairwise", "capped")
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
    yield from _table(("", "name", "given as"), _parties(about))
    yield ""
    yield f"{decision.judged} of {decision.expected} questions were judged on both sides."
    yield ""
    yield "## Endpoints"
    yield ""
    yield from _table(_ENDPOINT, map(_endpoint, decision.endpoints))
    yield ""
    yield "## Categories"
    yield ""
    yield from _table(_CATEGORY, _categories(decision))
    yield from more
    yield from _drops(rows, turns)
    yield from _failures(rows)
    yield ""
    yield "## Questions"
    yield ""
    yield from _table(_QUESTION, map(_question, rows))


def _table(heads: Sequence[str], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for row in rows:
        cells = (cell.replace("|", r"\|") for cell in row)
        yield f"| {' | '.join(cells)} |"


def _parties(about: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for party in ("candidate", "baseline", "judge"):
        yield (party, about[party]["name"], f"`{about[party]['spec']}`")


def _endpoint(endpoint: Endpoint) -> tuple[str, ...]:
    show = points if endpoint.name == "grade" else percent
    bounds = endpoint.bounds
    return (
        "mean grade difference" if endpoint.name == "grade" else endpoint.name,
        str(bounds.n),
        *(_known(show, value) for value in (bounds.mean, bounds.lower, bounds.upper)),
        show(endpoint.neutral - endpoint.margin),
        endpoint.standing,
    )


def _known(show: Any, value: float) -> str:
    return str(show(value)) if math.isfinite(value) else "-"


def _categories(decision: Decision) -> Iterator[tuple[str, ...]]:
    for line in decision.categories:
        yield (
            f"{line.category} (critical)" if line.critical else line.category,
            f"{line.difference.n if line.difference else 0} of {line.expected}",
            _grade(line.baseline),
            _grade(line.candidate),
            points(line.difference.mean) if line.difference else "-",
            _both(line.difference),
        )


def _both(bounds: Bounds | None) -> str:
    if bounds is None or not math.isfinite(bounds.lower):
        return "-"
    return f"{points(bounds.lower)} … {points(bounds.upper)}"


def _grade(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _question(row: Row) -> tuple[str, ...]:
    words = {"candidate": "win", "baseline": "loss", "tie": "tie"}
    capped = [side for side in SIDES if side in row.answers and row.answers[side].capped]
    return (
        str(row.question_id),
        row.category,
        _grade(row.grade("baseline")),
        _grade(row.grade("candidate")),
        "-" if row.difference is None else points(row.difference),
        ", ".join(words[verdict.winner] for verdict in row.verdicts) or "-",
        ", ".join(capped) or "-",
    )


def _drops(rows: Sequence[Row], turns: Mapping[QuestionId, Sequence[str]]) -> Iterator[str]:
    drops = dropped(rows)
    if not drops:
        return
    yield ""
    yield "## Dropped most"
    for row in drops[:_DROPS]:
        turn = worst_turn(row)
        yield ""
        yield f"### {row.category}-{row.question_id}, turn {turn}: {points(row.difference or 0)}"
        if row.question_id in turns:
            yield ""
            yield "the user:"
            yield ""
            yield from _fenced(turns[row.question_id][turn - 1])
        for side in reversed(SIDES):
            yield from _side(row, side, turn)


def _side(row: Row, side: Side, turn: int) -> Iterator[str]:
    judgment = row.judgments[side][turn - 1]
    yield ""
    yield f"{side} `{row.answers[side].model}`, graded {judgment.grade:g}:"
    yield ""
    yield from _fenced(row.answers[side].turns[turn - 1])
    yield ""
    yield f"{judgment.judge}:"
    yield ""
    yield from _fenced(judgment.text)


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
        turn = "" if isinstance(failure, AnswerFailure) else f", turn {failure.turn}"
        reason = " ".join(failure.reason.split())
        yield f"- {failure_kind(failure)} of question {row.question_id}{turn}: {reason}"
