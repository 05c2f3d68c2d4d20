"""A judge that follows a script, for tests of suites and plugins: `python:MODULE:FACTORY` can return one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mtbench_pytest.core.records import Task
from mtbench_pytest.judges.base import JudgeReply, ReplyJudge

Said = str | JudgeReply | Exception


class ScriptedJudge(ReplyJudge):
    """Replies what its script says and remembers what it was asked.

    Args:
        script: Replies in the order of the calls, or a function from the task to a reply. An exception
            is raised.
        name: The judge's name.
        free: Off, its judgments are stored and shared like those of a real judge.

    Attributes:
        asked: The tasks, in order.
    """

    def __init__(
        self,
        script: Iterable[Said] | Callable[[Task], Said],
        name: str = "scripted-judge",
        *,
        free: bool = True,
    ) -> None:
        self.name = name
        self.free = free
        self.asked: list[Task] = []
        self._next = script if callable(script) else _in_order(script)

    def identity(self) -> Mapping[str, Any]:
        """Its name: no two scripted judges of one name belong in one run."""
        return {"kind": "scripted", "name": self.name}

    async def reply(self, task: Task, max_tokens: int) -> JudgeReply:  # noqa: ARG002 - a script has no budget
        """Follows the script.

        Raises:
            AssertionError: Where the script has run out.
        """
        self.asked.append(task)
        said = self._next(task)
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, JudgeReply) else JudgeReply(said)


def _in_order(script: Iterable[Said]) -> Callable[[Task], Said]:
    replies = iter(script)

    def take(task: Task) -> Said:
        said = next(replies, None)
        assert said is not None, f"the script ran out at question {task.question.question_id}"
        return said

    return take
