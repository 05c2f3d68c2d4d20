"""One question on its way through the pipeline: what is there, and who waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

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

T = TypeVar("T")
Said = TypeVar("Said", Judgment, Verdict)


class Parcel(Generic[T]):
    """What the pipeline's thread hands over once, and any thread may wait for.

    A future holds a lock, a condition and a queue: over a kilobyte. Thousands of questions are under way
    and few are waited for, so a future is made for who asks, and forgotten once it is done.
    """

    __slots__ = ("_error", "_future", "value")
    _lock = threading.Lock()

    def __init__(self) -> None:
        self.value: T | None = None
        self._error: BaseException | None = None
        self._future: Future[T] | None = None

    def give(self, value: T) -> None:
        """Hands it over; where an error came first, who waits was told that."""
        with self._lock:
            self.value = value
            self._tell()

    def fail(self, error: BaseException) -> None:
        """Wakes whoever still waits."""
        with self._lock:
            if self.value is None and self._error is None:
                self._error = error
                self._tell()

    def future(self) -> Future[T]:
        """To wait for it."""
        with self._lock:
            future = self._future = self._future or Future()
            self._tell()
            return future

    def _tell(self) -> None:
        if (future := self._future) is None:
            return
        if self._error is not None:
            future.set_exception(self._error)
        elif self.value is not None:
            future.set_result(self.value)
        self._future = None if future.done() else future


class Case:
    """One question on its way: its answers and what the judge has said of them so far."""

    def __init__(self, question: Question, bench: str, loop: asyncio.AbstractEventLoop) -> None:
        self.question = question
        self.judging = False
        self.game_turns: tuple[int, ...] = ()
        self.answers: dict[Side, asyncio.Future[Answer | AnswerFailure]] = {
            side: loop.create_future() for side in SIDES
        }
        self.outside: dict[Side, Parcel[Answer | AnswerFailure]] = {side: Parcel() for side in SIDES}
        self.row: Parcel[Row] = Parcel()
        self.judgments: dict[Side, list[Judgment]] = {side: [] for side in SIDES}
        self.verdicts: list[Verdict] = []
        self.failures: list[JudgeFailure] = []
        self._bench = bench

    def so_far(self) -> Row:
        """All that is known by now, in an order that does not depend on who was quicker."""
        if self.row.value is not None:
            return self.row.value
        said = {side: parcel.value for side, parcel in self.outside.items()}
        missing = [answer for answer in said.values() if isinstance(answer, AnswerFailure)]
        return Row(
            bench=self._bench,
            question_id=self.question.question_id,
            category=self.question.category,
            turns=len(self.question.turns),
            game_turns=self.game_turns,
            answers={side: answer for side, answer in said.items() if isinstance(answer, Answer)},
            judgments={side: _in_order(found) for side, found in self.judgments.items() if found},
            verdicts=_in_order(self.verdicts),
            failures=(*missing, *sorted(self.failures, key=lambda failure: (failure.turn, failure.models))),
        )

    def answered(self, side: Side, answer: Answer | AnswerFailure) -> None:
        """Takes one side's answer."""
        self.answers[side].set_result(answer)
        self.outside[side].give(answer)

    def judged(self) -> None:
        """Hands over the row, and drops what it was made of."""
        self.row.give(self.so_far())
        self.answers.clear()
        self.judgments.clear()
        self.verdicts.clear()
        self.failures.clear()

    def fail(self, error: BaseException) -> None:
        """Wakes whoever still waits."""
        self.row.fail(error)
        for parcel in self.outside.values():
            parcel.fail(error)


def _in_order(said: Sequence[Said]) -> tuple[Said, ...]:
    return tuple(sorted(said, key=lambda one: one.turn))
