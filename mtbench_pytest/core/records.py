"""The records that travel through a run, all frozen: question, answer, judgment, verdict, row.

Turns are counted from 1, as FastChat counts them. Grades are on MT-bench's scale from 1 to 10.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

Side = Literal["candidate", "baseline"]
SIDES: tuple[Side, Side] = ("candidate", "baseline")
Party = Literal["candidate", "baseline", "judge"]

QuestionId = int | str
Check = Mapping[str, Any]

_THINK = re.compile(r"\A\s*(?:<think>)?(.*?)</think>\s*", re.DOTALL)


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
        reasoning: What stood before `</think>`, kept for the record.
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
            opened: Whether the chat template opened a `<think>` block in the prompt; None where that is
                not known, so that a lone `</think>` closes one.
        """
        raw = clean(raw)
        text, reasoning = raw, ""
        begun = raw.lstrip().startswith("<think>")
        closed = "</think>" in raw and (begun or opened is not False)
        match = _THINK.match(raw) if closed else None
        if match:
            text, reasoning = raw[match.end() :], match.group(1).strip()
        elif begun or opened:
            text, reasoning = "", raw.lstrip().removeprefix("<think>").strip()
        return cls(text, reasoning, capped, prompt_tokens, completion_tokens)


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
class Sample:
    """A further answer of one side to a question, with its grades.

    Attributes:
        number: From 2; the first answer and its grades stand in the row itself.
        judgments: One a turn that was graded.
        regraded: As of a row.
    """

    number: int
    answer: Answer
    judgments: tuple[Judgment, ...] = ()
    regraded: tuple[Judgment, ...] = ()

    def by(self, judges: Collection[str]) -> Sample:
        """The same, judged by some of the judges."""
        return replace(self, judgments=_by(judges, self.judgments), regraded=_by(judges, self.regraded))


def _by(judges: Collection[str], judgments: Sequence[Judgment]) -> tuple[Judgment, ...]:
    return tuple(judgment for judgment in judgments if judgment.judge in judges)


def repeated(judgments: Sequence[Judgment]) -> dict[int, tuple[float, ...]]:
    """By turn the grades of one answer, one a repeat."""
    found: dict[int, tuple[float, ...]] = {}
    for judgment in judgments:
        found[judgment.turn] = (*found.get(judgment.turn, ()), judgment.grade)
    return found


