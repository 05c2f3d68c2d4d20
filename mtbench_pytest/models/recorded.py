"""Recorded answers in FastChat's model-answer form, as a model: `answers:FILE.jsonl`."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtbench_pytest.bench.bench import read_choices
from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.records import Answer, AnswerFailure, AnswerTask, Question, QuestionId, Reply
from mtbench_pytest.core.specs import Spec


class RecordedAnswers:
    """Answers read from a file.

    Args:
        path: A file of FastChat's `model_answer/` folder.
        name: The model's name; the file's stem by default, as FastChat has it.
        choice: Which of a line's choices, from 0, where it holds several answers.
    """

    uses_device = False
    free = True

    def __init__(self, path: Path, name: str | None = None, choice: int = 0) -> None:
        self.path = path
        self._choice = choice
        self.name = name or path.stem
        self._replies: dict[QuestionId, tuple[Reply, ...]] | None = None

    def prepare(self, questions: Sequence[Question]) -> None:
        """Refuses a file that lacks a question, or a turn of one."""
        recorded = self._read()
        missing = [q.question_id for q in questions if q.question_id not in recorded]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise FileError(
                self.path,
                f"no answer to question {missing[0]}{more}",
                f"an answer to each of the {len(questions)} questions selected",
            )
        for question in questions:
            given, wanted = len(recorded[question.question_id]), len(question.turns)
            if given != wanted:
                raise FileError(
                    self.path,
                    f"the answer to question {question.question_id} has {given} turns",
                    f"{wanted}, one for each turn of the question",
                )

    def identity(self) -> Mapping[str, Any]:
        """The recorded text itself, digested."""
        items = sorted(self._read().items(), key=lambda item: str(item[0]))
        # The digest of repr(items), made piece by piece: as one text it would hold all answers once more.
        digest = hashlib.sha256(b"[")
        for number, item in enumerate(items):
            digest.update(f"{', ' if number else ''}{item!r}".encode())
        digest.update(b"]")
        return {"kind": "answers", "sha256": digest.hexdigest()}

    async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        """Yields the recorded answers in the order asked for."""
        recorded, made_with = self._read(), {"recorded": self.path.name}
        for task in tasks:
            question_id = task.question.question_id
            replies = recorded.get(question_id)
            if replies is None:
                yield AnswerFailure(question_id, self.name, f"{self.path} has no answer to it")
            else:
                yield Answer(question_id, self.name, replies, made_with)

    def replies(self, question_id: QuestionId) -> tuple[Reply, ...] | None:
        """The recorded replies to a question, one a turn."""
        return self._read().get(question_id)

    def close(self) -> None:
        """Nothing to free."""

    def _read(self) -> dict[QuestionId, tuple[Reply, ...]]:
        if self._replies is None:
            self._replies = recorded_replies(self.path, self._choice)
        return self._replies


def recorded_replies(path: Path, choice: int = 0) -> dict[QuestionId, tuple[Reply, ...]]:
    """The replies of a file of model answers, one a turn, by question id.

    Args:
        choice: Which of a line's choices, from 0.

    Raises:
        FileError: Where it cannot be read.
    """
    return {key: _replies(found) for key, found in read_choices(path, choice).items()}


def _replies(choice: Mapping[str, Any]) -> tuple[Reply, ...]:
    """The turns, with what our own report files say beside them: which were capped, and the reasoning."""
    turns = choice["turns"]
    capped = choice.get("capped") or [False] * len(turns)
    reasoning = choice.get("reasoning") or [""] * len(turns)
    replies = [Reply.from_raw(text, capped=bool(cut)) for text, cut in zip(turns, capped, strict=False)]
    return tuple(
        reply if reply.reasoning or not thought else replace(reply, reasoning=thought)
        for reply, thought in zip(replies, reasoning, strict=False)
    )


def from_spec(spec: Spec) -> RecordedAnswers:
    """Builds the model for `answers:FILE.jsonl?name=NAME`."""
    if not spec.value:
        raise spec.error("no file", "answers:FILE.jsonl")
    path = spec.path
    if not path.is_file():
        raise FileError(path, "no such file", "a file of model answers in FastChat's form")
    return RecordedAnswers(path, **spec.read({"name": str}))
