"""One question's conversation under way: what is asked next, what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mtbench_pytest.core.reasoning import all_thought
from mtbench_pytest.core.records import AnswerTask, Reply
from mtbench_pytest.models.hf.engine import Row
from mtbench_pytest.models.hf.sampling import turn_seed
from mtbench_pytest.models.hf.tokenizer import Tokens

# Tokens a chat template puts around a message and a reply, rather more than less.
_FRAME = 32


@dataclass(slots=True)
class Talk:
    """One question's conversation under way.

    Attributes:
        messages: What the chat template sees; starts with the system prompt where there is one.
        row: The turn that is asked and not yet answered, or the last one answered.
        failure: Why this question cannot be answered, or empty.
        room: About how many tokens the whole conversation may take, all turns and replies.
        batch_size: Most conversations that were generated together with it, in its smallest batch.
    """

    task: AnswerTask
    messages: list[dict[str, str]]
    row: Row | None = None
    replies: list[Reply] = field(default_factory=list)
    failure: str = ""
    room: int = 0
    batch_size: int = 0

    @property
    def turn(self) -> int:
        """The turn to be answered next, from 1."""
        return len(self.replies) + 1

    @property
    def greedy(self) -> bool:
        """Whether nothing is drawn."""
        return self.task.sampling.temperature == 0

    @property
    def open(self) -> bool:
        """Whether a turn is left to be answered."""
        return not self.failure and len(self.replies) < len(self.task.question.turns)

    def ask(self, tokens: Tokens) -> None:
        """Says the next turn's question; notes a failure where the context has no room for an answer."""
        self.messages.append({"role": "user", "content": self.task.question.turns[self.turn - 1]})
        prompt = tokens.prompt(self.messages)
        self.room = self.room or self._room(tokens, len(prompt))
        sampling = self.task.sampling
        room = tokens.context - len(prompt) if tokens.context else sampling.max_new_tokens
        if room <= 0:
            self.room = 0
            self.failure = (
                f"turn {self.turn}: the prompt has {len(prompt)} tokens, "
                f"the model's context holds {tokens.context}"
            )
            return
        budget = min(sampling.max_new_tokens, room)
        seed = turn_seed(sampling.seed, self.turn)
        self.row = Row(prompt, budget, sampling.temperature, seed, self.task.question.question_id)

    def _room(self, tokens: Tokens, prompt: int) -> int:
        """Prompt, later questions with what a template puts around them, and all replies at their longest."""
        turns = self.task.question.turns
        later = sum(_FRAME + tokens.count(turn) for turn in turns[1:])
        whole = prompt + later + len(turns) * self.task.sampling.max_new_tokens
        return min(whole, max(prompt, tokens.context)) if tokens.context else whole

    def hear(self, tokens: Tokens, written: Sequence[int], batch_size: int) -> None:
        """Takes the model's reply; the next turn sees its text without reasoning."""
        row = self.asked
        reply = Reply.from_raw(
            tokens.text(written),
            opened=tokens.opens_thought(row.prompt),
            capped=len(written) >= row.budget,
            prompt_tokens=len(row.prompt),
            completion_tokens=len(written),
        )
        if missing := all_thought(reply.text, reply.reasoning, row.budget if reply.capped else None):
            self.failure = f"turn {self.turn}: {missing}"
            return
        self.replies.append(reply)
        self.messages.append({"role": "assistant", "content": reply.text})
        self.batch_size = min(self.batch_size or batch_size, batch_size)

    @property
    def asked(self) -> Row:
        """The turn that was asked."""
        assert self.row is not None, "ask() comes first"
        return self.row