@dataclass(frozen=True)  # without slots, for grades are asked for again and again and computed once
class Row:
    """All that a run learned about one question: the unit that is paired, resampled and reported.

    Attributes:
        bench: The bench's name.
        turns: How many turns the question has.
        game_turns: The turns that were to be compared pairwise; empty where there are no games.
        answers: By side; a side that failed is absent.
        judgments: By side, one a turn and repeat that was graded, in this order.
        verdicts: One a turn that was compared.
        failures: What could not be had, and why.
        drawn: By side how many answers were asked for, where these are more than one.
        samples: By side the answers after the first; games are played with the first alone.
        repeats: How often each answer was to be graded.
        regraded: By side the judgments of a question that was asked again (`drops.py`), one a turn and
            repeat; repeat numbers go on after `repeats`. They are part of no grade.
        regrade_failures: What of these could not be had; the question is judged all the same.
        judges: Names of the judges asked, in the order in which they were named; each judgment, game and
            failure to judge says whose it is. A row that names none has one.
        left: By name the judges that had left the panel by then, and why.
    """

    bench: str
    question_id: QuestionId
    category: str
    turns: int
    game_turns: tuple[int, ...] = ()
    answers: Mapping[Side, Answer] = field(default_factory=dict)
    judgments: Mapping[Side, tuple[Judgment, ...]] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    failures: tuple[Failure, ...] = ()
    drawn: Mapping[Side, int] = field(default_factory=dict)
    samples: Mapping[Side, tuple[Sample, ...]] = field(default_factory=dict)
    repeats: int = 1
    regraded: Mapping[Side, tuple[Judgment, ...]] = field(default_factory=dict)
    regrade_failures: tuple[JudgeFailure, ...] = ()
    judges: tuple[str, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)

    def by(self, judges: Collection[str]) -> Row:
        """What some of the judges said, as if no other had been asked.

        A tie of identical answers, which asked nobody, is every judge's.
        """
        asked = tuple(judge for judge in self.judges if judge in judges)
        if asked == self.judges:
            return self
        return replace(
            self,
            judges=asked,
            left={judge: why for judge, why in self.left.items() if judge in asked},
            judgments={side: _by(asked, found) for side, found in self.judgments.items()},
            verdicts=tuple(verdict for verdict in self.verdicts if verdict.judge in ("", *asked)),
            failures=tuple(f for f in self.failures if isinstance(f, AnswerFailure) or f.judge in asked),
            samples={side: tuple(one.by(asked) for one in found) for side, found in self.samples.items()},
            regraded={side: _by(asked, found) for side, found in self.regraded.items()},
            regrade_failures=tuple(failure for failure in self.regrade_failures if failure.judge in asked),
        )

    @property
    def views(self) -> list[Row]:
        """What each judge said alone; of one that judges alone the row itself."""
        return [self] if len(self.judges) < 2 else [self.by([judge]) for judge in self.judges]

    @property
    def present(self) -> Row:
        """What the judges said that had not left."""
        return self.by([judge for judge in self.judges if judge not in self.left]) if self.left else self

    def answered(self, side: Side) -> Iterator[tuple[Answer | None, tuple[Judgment, ...]]]:
        """A side's answers, each with its judgments; None where the first one failed."""
        yield self.answers.get(side), self.judgments.get(side, ())
        yield from ((sample.answer, sample.judgments) for sample in self.samples.get(side, ()))

    def regraded_answers(self, side: Side) -> Iterator[tuple[Judgment, ...]]:
        """The further judgments of each of a side's answers, in the order of `answered`."""
        yield self.regraded.get(side, ())
        yield from (sample.regraded for sample in self.samples.get(side, ()))

    def repeated(self, side: Side) -> dict[int, tuple[float, ...]]:
        """By turn the grades that the first answer got, one a repeat."""
        return repeated(self.judgments.get(side, ()))

    def turn_grades(self, side: Side) -> dict[int, float]:
        """By turn the first answer's mean grade over repeats and judges; a turn that lacks one has none."""
        return self._turn_grades(self.judgments.get(side, ()))

    def each_turn_grades(self, side: Side) -> list[dict[int, float]]:
        """The same of each of a side's answers, the first one first."""
        return [self._turn_grades(judgments) for _, judgments in self.answered(side)]

    def grades(self, side: Side) -> tuple[float, ...] | None:
        """Mean grade over turns, repeats and judges of each answer of a side; None unless all is graded."""
        return self._grades[side]

    @cached_property
    def _grades(self) -> Mapping[Side, tuple[float, ...] | None]:
        return {side: self._grades_of(side) for side in SIDES}

    def _grades_of(self, side: Side) -> tuple[float, ...] | None:
        graded = [self._turn_grades(judgments).values() for _, judgments in self.answered(side)]
        if len(graded) != self.drawn.get(side, 1) or any(len(found) != self.turns for found in graded):
            return None
        return tuple(sum(found) / self.turns for found in graded)

    def grade(self, side: Side) -> float | None:
        """Mean grade over turns, repeats, judges and samples; None unless all asked for is graded."""
        grades = self.grades(side)
        return None if grades is None else sum(grades) / len(grades)

    @property
    def allowance(self) -> float:
        """How far the worst of the baseline's samples lies under their mean, in points.

        What the baseline itself may say in one of its answers is no fault of the candidate's: the question
        margin counts from there.
        """
        grades = self.grades("baseline")
        return sum(grades) / len(grades) - min(grades) if grades else 0.0

    def _turn_grades(self, judgments: Sequence[Judgment]) -> dict[int, float]:
        if len(self.judges) < 2:
            return self._means(judgments)
        each = [self._means(_by([judge], judgments)) for judge in self.judges]
        turns = [turn for turn in each[0] if all(turn in means for means in each)]
        return {turn: sum(means[turn] for means in each) / len(each) for turn in turns}

    def _means(self, judgments: Sequence[Judgment]) -> dict[int, float]:
        """One judge's, over the repeats."""
        found = repeated(judgments).items()
        return {turn: sum(grades) / self.repeats for turn, grades in found if len(grades) == self.repeats}

    @property
    def difference(self) -> float | None:
        """Candidate's grade less baseline's; None unless both are known."""
        candidate, baseline = self.grade("candidate"), self.grade("baseline")
        return None if candidate is None or baseline is None else candidate - baseline

    @property
    def score(self) -> float | None:
        """Mean pairwise score of the candidate over the turns compared (win 1, tie 0.5, loss 0).

        Of several judges it is the mean of their own.
        """
        each = [self.verdicts] if len(self.judges) < 2 else list(map(self.verdicts_of, self.judges))
        if not self.game_turns or any(len(verdicts) != len(self.game_turns) for verdicts in each):
            return None
        scores = [sum(verdict.score for verdict in verdicts) / len(verdicts) for verdicts in each]
        return sum(scores) / len(scores)

    def verdicts_of(self, judge: str) -> tuple[Verdict, ...]:
        """One judge's comparisons; a tie of identical answers is every judge's."""
        return tuple(verdict for verdict in self.verdicts if verdict.judge in ("", judge))

    def weight(self, verdict: Verdict) -> float:
        """The share of the score that rests on a comparison of a row that has a score."""
        judges = 1 if verdict.games else max(len(self.judges), 1)
        return judges / (len(self.game_turns) * max(len(self.judges), 1))

    @property
    def judged(self) -> bool:
        """Whether everything that was asked about this question is known."""
        return self.difference is not None and (self.score is not None or not self.game_turns)
