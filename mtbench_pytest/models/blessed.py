"""The answers of a blessed baseline, as a model: `blessed:NAME`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from mtbench_pytest.core.records import Answer, AnswerFailure, AnswerTask, Question
from mtbench_pytest.core.specs import Spec
from mtbench_pytest.models.baselines import Blessed, find_blessed, read_blessed
from mtbench_pytest.models.recorded import RecordedAnswers


class BlessedAnswers:
    """Answers that were frozen, all samples of them.

    Args:
        blessed: Their folder.
        name: The model's name; by default the one it was blessed with.
    """

    uses_device = False
    free = True

    def __init__(self, blessed: Blessed, name: str | None = None) -> None:
        self.blessed = blessed
        self.name = name or blessed.model
        self._samples = [RecordedAnswers(blessed.answers, choice=n) for n in range(blessed.samples)]

    @property
    def recorded_samples(self) -> int:
        """See `Sampled`."""
        return len(self._samples)

    def prepare(self, questions: Sequence[Question]) -> None:
        """Refuses a folder that was tampered with, another question's text, and what answers lack."""
        self.blessed.verify()
        self.blessed.refuse_changed(questions)
        for sample in self._samples:
            sample.prepare(questions)

    def identity(self) -> Mapping[str, Any]:
        """The digest of all that was frozen."""
        return {"kind": "blessed", "name": self.blessed.name, "sha256": self.blessed.sha256}

    def recorded(self, task: AnswerTask) -> Answer | AnswerFailure:
        """The answer to a task, of the sample that it asks for."""
        question_id = task.question.question_id
        replies = self._samples[task.sample - 1].replies(question_id)
        if replies is None:
            return AnswerFailure(question_id, self.name, f"{self.blessed.answers} has no answer to it")
        return Answer(question_id, self.name, replies, {"blessed": self.blessed.name})

    async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        """Yields the frozen answers in the order asked for."""
        for task in tasks:
            yield self.recorded(task)

    def close(self) -> None:
        """Nothing to free."""


def from_spec(spec: Spec) -> BlessedAnswers:
    """Builds the model for `blessed:NAME?name=MODEL`."""
    if not spec.value:
        raise spec.error("no name", "blessed:NAME")
    folder = find_blessed(spec.value, spec.base, spec.root)
    return BlessedAnswers(read_blessed(folder), **spec.read({"name": str}))
