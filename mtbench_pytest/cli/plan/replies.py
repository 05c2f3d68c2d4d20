"""The replies that a judge will read, as far as they are known before anybody was asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mtbench_pytest.cli.plan.previous_run import Earlier
from mtbench_pytest.cli.plan.tokens import Basis, Measure, Tokens, weakest
from mtbench_pytest.core.records import Answer, Question, Reply, Side

_BYTES = 4  # a token, in the filler that stands for a reply
_FILLER: dict[Side, str] = {"candidate": "c", "baseline": "b"}  # never alike: no tie comes of it


@dataclass(frozen=True, slots=True)
class Said:
    """One side's answer to a question, or what stands for it.

    Attributes:
        answer: Its replies, or filler of their length.
        filled: By turn the length of a reply that is filler, in tokens; None for a reply that is there.
        basis: "counted" for an answer that is at hand.
    """

    answer: Answer
    filled: tuple[int | None, ...]
    basis: Basis

    def length(self, turn: int, measure: Measure) -> int:
        """Tokens of the reply to a turn, which counts from 1."""
        filled = self.filled[turn - 1]
        return measure.text(self.answer.turns[turn - 1]) if filled is None else filled


def at_hand(answer: Answer) -> Said:
    """An answer that is recorded or in the store."""
    return Said(answer, (None,) * len(answer.replies), "counted")


class Forecast:
    """What one side will say where that is not known.

    Args:
        side: Whose replies these are.
        model: Its name.
        longest: Most tokens of a reply.
        earlier: A run to go by, where there is one: a question's own reply then, else the turn's mean length.
        same_bench: Whether that run's questions are the ones asked now.
    """

    def __init__(
        self, side: Side, model: str, longest: int, earlier: Earlier | None, *, same_bench: bool
    ) -> None:
        self._side = side
        self._model = model
        self._longest = longest
        self._before = {} if earlier is None else earlier.replies[side]
        self._by_question = self._before if same_bench else {}

    def of(self, question: Question) -> Said:
        """What stands for the answer to a question."""
        turns = len(question.turns)
        known = self._by_question.get(question.question_id, ())
        if len(known) == turns:
            return Said(self._answer(question, known), (None,) * turns, "as before")
        lengths = [self._usual(turn) for turn in range(1, turns + 1)]
        basis: Basis = weakest("at most" if length is None else "as before" for length in lengths)
        tokens = tuple(self._longest if length is None else length for length in lengths)
        filler = [_FILLER[self._side] * (_BYTES * count) for count in tokens]
        return Said(self._answer(question, filler), tokens, basis)

    def _usual(self, turn: int) -> int | None:
        """How long replies to a turn were; None where none is known."""
        sizes = [len(said[turn - 1].encode()) for said in self._before.values() if len(said) >= turn]
        return None if not sizes else min(round(sum(sizes) / len(sizes) / _BYTES), self._longest)

    def _answer(self, question: Question, texts: Sequence[str]) -> Answer:
        return Answer(question.question_id, self._model, tuple(map(Reply, texts)))


def conversation(question: Question, said: Said, system: str, measure: Measure) -> Iterator[Tokens]:
    """What a model is sent for each turn of a question, the turns before and their replies included.

    Args:
        system: The model's own system prompt.
    """
    messages = question.messages(system)
    replies = 0  # tokens of filler, which no tokenizer needs to see
    basis: Basis = "counted"
    for turn, text in enumerate(question.turns, 1):
        messages.append({"role": "user", "content": text})
        yield Tokens(measure.prompt(messages) + replies, basis)
        filled = said.filled[turn - 1]
        messages.append(
            {"role": "assistant", "content": said.answer.turns[turn - 1] if filled is None else ""}
        )
        replies += filled or 0
        basis = said.basis
