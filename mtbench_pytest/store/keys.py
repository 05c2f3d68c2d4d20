"""Content hashes: a key names all that an answer or a judgment depends on, and nothing else.

Names of models, files and benches are no part of a key. New weights under an old name are another key;
old weights under a new name are the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from mtbench_pytest.core.records import AnswerTask, GradeTask, Prompt, Question, Task, repeat_of


class AnswerKeys:
    """The keys of one model's answers.

    Args:
        identity: The model's: weights, template, settings.
        scope: All that may be asked. Where a batch changes an answer, as the identity says by
            `batch_dependent`, batches are planned over all of it, and it is a part of every key.
    """

    def __init__(self, identity: Mapping[str, Any], scope: Iterable[AnswerTask]) -> None:
        self._identity = identity
        self.planned = bool(identity.get("batch_dependent"))
        self._plan = digest(sorted(_task_key(task) for task in scope)) if self.planned else ""

    def __call__(self, task: AnswerTask) -> str:
        """The key of a task's answer."""
        return digest("answer", self._identity, _task_key(task), self._plan)


def _task_key(task: AnswerTask) -> str:
    question = task.question
    opening = [question.messages()] if question.opening else []
    return digest(question.question_id, question.turns, asdict(task.sampling), *opening)


def judgment_key(identity: Mapping[str, Any], task: Task, extra: Mapping[str, Any]) -> str:
    """The key of a judgment; a first judgment's does not name the repeat, as before there were any.

    Args:
        identity: The judge's: model, server, settings.
        extra: What the judgment depends on besides identity and prompt.
    """
    again: list[Any] = [{"repeat": repeat}] if (repeat := repeat_of(task)) > 1 else []
    again += [{"nonce": task.nonce}] if isinstance(task, GradeTask) and task.nonce else []
    return digest(identity, task.prompt.system, task.prompt.user, extra, *again)


def prompt_digest(prompt: Prompt) -> str:
    """A judge prompt as it is sent; its name is no part of it."""
    return digest(prompt.system, prompt.user)


def question_digest(question: Question) -> str:
    """What a user says in a question, and what stands before it."""
    return digest(question.turns, question.messages())


def digest(*parts: Any) -> str:
    """sha256 of some JSON, in hexadecimal."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
