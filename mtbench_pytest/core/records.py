"""The records that travel through a run, all frozen: question, answer, judgment, verdict, row.

Turns are counted from 1, as FastChat counts them. Grades are on MT-bench's scale from 1 to 10.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mtbench_pytest.core.reasoning import split

Shown = tuple[tuple[str, ...], ...]  # of each answer the replies, one a turn


Side = Literal["candidate", "baseline"]
SIDES: tuple[Side, Side] = ("candidate", "baseline")
Party = Literal["candidate", "baseline", "judge"]

QuestionId = int | str
Check = Mapping[str, Any]


def clean(text: str) -> str:
    """Text that can be written as UTF-8: models can emit half of a surrogate pair."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, as chat APIs have it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Question:
    """One benchmark question: what the user says, turn by turn.

    Attributes:
        question_id: Unique in its bench.
        category: For example "writing" or "math".
        turns: The user's messages, one a turn, at least one.
        reference: Reference answers, one a turn, "" for a turn without; may be shorter, or empty.
        checks: For the offline `checks` judge: a tuple of checks for each turn, or empty.
        opening: What stands before the first turn: a system message, an earlier part of the conversation.
        language: Its own, as an ISO 639-1 code; "" for the bench's.
        language_exempt: Why a turn's reply need not be in that language, one a turn, "" for none; or empty.
    """

    question_id: QuestionId
    category: str
    turns: tuple[str, ...]
    reference: tuple[str, ...] = ()
    checks: tuple[tuple[Check, ...], ...] = ()
    opening: tuple[Message, ...] = ()
    language: str = ""
    language_exempt: tuple[str, ...] = ()

    def exempt(self, turn: int) -> str:
        """Why the reply to a turn need not be in the question's language, or ""."""
        return self.language_exempt[turn - 1] if self.language_exempt else ""

    def messages(self, system: str = "") -> list[dict[str, str]]:
        """What a model is told before the first turn.

        Args:
            system: The model's own system message; the question's binds before it.
        """
        opening = [{"role": message.role, "content": message.content} for message in self.opening]
        own = bool(opening) and opening[0]["role"] == "system"
        return opening if own or not system else [{"role": "system", "content": system}, *opening]

    @property
    def shown(self) -> tuple[str, ...]:
        """The turns as a judge reads them: what stands before the first is written out in front of it."""
        before = "".join(f"[{message.role}]\n{message.content}\n\n" for message in self.opening)
        first = f"{before}[user]\n{self.turns[0]}" if before else self.turns[0]
        return (first, *self.turns[1:])


@dataclass(frozen=True, slots=True)
class Sampling:
    """How one question's answer is drawn.

    Attributes:
        temperature: 0 is greedy.
        seed: Seeds this question's draws and no other's.
        max_new_tokens: Most tokens a reply may have.
    """

    temperature: float
    seed: int
    max_new_tokens: int


@dataclass(frozen=True, slots=True)
class AnswerTask:
    """A question to be answered, and how.

    Attributes:
        sample: Which of several answers to the question this is, from 1.
    """

    question: Question
    sampling: Sampling
    sample: int = 1


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said in one turn.

    Attributes:
        text: The reply as judged and as seen by the next turn, reasoning removed.
        reasoning: What the model thought before (`reasoning.py`), kept for the record.
        capped: The reply ended because a token limit did, not because the model stopped.
        prompt_tokens: Length of the prompt in tokens, where known.
        completion_tokens: Length of the reply in tokens, where known.
    """

    text: str
    reasoning: str = ""
    capped: bool = False
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    @classmethod
    def from_raw(
        cls,
        raw: str,
        *,
        opened: bool | None = None,
        capped: bool = False,
        prompt_tokens: int | None = None,
        completion_tokens: int | None = None,
    ) -> Reply:
        """Splits reasoning from what a model wrote.

        A block that is opened and never closed is all reasoning: the text is then empty.

        Args:
            opened: Whether the chat template opened a block of reasoning in the prompt; None where that is
                not known, so that a lone closing mark closes one.
        """
        parts = split(clean(raw), opened)
        return cls(parts.text, parts.reasoning, capped, prompt_tokens, completion_tokens)


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer to one question: one reply a turn.

    Attributes:
        made_with: What the answer depends on besides the question: dtype, device, batch, sampling.
    """

    question_id: QuestionId
    model: str
    replies: tuple[Reply, ...]
    made_with: Mapping[str, Any] = field(default_factory=dict)

    @property
    def turns(self) -> tuple[str, ...]:
        """The reply texts, one a turn."""
        return tuple(reply.text for reply in self.replies)

    @property
    def capped(self) -> bool:
        """Whether any reply was ended by a token limit."""
        return any(reply.capped for reply in self.replies)


