"""One question on its way through the pipeline: what is there, and who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TypeVar

from mtbench_pytest.records import (
    SIDES,
    Answer,
    AnswerFailure,
    JudgeFailure,
    Judgment,
    Question,
    Row,
    Side,
    Verdict,
)

Said = TypeVar("Said", Judgment, Verdict)


class Case:
    """One question on its way: its answers and what the judge has said of them so far."""

    def __init__(self, question: Question, bench: str, loop: asyncio.AbstractEventLoop) -> None:
        self.question = question
        self.judging = False
        self.game_turns: tuple[int, ...] = ()
        self.answers: dict[Side, asyncio.Future[Answer | AnswerFailure]] = {
            side: loop.create_future() for side in SIDES
        }
        self.outside: dict[Side, Future[Answer | AnswerFailure]] = {side: Future() for side in SIDES}
        self.row: Future[Row] = Future()
        self.judgments: dict[Side, list[Judgment]] = {side: [] for side in SIDES}
        self.verdicts: list[Verdict] = []
        self.failures: list[JudgeFailure] = []
        self._bench = bench

    def so_far(self) -> Row:
        """All that is known by now, in an order that does not depend on who was quicker."""
        done = [(side, self.outside[side]) for side in SIDES if self.outside[side].done()]
        known = {side: future.result() for side, future in done if future.exception() is None}
        missing = [answer for answer in known.values() if isinstance(answer, AnswerFailure)]
        return Row(
            bench=self._bench,
            question_id=self.question.question_id,
            category=self.question.category,
            turns=len(self.question.turns),
            game_turns=self.game_turns,
            answers={side: answer for side, answer in known.items() if isinstance(answer, Answer)},
            judgments={side: _in_order(found) for side, found in self.judgments.items() if found},
            verdicts=_in_order(self.verdicts),
            failures=(*missing, *sorted(self.failures, key=lambda failure: (failure.turn, failure.models))),
        )

    def fail(self, error: BaseException) -> None:
        """Wakes whoever still waits."""
        if not self.row.done():
            self.row.set_exception(error)
        for future in self.outside.values():
            if not future.done():
                future.set_exception(error)


def _in_order(said: Sequence[Said]) -> tuple[Said, ...]:
    return tuple(sorted(said, key=lambda one: one.turn))
