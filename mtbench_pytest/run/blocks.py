"""Judging block by block: the next one begins when the look at the last has not ended the run."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from mtbench_pytest.core.aio import Tasks, off_loop
from mtbench_pytest.core.errors import NotNeeded
from mtbench_pytest.core.records import QuestionId
from mtbench_pytest.gate.early_stop import Course
from mtbench_pytest.run.question_state import Case

Work = Coroutine[Any, Any, None]


async def along(
    course: Course,
    cases: Mapping[QuestionId, Case],
    judge: Callable[[Sequence[Case]], Work],
    recall: Callable[[Sequence[Case]], Coroutine[Any, Any, bool]],
    ahead: Callable[[], Work],
) -> None:
    """Goes the way of a course; the tests of questions that it does not come to are told.

    Args:
        course: At its beginning.
        cases: Of its questions; they are held.
        judge: Has the cases of a block answered and judged.
        recall: Hands over answers that were made before; whether those are all that can be made ahead.
        ahead: Has the answers made that can be made ahead, of all questions; it is ended with the course.
    """
    async with Tasks() as tasks:
        answering = None
        while course.block:
            block = [cases[question.question_id] for question in course.block]
            for case in block:
                case.release()
            if answering is None and not await recall(block):
                answering = tasks.start(ahead())
            await judge(block)
            rows = {key: row for key, case in cases.items() if (row := case.row.value) is not None}
            await off_loop(partial(course.proceed, rows))
        if answering is not None:
            answering.cancel()
    done = len(cases) - len(course.left)
    why = f"the decision was certain without it, after {done} of {len(cases)} questions"
    for question in course.left:
        cases[question.question_id].fail(NotNeeded(why))
