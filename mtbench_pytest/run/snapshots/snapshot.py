"""One question as it is recorded: both sides' answers, what judges said of them, and what each depends on.

It is what a reviewer reads and what a run without models replays; `file_format.py` makes a file of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mtbench_pytest.core.records import (
    SIDES,
    Answer,
    Game,
    Judgment,
    Prompt,
    Question,
    QuestionId,
    Reply,
    Sampling,
    Side,
    Verdict,
)
from mtbench_pytest.core.row import Row
from mtbench_pytest.store.keys import prompt_digest, question_digest

Winner = Side | Literal["tie"]


@dataclass(frozen=True, slots=True)
class Grading:
    """What a judge said of one turn of an answer.

    Attributes:
        prompt: The prompt's name.
        sha256: Of the prompt as it was sent.
        text: The judge's reply, its reasons included.
        judge: Its name.
        served_model: The model's name as the judge's server gave it, where there is one.
        fingerprint: The server's, or "".
    """

    prompt: str
    sha256: str
    grade: float
    text: str
    judge: str
    served_model: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Played:
    """What a judge said of one game; fields as `Grading` has them."""

    prompt: str
    sha256: str
    winner: Winner
    text: str
    judge: str
    served_model: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of an answer.

    Attributes:
        reply: Without its reasoning.
        gradings: One a judge and repeat: a judge may be asked several times.
        regraded: Each with the number of its repeat, of a question that was asked again; part of no grade.
    """

    reply: Reply
    gradings: tuple[Grading, ...]
    regraded: tuple[tuple[int, Grading], ...] = ()

    @property
    def grade(self) -> float:
        """Mean grade over repeats and judges, who were all asked as often."""
        return sum(one.grade for one in self.gradings) / len(self.gradings)


@dataclass(frozen=True, slots=True)
class AnswerSnapshot:
    """One answer to the question.

    Attributes:
        key: Its content hash (`keys.AnswerKeys`): weights or server, question, sampling.
    """

    key: str
    made_with: Mapping[str, Any]
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class SideSnapshot:
    """One side.

    Attributes:
        name: The model's.
        spec: As the user wrote it.
        answers: One, or several samples.
    """

    name: str
    spec: str
    answers: tuple[AnswerSnapshot, ...]

    def answer(self, question_id: QuestionId, sample: int = 1) -> Answer:
        """An answer that was recorded.

        Args:
            sample: From 1.
        """
        seen = self.answers[sample - 1]
        return Answer(question_id, self.name, tuple(turn.reply for turn in seen.turns), seen.made_with)


@dataclass(frozen=True, slots=True)
class JudgeSnapshot:
    """Who judged.

    Attributes:
        identity: Model, server, settings: what a judgment depends on besides its prompt.
    """

    name: str
    spec: str
    identity: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A judge's two games of a turn, the candidate first in the first; none where both said the same."""

    turn: int
    games: tuple[Played, Played] | tuple[()]

    @property
    def judge(self) -> str:
        """Whose it is; "" where nobody was asked."""
        return self.games[0].judge if self.games else ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A judged question.

    Attributes:
        sha256: Of what the user says in the question.
        samples: How many answers of the candidate were asked for.
        repeats: How often each answer was graded.
        pairwise: Whether answers were compared pairwise at all.
    """

    question_id: QuestionId
    category: str
    sha256: str
    sampling: Sampling
    samples: int
    repeats: int
    pairwise: bool
    judges: tuple[JudgeSnapshot, ...]
    sides: Mapping[Side, SideSnapshot]
    comparisons: tuple[Comparison, ...]

    def answers(self) -> dict[Side, list[dict[QuestionId, Answer]]]:
        """By side its answers, a mapping each: see `survey.judge_tasks`."""
        return {
            side: [
                {self.question_id: seen.answer(self.question_id, sample)}
                for sample in range(1, len(seen.answers) + 1)
            ]
            for side, seen in self.sides.items()
        }

    def said(self, judge: str) -> dict[tuple[str, int], Judgment | Game]:
        """What a judge said, by the digest of the prompt and repeat; the prompts' text is not recorded."""
        grades = {(said.sha256, one.repeat): one for said, one in self._judgments() if said.judge == judge}
        games = {(said.sha256, 1): game for said, game in self._games() if said.judge == judge}
        return {**grades, **games}

    def _judgments(self) -> Iterator[tuple[Grading, Judgment]]:
        for side in self.sides.values():
            for answer in side.answers:
                for number, turn in enumerate(answer.turns, 1):
                    repeats: Counter[str] = Counter()
                    for said in turn.gradings:
                        repeats[said.judge] += 1
                        yield said, self._judgment(side.name, number, said, repeats[said.judge])
                    for repeat, said in turn.regraded:
                        yield said, self._judgment(side.name, number, said, repeat)

    def _judgment(self, model: str, turn: int, said: Grading, repeat: int) -> Judgment:
        return Judgment(
            question_id=self.question_id,
            turn=turn,
            model=model,
            judge=said.judge,
            prompt=Prompt(said.prompt, "", ""),
            grade=said.grade,
            text=said.text,
            served_model=said.served_model,
            fingerprint=said.fingerprint,
            repeat=repeat,
        )

    def _games(self) -> Iterator[tuple[Played, Game]]:
        names = tuple(self.sides[side].name for side in SIDES)
        for comparison in self.comparisons:
            for said, (a, b), first in zip(comparison.games, (names, names[::-1]), SIDES, strict=False):
                yield (
                    said,
                    Game(
                        question_id=self.question_id,
                        turn=comparison.turn,
                        model_a=a,
                        model_b=b,
                        judge=said.judge,
                        prompt=Prompt(said.prompt, "", ""),
                        winner="tie" if said.winner == "tie" else "A" if said.winner == first else "B",
                        text=said.text,
                        served_model=said.served_model,
                        fingerprint=said.fingerprint,
                    ),
                )


