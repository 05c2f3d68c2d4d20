"""Whether a PASS holds whatever the questions would have shown that could not be judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mtbench_pytest.core.records import Game, Judgment, Prompt, Question, Side, Verdict
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.text import printable
from mtbench_pytest.gate.critical import Rules
from mtbench_pytest.gate.decision import Decision

_NAMED = 10  # questions


@dataclass(frozen=True, slots=True)
class Unjudged:
    """The questions of a run with a PASS that were not judged on both sides.

    Attributes:
        holds: It were a PASS also if each of them had dropped by its question margin and lost its games.
        games: Whether games are part of the decision.
    """

    questions: tuple[Question, ...]
    holds: bool
    games: bool


def unjudged(
    decision: Decision,
    rows: Sequence[Row],
    expected: Sequence[Question],
    policy: Rules,
    decide: Callable[[Sequence[Row]], Decision],
) -> Unjudged | None:
    """What a decision owes to the questions that could not be judged.

    Args:
        decision: Made on the rows.
        rows: At most one a question.
        expected: The questions that were to be judged.
        decide: The gate's decision on some rows, all else as it was.

    Returns:
        None where every question was judged, or the decision is no PASS. A question of a critical category
        is never among them: that each is judged is a condition of a PASS.
    """
    judged = [row for row in rows if row.judged]
    known = {row.question_id for row in judged}
    left = tuple(question for question in expected if question.question_id not in known)
    if decision.outcome != "PASS" or not left:
        return None
    lost = [
        _lost(question, policy.margin_of_question(question.category), decision.bench) for question in left
    ]
    games = any(endpoint.name == "win rate" for endpoint in decision.endpoints)
    return Unjudged(left, decide([*judged, *lost]).outcome == "PASS", games)


def unjudged_result(found: Unjudged | None) -> dict[str, Any] | None:
    """For programs."""
    if found is None:
        return None
    return {"questions": [question.question_id for question in found.questions], "holds": found.holds}


def explain_unjudged(found: Unjudged) -> str:
    """Which questions these are, and what follows for the exit status."""
    names = [printable(f"{question.category}-{question.question_id}") for question in found.questions]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    who = f"{', '.join(names[:_NAMED])}{more} could not be judged"
    worst = f"had dropped by the question margin{' and lost its games' if found.games else ''}"
    one = len(names) == 1
    if found.holds:
        each, so = ("it", "its error does") if one else ("each of them", "their errors do")
        return f"{who}: this is a PASS even if {each} {worst}, so {so} not fail the run"
    each, so = ("it", "its error fails") if one else ("each of them", "their errors fail")
    return f"{who}: this would be no PASS if {each} {worst}, so {so} the run"


def _lost(question: Question, margin: float, bench: str) -> Row:
    """A question that dropped by just so many points; one turn of it, so that no rounding goes past that."""
    prompt = Prompt("", "", "")

    def graded(side: Side, grade: float) -> tuple[Judgment, ...]:
        return (Judgment(question.question_id, 1, side, "", prompt, grade, ""),)

    first = Game(question.question_id, 1, "candidate", "baseline", "", prompt, "B", "")
    second = Game(question.question_id, 1, "baseline", "candidate", "", prompt, "A", "")
    return Row(
        bench=bench,
        question_id=question.question_id,
        category=question.category,
        turns=1,
        game_turns=(1,),
        judgments={"candidate": graded("candidate", 0.0), "baseline": graded("baseline", margin)},
        verdicts=(Verdict(question.question_id, 1, (first, second)),),
    )
