"""What a run needs of a chat model, whatever is behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from mtbench_pytest.records import Answer, AnswerFailure, AnswerTask, Question


class ChatModel(Protocol):
    """Answers questions turn by turn.

    Building one is cheap: weights are loaded and servers are called only by `prepare` and `answer`.
    `prepare` and `identity` may block; they are called off the event loop.
    """

    name: str
    """How tables and files call it."""

    uses_device: bool
    """Whether it holds a device's memory: such models take turns, others run side by side."""

    def prepare(self, questions: Sequence[Question]) -> None:
        """Fails early, before anything is spent: a missing file, a wrong key, no chat template.

        Raises:
            MTBenchError: In one line, what was given and what was expected.
        """

    def identity(self) -> Mapping[str, Any]:
        """What an answer depends on besides question and sampling, as JSON: weights, template, dtype.

        Two models of one identity give the same answers, so these are produced once.
        """

    def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        """Answers the tasks, in any order, each as soon as it is finished.

        Raises:
            MTBenchError: Where no further task can be answered. What was yielded stays valid.
        """

    def close(self) -> None:
        """Frees memory and connections; ends a generation under way soon. May be called from any thread."""


@runtime_checkable
class Counts(Protocol):
    """A model that tells how far it is while a batch is still under way."""

    tokens: int
    """Tokens written so far, padding of finished rows included."""


@runtime_checkable
class Renders(Protocol):
    """A model that turns a conversation into one text before it reads it."""

    def render(self, question: Question) -> str:
        """The question's first turn as the model reads it, special tokens included."""


@runtime_checkable
class Plans(Protocol):
    """A model that answers in batches and knows them before."""

    def plan(self, tasks: Sequence[AnswerTask]) -> list[list[AnswerTask]]:
        """The batches in which tasks would be answered; `answer` with one of them generates just that.

        A pure function of tasks, settings and hardware, whatever order the tasks come in. May block.
        """


@runtime_checkable
class Fingerprints(Protocol):
    """A model whose identity takes long to compute."""

    def fingerprint(self) -> Mapping[str, Any] | None:
        """Cheap facts, as JSON, that change whenever the identity may: sizes and times of files, versions.

        None where there are none.
        """


@runtime_checkable
class Lanes(Protocol):
    """A model that can be copied to several devices."""

    def lanes(self) -> Sequence[str]:
        """Names of the devices that can work side by side, at least one. May block."""

    def on(self, lane: str) -> ChatModel:
        """A copy on that device, of the same name and identity. May block."""
