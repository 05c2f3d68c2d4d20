"""A model that follows a script, for tests of suites and plugins: `python:MODULE:FACTORY` can return one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from mtbench_pytest.core.errors import MTBenchError
from mtbench_pytest.core.records import Answer, AnswerFailure, AnswerTask, Question, QuestionId, Reply

Script = Mapping[QuestionId, Sequence[str | Reply] | Exception]


class ScriptedModel:
    """Says what its script says and remembers what it was asked.

    Args:
        script: For each question id the replies, one a turn, or an exception: an `MTBenchError` ends
            the run, any other becomes a failure to answer that question.
        name: The model's name.
        free: Off, its answers are stored and shared like those of a real model.

    Attributes:
        asked: Ids of the questions asked, in order.
        closed: Whether the model was closed.
    """

    uses_device = False

    def __init__(self, script: Script, name: str = "scripted", *, free: bool = True) -> None:
        self.name = name
        self.free = free
        self.asked: list[QuestionId] = []
        self.closed = False
        self._script = script

    def prepare(self, questions: Sequence[Question]) -> None:
        """Nothing to prepare; a script that runs out is found when it does."""

    def identity(self) -> Mapping[str, Any]:
        """The script."""
        return {"kind": "scripted", "script": repr(self._script)}

    async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        """Follows the script.

        Raises:
            AssertionError: Where the script has nothing for a question or a turn.
        """
        for task in tasks:
            question = task.question
            self.asked.append(question.question_id)
            assert question.question_id in self._script, f"the script has no question {question.question_id}"
            entry = self._script[question.question_id]
            if isinstance(entry, MTBenchError):
                raise entry
            if isinstance(entry, Exception):
                yield AnswerFailure(question.question_id, self.name, str(entry))
                continue
            assert len(entry) == len(question.turns), f"question {question.question_id}: a reply a turn"
            replies = tuple(Reply.from_raw(said) if isinstance(said, str) else said for said in entry)
            yield Answer(question.question_id, self.name, replies, {"scripted": True})

    def close(self) -> None:
        """Remembers that it was closed."""
        self.closed = True
