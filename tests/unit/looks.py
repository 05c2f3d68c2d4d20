"""Decisions that were agreed beforehand, for tests of runs that may stop early."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mtbench_pytest.core.records import Question
from mtbench_pytest.gate.decide import Policy, decide
from mtbench_pytest.gate.decision import Decision, Levels, Outcome
from mtbench_pytest.gate.early_stop import Rows


class Agreed:
    """Decides as agreed, and remembers what it was asked.

    Args:
        outcomes: One a look.
        watch: Is called at each look.

    Attributes:
        asked: At each look the questions expected, and how many of them were judged.
    """

    def __init__(self, *outcomes: Outcome, watch: Callable[[], None] = lambda: None) -> None:
        self.asked: list[tuple[int, int]] = []
        self._outcomes = list(outcomes)
        self._watch = watch

    def __call__(self, rows: Rows, expected: Sequence[Question], levels: Levels) -> Decision:
        self._watch()
        self.asked.append((len(expected), sum(q.question_id in rows for q in expected)))
        falls = decide("bench", [], expected, Policy(), pairwise=False, levels=levels).collapses
        known = self.asked[-1][1]
        return Decision("bench", self._outcomes.pop(0), (), len(expected), known, (), (), falls, levels)
