"""How often the rules for single answers of critical categories (`critical.py`) stop an equal model.

One answer is enough there to stop a run, so one grade given by accident may be too. How often that happens is
told from the bench's own grades: each side's grade of a turn is taken as the baseline's, moved by the judge's
noise alone. A model that is as good on average and answers some of these questions worse is no false alarm.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mtbench_pytest.core.records import Question, QuestionId, Row
from mtbench_pytest.gate.critical import Rules
from mtbench_pytest.gate.drops import FURTHER
from mtbench_pytest.gate.stats import any_of, turn_chance

Source = Literal["measured", "stated", "assumed"]

ASSUMED_GRADE = 8.0  # of every turn, where no run has graded any
_ASSUMED_SDS = (0.5, 1.0)  # points, of a judge whose noise nobody has measured
_ASKED_ONCE = frozenset({"judgments"})  # kinds of judges that have one grade of an answer and no more
_EXACT = "checks"  # says the same each time, and passes no bench with such a category


@dataclass(frozen=True, slots=True)
class JudgeNoise:
    """How far a judge's grades of the same answer lie apart.

    Attributes:
        sds: Standard deviations of a single grade, in points; several where none is known.
        source: "measured" by repeats in the run, "stated" in `bench.toml`, or "assumed".
    """

    sds: tuple[float, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of a critical question.

    Attributes:
        grade: The baseline's.
        margin: Points it may drop.
        floor: The grade it may not lie under; None for none.
        known: Whether the grade is one, or assumed.
    """

    category: str
    grade: float
    margin: float
    floor: float | None
    known: bool = True


@dataclass(frozen=True, slots=True)
class FalseAlarm:
    """How often an equal model is stopped by a turn of a critical category.

    Attributes:
        categories: That are critical.
        turns: Of their questions.
        assumed: Of these turns, those whose grade is `ASSUMED_GRADE` for want of a real one.
        gradings: So often a turn that breaks a rule is graded on both sides.
        source: Of the judge's noise.
        chances: By standard deviation of the judge's noise, in points, the chance for a whole run.
    """

    categories: tuple[str, ...]
    turns: int
    assumed: int
    gradings: int
    source: Source
    chances: Mapping[float, float]


def noise_of_judge(measured: float | None, stated: float | None) -> JudgeNoise:
    """What is known best of a judge's noise.

    Args:
        measured: Standard deviation within an answer that the run's own repeats show, in points.
        stated: The one that `bench.toml` states for the judge.
    """
    if measured is not None:
        return JudgeNoise((measured,), "measured")
    if stated is not None:
        return JudgeNoise((stated,), "stated")
    return JudgeNoise(_ASSUMED_SDS, "assumed")


def noise_of_judges(each: Sequence[JudgeNoise]) -> JudgeNoise:
    """The noise of the mean grade of several judges; of none, that of one of whom nothing is known."""
    if len(each) < 2:
        return each[0] if each else JudgeNoise(_ASSUMED_SDS, "assumed")
    if any(noise.source == "assumed" for noise in each):
        return JudgeNoise(tuple(sd / math.sqrt(len(each)) for sd in _ASSUMED_SDS), "assumed")
    together = math.hypot(*(noise.sds[0] for noise in each)) / len(each)
    return JudgeNoise((together,), each[0].source)


def gradings_by(kinds: Sequence[str]) -> int:
    """How often judges grade a turn that breaks a rule; 0 where no accident can happen.

    Args:
        kinds: As in the judges' specs; none where no judge is named yet.
    """
    if kinds and set(kinds) == {_EXACT}:
        return 0
    return 1 if kinds and set(kinds) <= _ASKED_ONCE | {_EXACT} else 1 + FURTHER


def turns_of_rows(rows: Iterable[Row], rules: Rules) -> Iterator[Turn]:
    """The critical turns of a run, by the baseline's grades in it."""
    for row in rows:
        if rules.is_critical(row.category):
            for grade in row.turn_grades("baseline").values():
                yield _turn(row.category, rules, grade)


def turns_of_questions(
    questions: Iterable[Question], rules: Rules, grades: Mapping[QuestionId, Mapping[int, float]]
) -> Iterator[Turn]:
    """The critical turns of a run that is still to come.

    Args:
        grades: By question and turn the grades that a baseline got in an earlier run.
    """
    for question in questions:
        if rules.is_critical(question.category):
            known = grades.get(question.question_id, {})
            for number in range(1, len(question.turns) + 1):
                yield _turn(question.category, rules, known.get(number))


def false_alarm(turns: Sequence[Turn], noise: JudgeNoise, gradings: int) -> FalseAlarm | None:
    """How often an equal model is stopped; None where no turn is critical or none is graded by accident."""
    if not turns or not gradings:
        return None
    return FalseAlarm(
        categories=tuple(dict.fromkeys(turn.category for turn in turns)),
        turns=len(turns),
        assumed=sum(not turn.known for turn in turns),
        gradings=gradings,
        source=noise.source,
        chances={
            sd: any_of(turn_chance(turn.grade, sd, turn.margin, turn.floor, gradings) for turn in turns)
            for sd in noise.sds
        },
    )


def _turn(category: str, rules: Rules, grade: float | None) -> Turn:
    margin, floor = rules.margin_of_question(category), rules.floor_of(category)
    return Turn(category, ASSUMED_GRADE if grade is None else grade, margin, floor, grade is not None)