@dataclass(frozen=True, slots=True)
class About:
    """What a row does not tell of itself.

    Attributes:
        specs: By side, as the user wrote them.
        keys: By side, of each answer.
    """

    sampling: Sampling
    samples: int
    repeats: int
    pairwise: bool
    judges: tuple[JudgeSnapshot, ...]
    specs: Mapping[Side, str]
    keys: Mapping[Side, Sequence[str]]


def snapshot_of(row: Row, question: Question, about: About) -> Snapshot:
    """What is recorded of a question whose both sides are judged."""
    return Snapshot(
        question_id=question.question_id,
        category=question.category,
        sha256=question_digest(question),
        sampling=about.sampling,
        samples=about.samples,
        repeats=about.repeats,
        pairwise=about.pairwise,
        judges=about.judges,
        sides={side: _side(row, side, about) for side in SIDES},
        comparisons=tuple(_comparison(verdict) for verdict in row.verdicts),
    )


def _side(row: Row, side: Side, about: About) -> SideSnapshot:
    answers = tuple(
        _answer(answer, judgments, regraded, key)
        for (answer, judgments), regraded, key in zip(
            row.answered(side), row.regraded_answers(side), about.keys[side], strict=True
        )
        if answer is not None
    )
    return SideSnapshot(row.answers[side].model, about.specs[side], answers)


def _answer(
    answer: Answer, judgments: Sequence[Judgment], regraded: Sequence[Judgment], key: str
) -> AnswerSnapshot:
    turns = tuple(
        Turn(
            reply,
            tuple(_grading(judgment) for judgment in judgments if judgment.turn == turn),
            tuple((judgment.repeat, _grading(judgment)) for judgment in regraded if judgment.turn == turn),
        )
        for turn, reply in enumerate(answer.replies, 1)
    )
    return AnswerSnapshot(key, answer.made_with, turns)


def _grading(said: Judgment) -> Grading:
    prompt = said.prompt
    served = (said.served_model, said.fingerprint)
    return Grading(prompt.name, prompt_digest(prompt), said.grade, said.text, said.judge, *served)


def _comparison(verdict: Verdict) -> Comparison:
    if not verdict.games:
        return Comparison(verdict.turn, ())
    first, second = (
        _played(game, winner) for game, winner in zip(verdict.games, verdict.winners, strict=True)
    )
    return Comparison(verdict.turn, (first, second))


def _played(game: Game, winner: Winner) -> Played:
    served = (game.served_model, game.fingerprint)
    return Played(game.prompt.name, prompt_digest(game.prompt), winner, game.text, game.judge, *served)
