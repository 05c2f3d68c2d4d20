"""How a blessed baseline's grades enter a run: those that stand, and those that are asked for again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from mtbench_pytest.core.records import GradeTask, Judgment, QuestionId
from mtbench_pytest.findings.drift import Drift, measure
from mtbench_pytest.models.blessed import Blessed

Place = tuple[QuestionId, int, int, int]


@dataclass(frozen=True, slots=True)
class Again:
    """A blessed grade that is asked for once more.

    Attributes:
        task: What the judge is asked, whatever is stored.
        old: What it gave when the baseline was blessed, the mean over its repeats.
    """

    task: GradeTask
    old: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How a blessed baseline's grades enter a run.

    Attributes:
        grades: Those that stand; empty where all its answers are graded anew.
        anew: Why they are graded anew, or "".
        nonce: Given to both sides' grades, so that none comes from an earlier run; or "".
        again: Grades that are asked for once more, to see whether the judge moved.
        noise: Standard deviation of the difference between an answer's old grade and one of today, were the
            judge the same: 0 where it is not known, for each answer was graded once.
        served: The names and fingerprints under which the judge's server answered then.
    """

    blessed: Blessed
    grades: Mapping[Place, Judgment] = field(default_factory=dict)
    anew: str = ""
    nonce: str = ""
    again: tuple[Again, ...] = ()
    noise: float = 0.0
    served: Sequence[Mapping[str, str]] = ()

    def grade(self, task: GradeTask) -> Judgment | None:
        """The blessed grade that stands for a task about the baseline's answer."""
        return self.grades.get(place_of(task))


def known_grades(standings: Iterable[Standing]) -> dict[QuestionId, float]:
    """The baseline's mean grade of each question whose blessed grades, by every judge, stand."""
    each = [_known_grades(standing) for standing in standings]
    known = set.intersection(*map(set, each)) if each else set()
    return {question_id: fmean(grades[question_id] for grades in each) for question_id in known}


def _known_grades(standing: Standing) -> dict[QuestionId, float]:
    """One judge's."""
    turns: dict[tuple[QuestionId, int], list[float]] = {}
    for (question_id, _, sample, _), judgment in standing.grades.items():
        turns.setdefault((question_id, sample), []).append(judgment.grade)
    # Each answer has as many grades as the others, of all its turns and repeats.
    samples: dict[QuestionId, list[float]] = {}
    for (question_id, _), grades in turns.items():
        samples.setdefault(question_id, []).append(fmean(grades))
    return {question_id: fmean(grades) for question_id, grades in samples.items()}


def drift_of(again: Sequence[Again], grades: Sequence[float | None], noise: float = 0.0) -> Drift:
    """What grades of today, None where one could not be had, say of those from before.

    Args:
        again: What was asked.
        grades: The answers, in the same order.
        noise: See `Standing`.
    """
    pairs: dict[QuestionId, list[tuple[float, float | None]]] = {}
    for one, grade in zip(again, grades, strict=True):
        pairs.setdefault(one.task.question.question_id, []).append((one.old, grade))
    # The question is the unit: its turns are one difference.
    whole = [
        (fmean(old for old, _ in found), fmean(new for _, new in found if new is not None))
        for found in pairs.values()
        if all(new is not None for _, new in found)
    ]
    return measure(whole, len(pairs), noise)


def place_of(task: GradeTask) -> Place:
    """Where a grade belongs."""
    return (task.question.question_id, task.turn, task.sample, task.repeat)


def standing_result(standing: Standing) -> dict[str, Any]:
    """The blessed baseline as in `result.json`, under `baseline`."""
    manifest = standing.blessed.manifest
    return {
        "name": standing.blessed.name,
        "sha256": standing.blessed.sha256,
        "by": manifest["blessed"]["name"],
        "at": manifest["blessed"]["at"],
        "sampling": manifest["sampling"],
        "grades": len(standing.grades),
        "graded_anew": standing.anew,
        "served": list(standing.served),
        "checked": len({again.task.question.question_id for again in standing.again}),
    }
