"""One question's conversation under way: what is asked next, what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mtbench_pytest.models.engine import Engine, Row
from mtbench_pytest.models.sampling import turn_seed
from mtbench_pytest.records import AnswerTask, Reply


@dataclass(slots=True)
class Talk:
    """One question's conversation under way.

    Attributes:
        messages: What the chat template sees; starts with the system prompt where there is one.
        row: The turn that is asked and not yet answered, or the last one answered.
        failure: Why this question cannot be answered, or empty.
        batch_size: Most conversations that were generated together with it, in its smallest batch.
    """

    task: AnswerTask
    messages: list[dict[str, str]]
    row: Row | None = None
    replies: list[Reply] = field(default_factory=list)
    failure: str = ""
    batch_size: int = 0

    @property
    def turn(self) -> int:
        """The turn to be answered next, from 1."""
        return len(self.replies) + 1

    @property
    def open(self) -> bool:
        """Whether a turn is left to be answered."""
        return not self.failure and len(self.replies) < len(self.task.question.turns)

    def ask(self, engine: Engine) -> None:
        """Says the next turn's question; notes a failure where the context has no room for an answer."""
        self.messages.append({"role": "user", "content": self.task.question.turns[self.turn - 1]})
        prompt = engine.prompt(self.messages)
        sampling = self.task.sampling
        room = engine.context - len(prompt) if engine.context else sampling.max_new_tokens
        if room <= 0:
            self.failure = (
                f"turn {self.turn}: the prompt has {len(prompt)} tokens, "
                f"the model's context holds {engine.context}"
            )
            return
        budget = min(sampling.max_new_tokens, room)
        self.row = Row(prompt, budget, sampling.temperature, turn_seed(sampling.seed, self.turn))

    def hear(self, engine: Engine, tokens: Sequence[int], batch_size: int) -> None:
        """Takes the model's reply; the next turn sees its text without reasoning."""
        row = self.asked
        reply = Reply.from_raw(
            engine.text(tokens),
            opened=engine.opens_thought(row.prompt),
            capped=len(tokens) >= row.budget,
            prompt_tokens=len(row.prompt),
            completion_tokens=len(tokens),
        )
        self.replies.append(reply)
        self.messages.append({"role": "assistant", "content": reply.text})
        self.batch_size = min(self.batch_size or batch_size, batch_size)

    @property
    def asked(self) -> Row:
        """The turn that was asked."""
        assert self.row is not None, "ask() comes first"
        return self.row


def plan_order(talk: Talk) -> tuple[int, bool, int, str]:
    """Sorts by prompt length, longest first, then by question id: numbers before strings."""
    question_id = talk.task.question.question_id
    number = question_id if isinstance(question_id, int) else 0
    return (-len(talk.row.prompt) if talk.row else 0, isinstance(question_id, str), number, str(question_id))
