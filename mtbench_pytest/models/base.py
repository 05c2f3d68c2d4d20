"""What a run needs of a chat model, whatever is behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from mtbench_pytest.core.records import Answer, AnswerFailure, AnswerTask, Question

ALL_DEVICES = "all"
"""The lane of a model that spans devices: while it is taken, no other is."""


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
class Sampled(Protocol):
    """A model that holds several answers to each question, all of which stand for it."""

    @property
    def recorded_samples(self) -> int:
        """How many."""


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


class Tokenizer(Protocol):
    """Counts tokens as a model does."""

    def prompt(self, messages: Sequence[dict[str, str]]) -> Sequence[int]:
        """Token ids of a conversation, up to where the assistant's reply begins."""

    def count(self, text: str) -> int:
        """How many tokens a text has by itself."""


@runtime_checkable
class Tokenizes(Protocol):
    """A model whose tokenizer may be on this machine."""

    def tokenizer(self) -> Tokenizer | None:
        """Its tokenizer; None where a server would have to be asked for it.

        Raises:
            MTBenchError: As `prepare` does.
        """


@runtime_checkable
class Plans(Protocol):
    """A model that generates in batches and can say which.

    `identity()["batch_dependent"]` says whether an answer depends on the batch it was generated in.
    """

    def plan(self, tasks: Sequence[AnswerTask]) -> list[list[AnswerTask]]:
        """The batches in which tasks would be generated, in order: a function of tasks and settings.

        `answer` called with one of these batches generates exactly that batch. May block for seconds; loads
        no weights.

        Raises:
            MTBenchError: As `prepare` does.
        """


@runtime_checkable
class Fingerprints(Protocol):
    """A model whose identity is costly to learn, and that can tell cheaply whether it is still the same."""

    def fingerprint(self) -> Mapping[str, Any] | None:
        """What decides `identity()`, as JSON, learned in milliseconds: equal ones mean an equal identity.

        Returns:
            None where that cannot be known without reading the weights or asking a server.
        """


@runtime_checkable
class Lanes(Protocol):
    """A model that can answer on several devices side by side."""

    def lanes(self) -> Sequence[str]:
        """Names of the devices, at least one. May block for seconds.

        Raises:
            MTBenchError: Where the device that was asked for is not there.
        """

    def on(self, lane: str) -> ChatModel:
        """A copy of the model that answers on one of `lanes()`: of the same name and identity."""
