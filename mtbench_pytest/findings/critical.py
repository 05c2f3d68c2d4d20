"""How often critical categories stop an equal model: for people and for programs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mtbench_pytest.core.records import Question, QuestionId
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.text import chance, one_line
from mtbench_pytest.findings.base import Facts
from mtbench_pytest.findings.judges import staying
from mtbench_pytest.gate.critical import Rules
from mtbench_pytest.gate.drops import FURTHER
from mtbench_pytest.gate.stats import any_of, turn_chance

Source = Literal["measured", "stated", "assumed"]

ASSUMED_GRADE = 8.0  # of every turn, where no run has graded any

_ASSUMED_SDS = (0.5, 1.0)  # points, of a judge whose noise nobody has measured

_ASKED_ONCE = frozenset({"judgments"})  # kinds of judges that have one grade of an answer and no more

_EXACT = "checks"  # says the same each time, and passes no bench with such a category


_LONGEST = 40  # characters of a category's name


def false_alarm_line(found: FalseAlarm) -> str:
    """One sentence, for the summary and a plan."""
    return f"critical: {_names(found)}: an equal model would be stopped by one turn in {_chances(found)}"


def false_alarm_markdown(found: FalseAlarm | None) -> Iterator[str]:
    """The report's section, or nothing where no category is critical."""
    if found is None:
        return
    yield ""
    yield "## Critical categories"
    yield ""
    yield (
        f"{_names(found)}: an equal model would be stopped by one turn in {_chances(found)}. Taken for this: "
        f"both sides' true grades of the {found.turns} turns are the baseline's, and a turn counts where "
        f"{_gradings(found)}."
    )


def false_alarm_result(found: FalseAlarm | None) -> dict[str, Any] | None:
    """As in `result.json`; null where no category is critical."""
    if found is None:
        return None
    return {
        "categories": list(found.categories),
        "turns": found.turns,
        "assumed_grades": found.assumed,
        "gradings": found.gradings,
        "judge_noise": found.source,
        "chances": [{"judge_sd": sd, "chance": value} for sd, value in found.chances.items()],
    }


def _names(found: FalseAlarm) -> str:
    return ", ".join(one_line(name, _LONGEST) for name in found.categories)


def _chances(found: FalseAlarm) -> str:
    """The figures and what they rest on."""
    (sd, value), *others = found.chances.items()
    told = [f"{chance(value)} of runs at a judge SD of {sd:.2g}"]
    told += [f"{chance(value)} at {sd:.2g}" for sd, value in others]
    rest = [f"{'both ' if others else ''}{found.source}"]
    rest.append(f"{found.gradings} gradings" if found.gradings > 1 else "one grading")
    if found.assumed:
        of = f" of {found.assumed} turns" if found.assumed < found.turns else " of every turn"
        rest.append(f"assumed grade {ASSUMED_GRADE:g}{of}")
    return f"{' and '.join(told)} ({'; '.join(rest)})"


def _gradings(found: FalseAlarm) -> str:
    if found.gradings == 1:
        return "its one grade breaks a rule, for this judge cannot be asked again"
    return f"each of {found.gradings} gradings breaks the same rule"


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


class CriticalFinding:
    """How often the run's critical categories stop an equal model."""

    def __init__(self, facts: Facts) -> None:
        stated = facts.bench.config.judge_noise
        judges = facts.once(staying).values()
        noise = noise_of_judges(
            [noise_of_judge(judge.noise, stated.get(judge.judge["name"])) for judge in judges]
        )
        turns = list(turns_of_rows(facts.rows, facts.policy))
        self._found = false_alarm(turns, noise, gradings_by(facts.judge_kinds))

    def lines(self) -> Iterator[str]:
        """For the summary."""
        if self._found is not None:
            yield false_alarm_line(self._found)

    def markdown(self) -> Iterator[str]:
        """A section of the report."""
        return false_alarm_markdown(self._found)

    def result(self) -> Mapping[str, Any]:
        """As in `result.json`."""
        return {"critical": false_alarm_result(self._found)}
