"""One question on its way through the pipeline: what is there, and who waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from mtbench_pytest.core.records import (
    SIDES,
    Answer,
    AnswerFailure,
    JudgeFailure,
    Judgment,
    Question,
    Side,
    Verdict,
)
from mtbench_pytest.core.row import Row, Sample

T = TypeVar("T")
Slot = tuple[Side, int]
"""A side and the number of its sample, from 1."""


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
    """One question on its way: its answers and what the judge has said of them so far.

    Args:
        drawn: By side how many answers stand for it.
        repeats: How often each answer is graded.
        judges: Names of the judges, in the order given.

    Attributes:
        left: The judges that have left the panel, and why.
    """

    def __init__(
        self,
        question: Question,
        bench: str,
        loop: asyncio.AbstractEventLoop,
        drawn: Callable[[Side], int] = lambda _: 1,
        repeats: int = 1,
        judges: Sequence[str] = (),
    ) -> None:
        self.question = question
        self.repeats = repeats
        self.judges = tuple(judges)
        self.left: Mapping[str, str] = {}
        self.judging = False
        self._held = False
        self.game_turns: tuple[int, ...] = ()
        self.drawn = {side: drawn(side) for side in SIDES}
        self.slots: list[Slot] = [(side, n) for side in SIDES for n in range(1, self.drawn[side] + 1)]
        self.answers: dict[Slot, asyncio.Future[Answer | AnswerFailure]] = {
            slot: loop.create_future() for slot in self.slots
        }
        self.outside: dict[Side, Parcel[Answer | AnswerFailure]] = {side: Parcel() for side in SIDES}
        self.row: Parcel[Row] = Parcel()
        self.judgments: dict[Slot, list[Judgment]] = {slot: [] for slot in self.slots}
        self.verdicts: list[Verdict] = []
        self.failures: list[JudgeFailure] = []
        self.regraded: dict[Slot, list[Judgment]] = {slot: [] for slot in self.slots}
        self.regrade_failures: list[JudgeFailure] = []
        self._further: dict[Slot, Answer | AnswerFailure] = {}
        self._bench = bench

    def so_far(self) -> Row:
        """All that is known by now, in an order that does not depend on who was quicker."""
        if self.row.value is not None:
            return self.row.value
        said = {slot: self._said(slot) for slot in self.slots}
        missing = [answer for answer in said.values() if isinstance(answer, AnswerFailure)]
        answers = {slot: answer for slot, answer in said.items() if isinstance(answer, Answer)}
        graded, regraded = self._ordered(self.judgments), self._ordered(self.regraded)
        return Row(
            bench=self._bench,
            question_id=self.question.question_id,
            category=self.question.category,
            turns=len(self.question.turns),
            game_turns=self.game_turns,
            answers={side: answer for (side, n), answer in answers.items() if n == 1},
            judgments={side: found for (side, n), found in graded.items() if n == 1},
            verdicts=tuple(sorted(self.verdicts, key=lambda one: (one.turn, self._place(one.judge)))),
            failures=(*missing, *sorted(self.failures, key=self._failed)),
            drawn={side: n for side, n in self.drawn.items() if n > 1},
            samples={
                side: tuple(
                    Sample(n, answer, graded.get((side, n), ()), regraded.get((side, n), ()))
                    for (whose, n), answer in answers.items()
                    if whose == side and n > 1
                )
                for side, drawn in self.drawn.items()
                if drawn > 1
            },
            repeats=self.repeats,
            regraded={side: found for (side, n), found in regraded.items() if n == 1},
            regrade_failures=tuple(sorted(self.regrade_failures, key=self._failed)),
            judges=self.judges,
            left=self.left,
        )

    def _ordered(self, judgments: Mapping[Slot, Sequence[Judgment]]) -> dict[Slot, tuple[Judgment, ...]]:
        return {slot: tuple(sorted(found, key=self._order)) for slot, found in judgments.items() if found}

    def _place(self, judge: str) -> int:
        return self.judges.index(judge) if judge in self.judges else 0

    def _order(self, judgment: Judgment) -> tuple[int, int, int]:
        return judgment.turn, self._place(judgment.judge), judgment.repeat

    def _failed(self, failure: JudgeFailure) -> tuple[int, tuple[str, ...], int, int]:
        return failure.turn, failure.models, self._place(failure.judge), failure.repeat

    def hold(self) -> None:
        """Nobody outside is given an answer before it is known whether the question is needed."""
        self._held = True

    def release(self) -> None:
        """The question is needed."""
        self._held = False
        for side, parcel in self.outside.items():
            if (answer := self.answers[side, 1]).done():
                parcel.give(answer.result())

    def waits_for(self, slot: Slot) -> bool:
        """Whether an answer is still to come."""
        answer = self.answers.get(slot)
        return answer is not None and not answer.done()

    def answered(self, slot: Slot, answer: Answer | AnswerFailure) -> None:
        """Takes one of a side's answers."""
        side, sample = slot
        self.answers[slot].set_result(answer)
        if sample == 1 and not self._held:
            self.outside[side].give(answer)
        elif sample > 1:
            self._further[slot] = answer

    def _said(self, slot: Slot) -> Answer | AnswerFailure | None:
        side, sample = slot
        return self.outside[side].value if sample == 1 else self._further.get(slot)

    def judged(self) -> None:
        """Hands over the row, and drops what it was made of."""
        self.row.give(self.so_far())
        self.answers.clear()
        self.judgments.clear()
        self.verdicts.clear()
        self.failures.clear()
        self.regraded.clear()
        self.regrade_failures.clear()
        self._further.clear()

    def fail(self, error: BaseException) -> None:
        """Wakes whoever still waits."""
        self.row.fail(error)
        for parcel in self.outside.values():
            parcel.fail(error)
