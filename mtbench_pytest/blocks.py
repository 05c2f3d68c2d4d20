"""Judging block by block: the next one begins when the look at the last has not ended the run."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from mtbench_pytest.case import Case
from mtbench_pytest.early import Course
from mtbench_pytest.errors import NotNeeded
from mtbench_pytest.records import QuestionId
from mtbench_pytest.tasks import Tasks, off_loop

Work = Coroutine[Any, Any, None]


async def along(
    course: Course,
    cases: Mapping[QuestionId, Case],
    judge: Callable[[Sequence[Case]], Work],
    ahead: Work,
) -> None:
    """Goes the way of a course; the tests of questions that it does not come to are told.

    Args:
        course: At its beginning.
        cases: Of its questions; they are held.
        judge: Has the cases of a block answered and judged.
        ahead: Has answers made for all of them, beside; it is ended with the course.
    """
    async with Tasks() as tasks:
        answering = tasks.start(ahead)
        while course.block:
            block = [cases[question.question_id] for question in course.block]
            for case in block:
                case.release()
            await judge(block)
            rows = {key: row for key, case in cases.items() if (row := case.row.value) is not None}
            await off_loop(partial(course.proceed, rows))
        answering.cancel()
    done = len(cases) - len(course.left)
    why = f"the decision was certain without it, after {done} of {len(cases)} questions"
    for question in course.left:
        cases[question.question_id].fail(NotNeeded(why))
