"""All that a run learned about one question: the row, which is paired, resampled and reported."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from mtbench_pytest.core.records import (
    SIDES,
    Answer,
    AnswerFailure,
    Failure,
    JudgeFailure,
    Judgment,
    QuestionId,
    Side,
    Verdict,
)


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
        regraded: By side the judgments of a question that was asked again (`gate/drops.py`), one a turn and
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
