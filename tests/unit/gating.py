"""Rows with given differences and games, and the gate's decision on them."""

from __future__ import annotations

from collections.abc import Sequence

from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.decide import Policy, decide
from mtbench_pytest.gate.decision import Decision
from tests.unit.factories import Winner, consistent, questions, row

WOBBLE = (0.1, -0.1)  # a little spread, so that bounds have a width


def rows_at(difference: float, count: int = 20, spread: float = 1.0) -> list[Row]:
    """One-turn rows whose mean grade difference is `difference`."""
    return [
        row(n, [7 + difference + spread * WOBBLE[n % 2]], [7.0], turns=1, category="writing")
        for n in range(1, count + 1)
    ]


def with_games(rows: Sequence[Row], winners: Sequence[Winner]) -> list[Row]:
    """The rows, each with one verdict; "A" is a win of the candidate."""
    return [
        row(
            r.question_id,
            [j.grade for j in r.judgments["candidate"]],
            [j.grade for j in r.judgments["baseline"]],
            turns=1,
            verdicts=[consistent(winner, r.question_id)],
        )
        for r, winner in zip(rows, winners, strict=True)
    ]


def gate(rows: Sequence[Row], *, pairwise: bool = False, policy: Policy | None = None) -> Decision:
    asked = questions(len(rows), turns=1)
    return decide("bench", rows, asked, policy or Policy(), pairwise=pairwise)