@dataclass(frozen=True, slots=True)
class AnswerFailure:
    """A question that a model could not answer. Never an empty answer, never a score."""

    question_id: QuestionId
    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A judge prompt, rendered: the text that is sent."""

    name: str
    system: str
    user: str


@dataclass(frozen=True, slots=True)
class Judgment:
    """Single-answer grading of one turn.

    Attributes:
        grade: From 1 to 10.
        text: The judge's reply, its reasons included.
        served_model: The model's name as the judge's server gave it, where there is one.
        fingerprint: The server's `system_fingerprint`, or "".
        repeat: The how many-th time, from 1, that the judge was asked the same.
    """

    question_id: QuestionId
    turn: int
    model: str
    judge: str
    prompt: Prompt
    grade: float
    text: str
    served_model: str = ""
    fingerprint: str = ""
    repeat: int = 1


@dataclass(frozen=True, slots=True)
class Game:
    """One pairwise comparison in one order.

    Attributes:
        model_a: Name of the model whose answer stood first.
        model_b: Name of the model whose answer stood second.
        winner: "A", "B" or "tie", as the judge saw them.
        text: The judge's reply, its reasons included.
        served_model: The model's name as the judge's server gave it, where there is one.
        fingerprint: The server's `system_fingerprint`, or "".
    """

    question_id: QuestionId
    turn: int
    model_a: str
    model_b: str
    judge: str
    prompt: Prompt
    winner: Literal["A", "B", "tie"]
    text: str
    served_model: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class JudgeFailure:
    """A judgment that could not be had. It keeps what was sent and what came back.

    Attributes:
        models: The model judged; for a game the two, A first.
        unread: A reply came, and no verdict could be read off it.
        repeat: As of a judgment.
    """

    question_id: QuestionId
    turn: int
    models: tuple[str, ...]
    judge: str
    prompt: Prompt
    reason: str
    reply: str = ""
    unread: bool = False
    repeat: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """A pairwise comparison of one turn: two games with the order swapped.

    Attributes:
        games: The candidate is A in the first and B in the second.
            Empty where both conversations are the same text: a tie that needs no judge.
    """

    question_id: QuestionId
    turn: int
    games: tuple[Game, Game] | tuple[()] = ()

    @property
    def judge(self) -> str:
        """Whose it is; "" where nobody was asked."""
        return self.games[0].judge if self.games else ""

    @property
    def winners(self) -> tuple[Side | Literal["tie"], ...]:
        """Each game's winner, by side."""
        if not self.games:
            return ()
        first, second = self.games
        to_side: tuple[dict[str, Side | Literal["tie"]], dict[str, Side | Literal["tie"]]] = (
            {"A": "candidate", "B": "baseline", "tie": "tie"},
            {"A": "baseline", "B": "candidate", "tie": "tie"},
        )
        return (to_side[0][first.winner], to_side[1][second.winner])

    @property
    def consistent(self) -> bool:
        """Whether both orders gave the same winner."""
        return len(set(self.winners)) <= 1

    @property
    def winner(self) -> Side | Literal["tie"]:
        """The winner of both games; games that disagree are a tie (Zheng et al. 2023, section 3.4)."""
        return self.winners[0] if self.winners and self.consistent else "tie"

    @property
    def score(self) -> float:
        """The candidate's score: win 1, tie 0.5, loss 0."""
        return {"candidate": 1.0, "tie": 0.5, "baseline": 0.0}[self.winner]


Failure = AnswerFailure | JudgeFailure


@dataclass(frozen=True, slots=True)
class GradeTask:
    """Grade one turn of one answer.

    Attributes:
        turn: From 1.
        prompt: Rendered.
        sample: Which of a side's answers to the question it is, from 1.
        repeat: The how many-th time, from 1, that this is asked.
        nonce: Asked anew even where the same was asked before under another one.
    """

    question: Question
    turn: int
    answer: Answer
    prompt: Prompt
    sample: int = 1
    repeat: int = 1
    nonce: str = ""

    @property
    def shown(self) -> Shown:
        """What the judge sees of the answers: the replies up to the turn."""
        return (self.answer.turns[: self.turn],)


@dataclass(frozen=True, slots=True)
class GameTask:
    """Compare one turn of two answers, `answer_a` shown first."""

    question: Question
    turn: int
    answer_a: Answer
    answer_b: Answer
    prompt: Prompt

    @property
    def shown(self) -> Shown:
        """What the judge sees of the answers: the replies up to the turn."""
        return (self.answer_a.turns[: self.turn], self.answer_b.turns[: self.turn])


Task = GradeTask | GameTask


def repeat_of(task: Task) -> int:
    """The how many-th time, from 1, that the same is asked; games are played once."""
    return task.repeat if isinstance(task, GradeTask) else 1
